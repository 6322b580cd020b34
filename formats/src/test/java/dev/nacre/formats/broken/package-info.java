/// What every reader does with files that are not what they should be.
package dev.nacre.formats.broken;
