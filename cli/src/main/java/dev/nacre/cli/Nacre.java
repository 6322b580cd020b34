package dev.nacre.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/// The `nacre` command.
@Command(name = "nacre", description = "Deep learning on the JVM.", mixinStandardHelpOptions = true)
public final class Nacre {
    Nacre() {}

    /// Runs a command and exits with its status.
    public static void main(String... args) {
        System.exit(new CommandLine(new Nacre()).execute(args));
    }

    @Command(description = "Print what Nacre found on this machine.")
    void doctor() {
        System.out.println("jdk  " + Runtime.version() + "  " + System.getProperty("java.home"));
    }
}
