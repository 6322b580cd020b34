package dev.nacre.cli;

import dev.nacre.nn.data.Digits;
import dev.nacre.nn.data.FashionMnist;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.nn.data.Split;
import dev.nacre.type.NacreException;
import dev.nacre.type.Precision;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
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
        description = "Train a network on a data set and save it.",
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

        /// Where to save; refused before any work is done if it cannot be written.
        Path target(String name) {
            return writable(save, name);
        }

        static Path writable(Optional<Path> save, String name) {
            Path file = save.orElse(Path.of(name + ".safetensors")).toAbsolutePath().normalize();
            Path folder = Optional.ofNullable(file.getParent()).orElse(file);
            if (Files.isDirectory(file)) {
                throw new NacreException("--save: " + file + " is a folder");
            }
            if (!Files.isDirectory(folder)) {
                throw new NacreException("--save: folder " + folder + " does not exist");
            }
            if (!Files.isWritable(folder)) {
                throw new NacreException("--save: folder " + folder + " is not writable");
            }
            return file;
        }
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Which data set?");
    }

    @Command(
            description =
                    "A small convolutional network on the handwritten digits that come with Nacre.",
            mixinStandardHelpOptions = true)
    void digits(@Mixin Options options) {
        CommandSpec command = spec.subcommands().get("digits").getCommandSpec();
        Training.Settings settings = options.settings(command, Training.Settings.of(15, 32, 3e-3));
        Path target = options.target("digits");
        Split data = Digits.split();
        Preprocessing images = data.train().preprocessing();
        run(
                command,
                "cnn",
                ModelSpec.cnn(images, data.train().classes().size(), 16),
                data,
                settings,
                target);
    }

    @Command(
            name = "fashion-mnist",
            description = "A network on Fashion-MNIST.",
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
        Training.Settings usual = Training.Settings.of(kind == Kind.cnn ? 3 : 10, 128, 3e-3);
        Training.Settings settings =
                options.settings(command, kind == Kind.resnet ? usual.withFlips() : usual);
        Path target = options.target("fashion-mnist-" + kind);
        PrintWriter err = command.commandLine().getErr();
        Split data =
                FashionMnist.read(
                        folder,
                        note -> {
                            err.println("nacre: " + note);
                            err.flush();
                        });
        Preprocessing images = data.train().preprocessing();
        int classes = data.train().classes().size();
        ModelSpec model =
                switch (kind) {
                    case mlp -> ModelSpec.mlp(images, classes);
                    case cnn -> ModelSpec.cnn(images, classes, 32);
                    case resnet -> ModelSpec.resnet(images, classes, 32);
                };
        run(command, kind.name(), model, data, settings, target);
    }

    private static void run(
            CommandSpec command,
            String kind,
            ModelSpec model,
            Split data,
            Training.Settings settings,
            Path target) {
        PrintWriter out = command.commandLine().getOut();
        Preprocessing images = data.train().preprocessing();
        Training training = new Training(model, data, images, settings);
        out.printf(
                Locale.ROOT,
                "%s%n%s%nfrom %s; %s with %,d parameters%n",
                data.train(),
                data.test(),
                data.origin(),
                kind,
                training.network().parameterCount());
        Progress progress =
                new Progress(
                        Terminal.screen(out),
                        System::nanoTime,
                        settings.epochs(),
                        training.batches(),
                        training.batch());
        try {
            training.train(progress);
        } finally {
            progress.close();
        }
        Training.Score score = training.test();
        Map<String, String> provenance = provenance(command, kind, data, settings, training, score);
        new SavedModel(model, training.network(), images, data.train().classes(), provenance)
                .write(target);
        out.println("saved " + target);
        out.printf(Locale.ROOT, "test accuracy %.4f%n", score.accuracy());
        out.flush();
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
