/// Tests of the command.
package dev.nacre.cli;
