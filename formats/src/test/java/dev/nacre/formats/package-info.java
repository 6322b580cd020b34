/// Tests of what all formats share.
package dev.nacre.formats;
