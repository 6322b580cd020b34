package dev.nacre.cli;

import dev.nacre.Rng;
import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Digits;
import dev.nacre.nn.data.FashionMnist;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.nn.data.Split;
import dev.nacre.nn.train.Screen;
import dev.nacre.type.Precision;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `nacre train DATA`.
@Command(
        name = "train",
        description = {
            "Train a network on a data set and save it.",
            "Ctrl-C finishes the step, saves a checkpoint and ends; --resume goes on from it. A"
                    + " second Ctrl-C ends at once."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  nacre train digits",
            "  nacre train fashion-mnist --model cnn --epochs 3",
            "  nacre train chars --text book.txt --steps 3000"
        },
        mixinStandardHelpOptions = true,
        subcommands = TrainChars.class)
final class Train implements Runnable {
    @Spec private CommandSpec spec;

    Train() {}

    enum Kind {
        mlp,
        cnn,
        resnet
    }

    /// What all data sets have in common.
    static final class Options {
        @Option(
                names = "--epochs",
                paramLabel = "N",
                description = "How often to go through the training images.")
        private Optional<Integer> epochs = Optional.empty();

        @Option(names = "--batch", paramLabel = "N", description = "How many images a step takes.")
        private Optional<Integer> batch = Optional.empty();

        @Option(names = "--lr", paramLabel = "X", description = "The highest learning rate.")
        private Optional<Double> learningRate = Optional.empty();

        @Option(
                names = "--seed",
                paramLabel = "S",
                defaultValue = "0",
                description = "Of first values, order and dropout (default: ${DEFAULT-VALUE}).")
        private long seed;

        @Option(
                names = "--precision",
                paramLabel = "f32|bf16",
                defaultValue = "f32",
                description = "Of products and convolutions (default: ${DEFAULT-VALUE}).")
        private Precision precision = Precision.F32;

        @Option(names = "--save", paramLabel = "FILE", description = "Where to put the network.")
        private Optional<Path> save = Optional.empty();

        @Option(
                names = "--resume",
                paramLabel = "FILE",
                description = "Go on where a training was stopped: a checkpoint that it left.")
        private Optional<Path> resume = Optional.empty();

        Training.Settings settings(CommandSpec spec, Training.Settings usual) {
            require(
                    spec,
                    epochs.orElse(1) >= 1,
                    "--epochs must be at least 1, but is " + epochs.orElse(1));
            require(
                    spec,
                    batch.orElse(1) >= 1,
                    "--batch must be at least 1, but is " + batch.orElse(1));
            double rate = learningRate.orElse(usual.learningRate());
            require(
                    spec,
                    rate > 0 && Double.isFinite(rate),
                    "--lr must be a number above 0, but is " + rate);
            return new Training.Settings(
                    epochs.orElse(usual.epochs()),
                    batch.orElse(usual.batch()),
                    rate,
                    seed,
                    precision,
                    usual.flips());
        }

        private static void require(CommandSpec spec, boolean holds, String message) {
            if (!holds) {
                throw new ParameterException(spec.commandLine(), message);
            }
        }
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which data set?");
    }

    @Command(
            description =
                    "A small convolutional network on the handwritten digits that come with Nacre.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  nacre train digits",
                "  nacre train digits --epochs 30 --lr 0.001 --seed 7 --save mine.safetensors",
                "  nacre train digits --resume digits.checkpoint.safetensors"
            },
            mixinStandardHelpOptions = true)
    void digits(@Mixin Options options) {
        CommandSpec command = spec.subcommands().get("digits").getCommandSpec();
        Optional<State> state = State.of(options.resume, command);
        Training.Settings settings =
                state.map(Training.Settings::of)
                        .orElseGet(() ->
                                options.settings(command, Training.Settings.of(15, 32, 3e-3)));
        Path target =
                Saving.target(
                        options.save.or(() -> saved(state)),
                        "digits",
                        options.resume.stream().toList());
        run(command, Kind.cnn, Digits.split(), 16, settings, state, target, Map.of());
    }

    /// Where a training that was stopped would have saved.
    static Optional<Path> saved(Optional<State> state) {
        return state.map(s -> s.value("save", Path::of));
    }

    @Command(
            name = "fashion-mnist",
            description = "A network on Fashion-MNIST.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  nacre train fashion-mnist --model cnn --epochs 3",
                "  nacre train fashion-mnist --model resnet --precision bf16 --data ~/fashion",
                "  nacre train fashion-mnist --resume fashion-mnist-cnn.checkpoint.safetensors"
            },
            mixinStandardHelpOptions = true)
    void fashionMnist(
            @Option(
                            names = "--model",
                            paramLabel = "mlp|cnn|resnet",
                            defaultValue = "cnn",
                            description =
                                    "Dense, convolutional or residual (default: ${DEFAULT-VALUE}).")
                    Kind kind,
            @Option(
                            names = "--data",
                            paramLabel = "DIR",
                            description = "Where to look for the four files first.")
                    Optional<Path> folder,
            @Mixin Options options) {
        CommandSpec command = spec.subcommands().get("fashion-mnist").getCommandSpec();
        Optional<State> state = State.of(options.resume, command);
        Kind model = state.map(s -> s.value("model", Kind::valueOf)).orElse(kind);
        Training.Settings usual = Training.Settings.of(model == Kind.cnn ? 3 : 10, 128, 3e-3);
        Training.Settings settings =
                state.map(Training.Settings::of)
                        .orElseGet(() ->
                                options.settings(
                                        command, model == Kind.resnet ? usual.withFlips() : usual));
        PrintWriter err = command.commandLine().getErr();
        Optional<Path> place = folder.or(() -> state.flatMap(s -> s.place("data")));
        List<Path> inputs = new ArrayList<>(options.resume.stream().toList());
        place.ifPresent(p -> inputs.addAll(FashionMnist.files(p)));
        Path target =
                Saving.target(
                        options.save.or(() -> saved(state)), "fashion-mnist-" + model, inputs);
        Split data =
                FashionMnist.read(
                        place,
                        note -> {
                            err.println("nacre: " + note);
                            err.flush();
                        });
        Map<String, String> where =
                place.map(p -> Map.of("data", p.toAbsolutePath().toString())).orElse(Map.of());
        run(command, model, data, 32, settings, state, target, where);
    }

    private static Sequential network(Kind kind, Split data, int width, long seed) {
        Preprocessing images = data.train().preprocessing();
        int classes = data.train().classes().size();
        Rng rng = Rng.seed(seed);
        return switch (kind) {
            case mlp -> Networks.mlp(images, classes, rng);
            case cnn -> Networks.cnn(images, classes, width, rng);
            case resnet -> Networks.resnet(images, classes, width, rng);
        };
    }

    private static void run(
            CommandSpec command,
            Kind kind,
            Split data,
            int width,
            Training.Settings settings,
            Optional<State> state,
            Path target,
            Map<String, String> where) {
        PrintWriter out = command.commandLine().getOut();
        Preprocessing images = data.train().preprocessing();
        Training training =
                state.map(s -> Training.of(s, data, images))
                        .orElseGet(() ->
                                Training.of(
                                        network(kind, data, width, settings.seed()),
                                        data,
                                        images,
                                        settings));
        out.printf(
                Locale.ROOT,
                "%s%n%s%nfrom %s; %s with %,d parameters%n",
                data.train(),
                data.test(),
                data.origin(),
                kind,
                training.network().parameterCount());
        out.flush();
        try (Interrupts interrupts = Interrupts.taken(command.commandLine().getErr())) {
            train(training, out, interrupts);
            training.endIfStopped(
                    interrupts,
                    target,
                    command,
                    () -> {
                        Map<String, String> more = new LinkedHashMap<>(where);
                        more.put("model", kind.name());
                        return more;
                    });
            Training.Score score = training.test();
            Saving.finite("test loss", score.loss());
            Saving.write(
                    target,
                    Model.of(training.network(), Input.Images.of(images))
                            .labels(data.train().classes())
                            .provenance(
                                    provenance(
                                            command,
                                            kind.name(),
                                            data,
                                            settings,
                                            training,
                                            score)));
            out.println("saved " + target);
            out.printf(Locale.ROOT, "test accuracy %.4f%n", score.accuracy());
            out.flush();
            interrupts.throwIfAsked();
        }
    }

    private static void train(Training training, PrintWriter out, Interrupts interrupts) {
        Progress progress =
                new Progress(
                        Screen.of(out),
                        System::nanoTime,
                        new Progress.Work(
                                training.steps(), training.batches(), training.batch(), true),
                        training.done());
        try {
            training.train(progress, interrupts::isAsked);
        } finally {
            progress.close();
        }
    }

    private static Map<String, String> provenance(
            CommandSpec command,
            String kind,
            Split data,
            Training.Settings settings,
            Training training,
            Training.Score score) {
        Map<String, String> out = new LinkedHashMap<>();
        out.put("data", command.name());
        out.put("training images", data.train().size() + ", SHA-256 " + data.train().sha256());
        out.put("test images", data.test().size() + ", SHA-256 " + data.test().sha256());
        out.put("model", kind);
        out.put("epochs", String.valueOf(settings.epochs()));
        out.put("batch", String.valueOf(training.batch()));
        out.put("learning rate", String.valueOf(settings.learningRate()));
        out.put("optimizer", Training.METHOD);
        out.put("seed", String.valueOf(settings.seed()));
        out.put("precision", settings.precision().toString().toLowerCase(Locale.ROOT));
        if (settings.flips()) {
            out.put("augmentation", "mirrored left to right at random");
        }
        out.put("test accuracy", String.format(Locale.ROOT, "%.4f", score.accuracy()));
        out.put("test loss", String.format(Locale.ROOT, "%.4f", score.loss()));
        out.put("nacre", Build.version());
        Build.commit().ifPresent(c -> out.put("commit", c));
        out.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        return out;
    }
}
