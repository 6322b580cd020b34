package dev.nacre.cli;

import dev.nacre.type.NacreException;
import java.io.FileDescriptor;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// The `nacre` command. Its exit status is one of [#STATUS].
@Command(
        name = "nacre",
        description = "Deep learning on the JVM.",
        versionProvider = Build.class,
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {
            "  nacre train digits",
            "  nacre predict digits.safetensors three.png",
            "  nacre train --help",
            "  source <(nacre generate-completion)     completes commands and options in bash and"
                    + " zsh"
        },
        subcommands = {
            Train.class,
            Predict.class,
            Inspect.class,
            Doctor.class,
            Example.class,
            AutoComplete.GenerateCompletion.class
        })
public final class Nacre implements Runnable {
    static final int FAILED = 1;
    static final int WRONG_USAGE = 2;
    static final int OUTPUT_LEFT = 141;

    /// What the exit status means.
    private static final Map<String, String> STATUS = new LinkedHashMap<>();

    static {
        STATUS.put(" 0", "done");
        STATUS.put(" 1", "it did not work; standard error says why");
        STATUS.put(" 2", "there is no such command or option, or a value is not allowed");
        STATUS.put("130", "interrupted by Ctrl-C; a training has saved a checkpoint");
        STATUS.put("143", "the same, by SIGTERM; 129 by SIGHUP");
        STATUS.put("141", "whoever read standard output has gone");
    }

    @Option(
            names = {"--verbose", "--debug"},
            scope = CommandLine.ScopeType.INHERIT,
            description = "Print the stack trace of an error.")
    private boolean verbose;

    @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

    Nacre() {}

    /// Runs a command and exits with its status.
    public static void main(String... args) {
        System.setProperty("java.awt.headless", "true");
        StandardStream stdout = new StandardStream(FileDescriptor.out);
        Writer out = new OutputStreamWriter(stdout, System.out.charset());
        Writer err = new OutputStreamWriter(System.err, System.err.charset());
        System.setOut(new PrintStream(stdout, true, System.out.charset())); // of the examples
        System.exit(finished(run(commandLine(out, err), args), stdout, System.err));
    }

    /// The status, if all that was printed has arrived.
    private static int finished(int status, StandardStream stdout, PrintStream err) {
        System.out.flush();
        if (stdout.failure().isEmpty()) {
            return status;
        }
        if (stdout.isLeft()) {
            return status == 0 ? OUTPUT_LEFT : status;
        }
        err.println(
                "nacre: standard output cannot be written: " + stdout.failure().get().getMessage());
        return status == 0 ? FAILED : status;
    }

    /// The command, printing to these.
    static CommandLine commandLine(Writer out, Writer err) {
        Nacre nacre = new Nacre();
        CommandLine line =
                new CommandLine(nacre)
                        .setOut(Printable.on(out))
                        .setErr(Printable.on(err))
                        .setColorScheme(
                                CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .setExpandAtFiles(false) // a text may begin with @
                        .registerConverter(Path.class, Nacre::path)
                        .setExitCodeExceptionMapper(_ -> FAILED)
                        .setParameterExceptionHandler(Nacre::wrongUsage)
                        .setExecutionExceptionHandler((e, at, _) -> nacre.failed(e, at.getErr()));
        document(line);
        return line;
    }

    /// What a user calls a file.
    static Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new CommandLine.TypeConversionException(
                    "'%s' is no name of a file (%s); Java takes names as the locale writes them, such as LC_ALL=C.UTF-8"
                            .formatted(text, e.getReason()));
        }
    }

    private static void document(CommandLine line) {
        line.getCommandSpec()
                .usageMessage()
                .exitCodeListHeading("%nExit status:%n")
                .exitCodeList(STATUS);
        line.getSubcommands().values().forEach(Nacre::document);
    }

    /// Runs a command: its status, whatever happens.
    static int run(CommandLine line, String... args) {
        int status;
        try {
            status = line.execute(args);
        } catch (OutOfMemoryError | StackOverflowError e) {
            status = ((Nacre) line.getCommand()).failed(e, line.getErr());
        }
        line.getOut().flush();
        line.getErr().flush();
        return status;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which command?");
    }

    private static int wrongUsage(ParameterException e, String[] args) {
        PrintWriter err = e.getCommandLine().getErr();
        err.println("nacre: " + indented(e.getMessage()));
        String advice = advice(e);
        if (!advice.isEmpty()) {
            err.println(advice);
        }
        err.println("Try '" + name(e) + " --help'.");
        err.flush();
        return WRONG_USAGE;
    }

    /// Lines that a name out of a file has begun do not look like the program's own.
    private static String indented(String message) {
        return String.valueOf(message).replaceAll("\n(?!  )", "\n  ");
    }

    private static String name(ParameterException e) {
        return e.getCommandLine().getCommandSpec().qualifiedName();
    }

    private static String advice(ParameterException e) {
        List<String> similar =
                e instanceof UnmatchedArgumentException u ? shown(u.getSuggestions()) : List.of();
        if (!similar.isEmpty()) {
            return ((UnmatchedArgumentException) e).isUnknownOption()
                    ? "Possible solutions: " + String.join(", ", similar)
                    : "Did you mean: "
                            + similar.stream()
                                    .map(c -> name(e) + " " + c)
                                    .collect(Collectors.joining(" or "))
                            + "?";
        }
        List<String> commands = shown(e.getCommandLine().getSubcommands().keySet());
        return commands.isEmpty() ? "" : "Commands: " + String.join(", ", commands);
    }

    private static List<String> shown(Collection<String> commands) {
        return commands.stream().filter(c -> !c.endsWith("generate-completion")).toList();
    }

    private int failed(Throwable e, PrintWriter err) {
        switch (e) {
            case Interrupts.Stopped s when s.getMessage().isEmpty() -> {}
            case Interrupts.Stopped _ -> err.println("nacre: " + e.getMessage());
            case NacreException _ -> err.println("nacre: " + indented(e.getMessage()));
            case OutOfMemoryError _ ->
                    err.println(
                            "nacre: memory is exhausted ("
                                    + e.getMessage()
                                    + "); java's option -Xmx, in JAVA_TOOL_OPTIONS, allows more");
            default -> {
                err.println("nacre: unexpected " + e);
                if (!verbose) {
                    err.println("This is a fault of Nacre; --verbose shows where.");
                }
            }
        }
        if (verbose) {
            e.printStackTrace(err);
        }
        err.flush();
        return e instanceof Interrupts.Stopped s ? s.status() : FAILED;
    }
}
