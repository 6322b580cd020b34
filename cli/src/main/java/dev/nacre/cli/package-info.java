/// The `nacre` command.
package dev.nacre.cli;
