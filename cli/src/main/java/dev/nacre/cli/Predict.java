package dev.nacre.cli;

import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.formats.model.Prediction;
import dev.nacre.nn.LanguageModel;
import dev.nacre.nn.Sampling;
import dev.nacre.nn.data.Image;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.type.NacreException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `nacre predict MODEL INPUT`.
@Command(
        name = "predict",
        description =
                "Print the most probable classes of an image, or how a text goes on, by a model"
                        + " that 'nacre train' or a program has saved.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  nacre predict digits.safetensors three.png",
            "  nacre predict digits.safetensors paper.jpg --invert --top 1",
            "  nacre predict chars.safetensors 'Love, n.' --count 100 --temperature 0.5"
        },
        mixinStandardHelpOptions = true)
final class Predict implements Runnable {
    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "A file that 'nacre train' has saved.")
    private Path model;

    @Parameters(
            index = "1",
            paramLabel = "INPUT",
            description =
                    "A picture of any size, grey or colour, which is resized and normalised as in"
                            + " training; or, for a model of text, how the text begins.")
    private String input;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "3",
            description = "How many classes to print (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(
            names = "--invert",
            description =
                    "Exchange dark and bright first: for ink on paper, where the model knows bright strokes on black.")
    private boolean invert;

    @Option(
            names = "--count",
            paramLabel = "N",
            defaultValue = "80",
            description = "How many characters to write (default: ${DEFAULT-VALUE}).")
    private int count;

    @Option(
            names = "--temperature",
            paramLabel = "X",
            defaultValue = "0.8",
            description = "Of what is written; 0 is greedy (default: ${DEFAULT-VALUE}).")
    private double temperature;

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "0",
            description = "Of what is written (default: ${DEFAULT-VALUE}).")
    private long seed;

    Predict() {}

    @Override
    public void run() {
        require(top >= 1, "--top must be at least 1, but is " + top);
        require(count >= 0, "--count must be at least 0, but is " + count);
        require(
                temperature >= 0 && Double.isFinite(temperature),
                "--temperature must be a number of at least 0, but is " + temperature);
        Model saved = Model.read(model);
        switch (saved.input()) {
            case Input.Images i -> classes(saved, i.preprocessing());
            case Input.Text _ -> text(saved);
            case Input.Numbers _ ->
                    throw new NacreException(
                            "predict: " + model + " takes numbers, neither pictures nor text");
        }
    }

    private void require(boolean holds, String message) {
        if (!holds) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    private Path file(String name) {
        try {
            return Nacre.path(name);
        } catch (CommandLine.TypeConversionException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage());
        }
    }

    private void classes(Model saved, Preprocessing preprocessing) {
        Image read = Image.read(file(input));
        Image picture = invert ? read.invert() : read;
        if (isBright(picture) && !isBright(preprocessing)) {
            PrintWriter err = spec.commandLine().getErr();
            err.println(
                    "nacre: "
                            + input
                            + " has a bright border, and the model was trained on images that are mostly dark: should it be --invert?");
            err.flush();
        }
        List<Prediction.Choice> best = saved.predict(picture).top(top);
        int width = best.stream().mapToInt(c -> Printable.line(c.label()).length()).max().orElse(0);
        PrintWriter out = spec.commandLine().getOut();
        for (Prediction.Choice c : best) {
            out.printf(
                    Locale.ROOT, "%s  %.4f%n", Printable.padded(c.label(), width), c.probability());
        }
        out.flush();
    }

    private void text(Model saved) {
        long most = saved.network() instanceof LanguageModel m ? m.positions() : Long.MAX_VALUE;
        int more = (int) Math.min(count, most - input.codePointCount(0, input.length()));
        Sampling how = temperature == 0 ? Sampling.GREEDY : Sampling.of(temperature).topP(0.95);
        PrintWriter out = spec.commandLine().getOut();
        out.println(saved.generate(input, Math.max(0, more), how, seed));
        out.flush();
    }

    private static boolean isBright(Image image) {
        return image.border() > 0.6;
    }

    private static boolean isBright(Preprocessing p) {
        return p.mean().stream().mapToDouble(m -> m).average().orElse(0) > 0.5;
    }
}
