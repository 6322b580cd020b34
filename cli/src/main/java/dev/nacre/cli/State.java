package dev.nacre.cli;

import dev.nacre.formats.model.Checkpoint;
import dev.nacre.nn.Module;
import dev.nacre.type.NacreException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/// A checkpoint that a command has written, with the settings of the training as text.
record State(Path file, Checkpoint checkpoint) {
    private static final int MOST = 10_000_000;

    /// What may be given when a training is resumed; everything else is as it was.
    private static final List<String> FREE =
            List.of("--resume", "--save", "--data", "--verbose", "--debug", "--help", "--version");

    /// The state to go on from, if one is given.
    static Optional<State> of(Optional<Path> file, CommandSpec command) {
        if (file.isEmpty()) {
            return Optional.empty();
        }
        for (OptionSpec o : command.commandLine().getParseResult().matchedOptions()) {
            if (!FREE.contains(o.longestName())) {
                throw new ParameterException(
                        command.commandLine(),
                        o.longestName()
                                + " cannot be changed when a training is resumed; --save can");
            }
        }
        State s = new State(file.get(), Checkpoint.read(file.get()));
        String theirs = s.text("command");
        if (!theirs.equals(command.name())) {
            throw new NacreException(
                    "resume: "
                            + file.get()
                            + " is of 'nacre train "
                            + theirs
                            + "', not of 'nacre train "
                            + command.name()
                            + "'");
        }
        return Optional.of(s);
    }

    String text(String key) {
        return Optional.ofNullable(checkpoint.progress().get(key))
                .orElseThrow(() -> broken("it lacks '" + key + "'"));
    }

    <T> T value(String key, Function<String, T> read) {
        try {
            return read.apply(text(key));
        } catch (IllegalArgumentException _) { // numbers, too
            throw broken("its " + key + " is '" + text(key) + "'");
        }
    }

    /// A number of things, such as a batch has examples.
    int count(String key) {
        int n = value(key, Integer::parseInt);
        if (n < 1 || n > MOST) {
            throw broken("its " + key + " is " + n);
        }
        return n;
    }

    /// A learning rate.
    double rate(String key) {
        double x = value(key, Double::parseDouble);
        if (!(x > 0 && Double.isFinite(x))) {
            throw broken("its " + key + " is " + x);
        }
        return x;
    }

    /// A place, if there is one.
    Optional<Path> place(String key) {
        return checkpoint.progress().containsKey(key)
                ? Optional.of(value(key, Path::of))
                : Optional.empty();
    }

    <T extends Module> T module(Class<T> type) {
        if (!type.isInstance(checkpoint.module())) {
            throw broken("it holds a " + checkpoint.module().getClass().getSimpleName());
        }
        return type.cast(checkpoint.module());
    }

    NacreException broken(String why) {
        return new NacreException("resume: " + file + " is broken: " + why);
    }

    /// The data are those it was trained on.
    void requireSame(String key, String now) {
        if (!text(key).equals(now)) {
            throw new NacreException(
                    "resume: "
                            + file
                            + " was trained on other data: "
                            + key
                            + " "
                            + text(key)
                            + ", now "
                            + now);
        }
    }

    /// Keys and values for a checkpoint, in their order.
    static Map<String, String> texts(Object... pairs) {
        Map<String, String> out = new java.util.LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            out.put((String) pairs[i], String.valueOf(pairs[i + 1]));
        }
        return out;
    }
}
