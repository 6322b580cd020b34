package dev.nacre.cli;

import dev.nacre.type.NacreException;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// The `nacre` command. Exit status 0: done; 1: it did not work, and standard error says why.
@Command(
        name = "nacre",
        description = "Deep learning on the JVM.",
        versionProvider = Build.class,
        mixinStandardHelpOptions = true,
        subcommands = {Train.class, Predict.class, Inspect.class, Doctor.class, Example.class})
public final class Nacre implements Runnable {
    @Option(
            names = "--verbose",
            scope = CommandLine.ScopeType.INHERIT,
            description = "Print the stack trace of an error.")
    private boolean verbose;

    @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

    Nacre() {}

    /// Runs a command and exits with its status.
    public static void main(String... args) {
        System.setProperty("java.awt.headless", "true");
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        Nacre nacre = new Nacre();
        return new CommandLine(nacre)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExitCodeExceptionMapper(_ -> 1)
                .setParameterExceptionHandler(Nacre::wrongUsage)
                .setExecutionExceptionHandler((e, at, _) -> nacre.failed(e, at.getErr()));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which command?");
    }

    private static int wrongUsage(ParameterException e, String[] args) {
        PrintWriter err = e.getCommandLine().getErr();
        err.println("nacre: " + e.getMessage());
        String name = e.getCommandLine().getCommandSpec().qualifiedName();
        if (!UnmatchedArgumentException.printSuggestions(e, err)) {
            List<String> commands = e.getCommandLine().getSubcommands().keySet().stream().toList();
            if (!commands.isEmpty()) {
                err.println("Commands: " + String.join(", ", commands));
            }
        }
        err.println("Try '" + name + " --help'.");
        err.flush();
        return 1;
    }

    private int failed(Throwable e, PrintWriter err) {
        boolean expected = e instanceof NacreException;
        err.println("nacre: " + (expected ? e.getMessage() : "unexpected " + e));
        if (verbose) {
            e.printStackTrace(err);
        } else if (!expected) {
            err.println("This is a fault of Nacre; --verbose shows where.");
        }
        err.flush();
        return 1;
    }
}
