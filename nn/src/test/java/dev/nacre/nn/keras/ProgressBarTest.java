package dev.nacre.nn.keras;

import static dev.nacre.nn.keras.Fit.epochs;
import static dev.nacre.nn.keras.Fit.verbose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.nn.train.Screen;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProgressBarTest {
    private final StringWriter text = new StringWriter();
    private long now;

    private static Map<String, Double> logs(boolean validated) {
        Map<String, Double> out = new LinkedHashMap<>();
        out.put("loss", 0.6931);
        out.put("accuracy", 0.5);
        if (validated) {
            out.put("val_loss", 0.00012345);
            out.put("val_accuracy", Double.NaN);
        }
        return out;
    }

    private String run(boolean live, int width, int steps) {
        text.getBuffer().setLength(0);
        try (ProgressBar bar =
                new ProgressBar(new Screen(new PrintWriter(text), live, width), () -> now)) {
            bar.begin(9, 10, steps);
            for (int i = 1; i <= steps; i++) {
                now += 400_000_000L;
                bar.step(i, () -> logs(false));
            }
            bar.end(logs(true));
        }
        return text.toString().replace(System.lineSeparator(), "\n");
    }

    @Test
    void aFileGetsOneLineAnEpochAndNoControlCharacters() {
        assertEquals(
                "Epoch 9/10 - loss: 0.6931 - accuracy: 0.5000 - val_loss: 1.2345e-04"
                        + " - val_accuracy: NaN\n",
                run(false, 20, 12));
    }

    @Test
    void aTerminal() {
        assertEquals(
                "\rEpoch 9/10  1/4 [====            ]  0:01 left - loss: 0.6931 - accuracy:"
                        + " 0.5000\u001b[K"
                        + "\rEpoch 9/10  2/4 [========        ]  0:01 left - loss: 0.6931 -"
                        + " accuracy: 0.5000\u001b[K",
                run(true, 80, 4).substring(0, 2 * 83));
    }

    @Test
    void neverLongerThanTheTerminal() {
        for (int width = 1; width <= 130; width++) {
            for (int steps : new int[] {1, 12, 1000}) {
                String all = run(true, width, steps);
                for (String line : all.split("\n|\r")) {
                    String seen = line.replace("\u001b[K", "");
                    assertTrue(
                            seen.length() < width || seen.strip().length() <= 22 && width < 26,
                            width + ": " + seen);
                }
                assertTrue(all.endsWith("\n"));
                assertTrue(all.contains("val_accuracy: NaN"));
            }
        }
    }

    @Test
    void fitPrintsByItsLevel() {
        Tensor x = Tensor.ones(4, 1);
        for (int level : new int[] {0, 1, 2}) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            PrintStream before = System.out;
            try {
                System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
                Sequential s = Sequential.of(Input.of(1), Dense.of(1));
                s.compile("sgd", "mse");
                s.fit(x, x, epochs(2), verbose(level));
            } finally {
                System.setOut(before);
            }
            String out = bytes.toString(StandardCharsets.UTF_8);
            assertEquals(level == 0 ? 0 : 2, out.lines().count(), out);
            assertFalse(out.contains("\u001b") || out.contains("\r"), out);
        }
    }
}
