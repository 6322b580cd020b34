/// Programs to read first; each runs by itself.
package dev.nacre.examples;
