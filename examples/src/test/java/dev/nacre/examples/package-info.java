/// The examples, run.
package dev.nacre.examples;
