package dev.nacre.nn.keras;

import static dev.nacre.nn.keras.Fit.batchSize;
import static dev.nacre.nn.keras.Fit.callback;
import static dev.nacre.nn.keras.Fit.epochs;
import static dev.nacre.nn.keras.Fit.verbose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelCheckpointTest {
    private static final double NAN = Double.NaN;

    private final List<String> saved = new ArrayList<>();

    private final ModelCheckpoint.Saver saver = (path, _) -> saved.add(path.toString());

    private static Sequential tiny() {
        Sequential s = Sequential.of(Input.of(1), Dense.of(1));
        s.compile(Optimizers.sgd(0), "mse");
        return s;
    }

    /// The epochs, from 1, after which Keras's model_checkpoint.py saves.
    private static List<String> keras(double[] values, boolean up, double best) {
        List<String> out = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
            if (up ? values[i] > best : values[i] < best) {
                best = values[i];
                out.add("" + (i + 1));
            }
        }
        return out;
    }

    @Test
    void theBest() {
        double[][] series = {
            {3, 2, 2.5, 1, 1, NAN, 0.5},
            {NAN, 1, 2, NAN, 0.5},
            {NAN, NAN},
            {0.5, 0.7, 0.6, 0.8},
            {Double.POSITIVE_INFINITY, 5, Double.NEGATIVE_INFINITY}
        };
        for (double[] values : series) {
            for (String name : new String[] {"val_loss", "val_accuracy"}) {
                for (double threshold : new double[] {NAN, 0.65}) {
                    saved.clear();
                    ModelCheckpoint plain = ModelCheckpoint.of("{epoch}", saver).saveBestOnly(name);
                    ModelCheckpoint c =
                            Double.isNaN(threshold)
                                    ? plain
                                    : plain.initialValueThreshold(threshold);
                    c.onTrainBegin(tiny());
                    for (int i = 0; i < values.length; i++) {
                        assertTrue(c.onEpochEnd(i, Map.of(name, values[i])));
                    }
                    boolean up = name.equals("val_accuracy");
                    double worst = up ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
                    assertEquals(
                            keras(values, up, Double.isNaN(threshold) ? worst : threshold),
                            saved,
                            Arrays.toString(values) + name + threshold);
                }
            }
        }
    }

    @Test
    void names() {
        Map<String, Number> values = Map.of("epoch", 3, "val_loss", 0.123456, "loss", 12.5);
        Map<String, String> rows =
                Map.ofEntries(
                        Map.entry("m.safetensors", "m.safetensors"),
                        Map.entry("m-{epoch}", "m-3"),
                        Map.entry("m-{epoch:02d}", "m-03"),
                        Map.entry("m-{epoch:4d}", "m-   3"),
                        Map.entry("{epoch:02d}-{val_loss:.2f}.w", "03-0.12.w"),
                        Map.entry("{val_loss:.1e}", "1.2e-01"),
                        Map.entry("{loss}", "12.5"),
                        Map.entry("{loss:07.3f}", "012.500"),
                        Map.entry("{epoch:.1f}", "3.0"),
                        Map.entry("{loss:0.4f}", "12.5000"),
                        Map.entry("{loss:8.2F}", "   12.50"),
                        Map.entry("{loss:09.2E}", "01.25E+01"),
                        Map.entry("{val_loss:.1%}", "12.3%"),
                        Map.entry("{val_loss:%}", "12.345600%"),
                        Map.entry("{val_loss:9.1%}", "    12.3%"),
                        Map.entry("{val_loss:09.1%}", "000012.3%"),
                        Map.entry("{val_loss:1.1%}", "12.3%"),
                        Map.entry("{epoch:02}", "03"),
                        Map.entry("{epoch:0d}", "3"),
                        Map.entry("{epoch:}", "3"),
                        Map.entry("{{x}}", "{x}"),
                        Map.entry("$1\\{epoch}", "$1\\3"));
        rows.forEach((pattern, name) ->
                assertEquals(name, FilePattern.of(pattern).with(values).toString(), pattern));
        for (String broken :
                new String[] {"{", "}", "{epoch", "{epoch:x}", "{}", "{epoch:9999d}"}) {
            assertThrows(NacreException.class, () -> FilePattern.of(broken), broken);
        }
        for (String misfit : new String[] {"{val_acc}", "{loss:02d}", "{epoch:.2d}", "{loss:.4}"}) {
            FilePattern p = FilePattern.of(misfit);
            assertThrows(NacreException.class, () -> p.with(values), misfit);
        }
    }

    @Test
    void everySoManyBatches(@TempDir Path folder) {
        Tensor x = Tensor.ones(10, 1);
        tiny().fit(
                        x,
                        x,
                        epochs(3),
                        batchSize(2),
                        verbose(0),
                        callback(ModelCheckpoint.of("{epoch}.{batch}", saver).everyBatches(2)));
        // batches 2, 4, …, 14 of three epochs of five
        assertEquals(
                IntStream.range(1, 8)
                        .map(i -> 2 * i - 1)
                        .mapToObj(i -> (i / 5 + 1) + "." + (i % 5 + 1))
                        .toList(),
                saved);
        Path deep = folder.resolve("a").resolve("b");
        ModelCheckpoint made =
                ModelCheckpoint.of(
                        deep + "/{epoch}-{loss:.1f}",
                        (p, _) -> assertTrue(Files.isDirectory(p.getParent())));
        tiny().fit(x, x, verbose(0), callback(made));
        assertEquals(deep.toString(), made.saved().orElseThrow().getParent().toString());
    }

    @Test
    void misuse() {
        assertThrows(
                NacreException.class, () -> ModelCheckpoint.of("m", saver).saveBestOnly("score"));
        assertThrows(NacreException.class, () -> ModelCheckpoint.of("m", saver).everyBatches(0));
        ModelCheckpoint absent = ModelCheckpoint.of("m", saver).saveBestOnly("val_loss");
        Tensor x = Tensor.ones(1, 1);
        assertEquals(
                "modelCheckpoint: there is no 'val_loss'; there are loss\n"
                        + "  hint: fit(…, validationSplit(0.2)), or validationData(x, y)",
                assertThrows(
                                NacreException.class,
                                () -> tiny().fit(x, x, verbose(0), callback(absent)))
                        .getMessage());
        ModelCheckpoint broken =
                ModelCheckpoint.of(
                                "m",
                                (_, _) -> {
                                    throw new NacreException("disk full");
                                })
                        .saveBestOnly("loss");
        broken.onTrainBegin(tiny());
        for (int i = 0; i < 2; i++) { // what was not saved is not the best
            assertThrows(NacreException.class, () -> broken.onEpochEnd(0, Map.of("loss", 1.0)));
        }
        assertTrue(broken.saved().isEmpty());
    }
}
