package dev.nacre.cli;

import dev.nacre.nn.data.Image;
import dev.nacre.nn.data.Preprocessing;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `nacre predict MODEL IMAGE`.
@Command(
        name = "predict",
        description = "Print the most probable classes of an image.",
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
            paramLabel = "IMAGE",
            description =
                    "A picture of any size, grey or colour; it is resized and normalised as in training.")
    private Path image;

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

    Predict() {}

    @Override
    public void run() {
        if (top < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--top must be at least 1, but is " + top);
        }
        SavedModel saved = SavedModel.read(model);
        Image read = Image.read(image);
        Image picture = invert ? read.invert() : read;
        if (isBright(picture) && !isBright(saved.preprocessing())) {
            spec.commandLine()
                    .getErr()
                    .println(
                            "nacre: "
                                    + image
                                    + " has a bright border, and the model was trained on images that are mostly dark: should it be --invert?");
            spec.commandLine().getErr().flush();
        }
        float[] probabilities =
                saved.network()
                        .forward(saved.preprocessing().apply(picture))
                        .softmax(1)
                        .toFloatArray();
        List<Integer> best =
                IntStream.range(0, probabilities.length)
                        .boxed()
                        .sorted(Comparator.comparingDouble(i -> -probabilities[i]))
                        .limit(top)
                        .toList();
        int width = best.stream().mapToInt(i -> saved.classes().get(i).length()).max().orElse(1);
        PrintWriter out = spec.commandLine().getOut();
        for (int i : best) {
            out.printf(
                    Locale.ROOT,
                    "%-" + width + "s  %.4f%n",
                    saved.classes().get(i),
                    probabilities[i]);
        }
        out.flush();
    }

    private static boolean isBright(Image image) {
        return image.border() > 0.6;
    }

    private static boolean isBright(Preprocessing p) {
        return p.mean().stream().mapToDouble(m -> m).average().orElse(0) > 0.5;
    }
}
