package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.optim.Adam;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// A step of a new length has the bits that it has in a process of its own, whatever lengths came before.
class NewSizesTest {
    private static final int WIDTH = 8;
    private static final int BATCH = 2;
    private static final int[] LENGTHS = {1, 7, 16, 33, 70};

    private static final Map<String, Function<Rng, Module>> NETWORKS = new LinkedHashMap<>();

    static {
        NETWORKS.put("lstm", r -> LSTM.of(WIDTH, WIDTH, r).withBatchFirst());
        NETWORKS.put("linear", r -> Linear.of(WIDTH, 3, r));
        NETWORKS.put("attention", r -> TransformerEncoderLayer.of(WIDTH, 2, 16, r).dropout(0));
    }

    /// One line for each network and length: the loss of a step, and the bits of the parameters after it.
    private static List<String> steps(int... lengths) {
        List<String> out = new ArrayList<>();
        NETWORKS.forEach((name, network) -> {
            for (int length : lengths) {
                out.add(name + " " + length + " " + step(network.apply(Rng.seed(1)), length));
            }
        });
        return out;
    }

    private static String step(Module net, int length) {
        float[] numbers = new float[BATCH * length * WIDTH];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (i * 37 % 101 - 50) / 25f;
        }
        var optimizer = Adam.of(net.parameters(), 0.1);
        Tensor loss =
                net.forward(Tensor.of(numbers).reshape(BATCH, length, WIDTH), Mode.TRAIN)
                        .square()
                        .mean();
        loss.backward();
        optimizer.step();
        int hash = 0;
        for (Variable v : net.parameters()) {
            hash = 31 * hash + Arrays.hashCode(v.toFloatArray());
        }
        return Float.floatToIntBits((float) loss.item()) + " " + hash;
    }

    /// Prints the steps of some lengths.
    static final class Program {
        public static void main(String[] lengths) {
            steps(Arrays.stream(lengths).mapToInt(Integer::parseInt).toArray())
                    .forEach(System.out::println);
        }
    }

    private static List<String> elsewhere(int... lengths) throws IOException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:+UseSerialGC",
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                System.getProperty(
                                        "surefire.test.class.path",
                                        System.getProperty("java.class.path")),
                                Program.class.getName()));
        Arrays.stream(lengths).mapToObj(Integer::toString).forEach(command::add);
        Process p =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        return new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList();
    }

    @Test
    void dependOnNothingThatCameBefore() throws IOException {
        List<String> here = steps(LENGTHS);
        int[] backwards =
                IntStream.range(0, LENGTHS.length)
                        .map(i -> LENGTHS[LENGTHS.length - 1 - i])
                        .toArray();
        assertEquals(
                here.stream().sorted().toList(), elsewhere(backwards).stream().sorted().toList());
    }
}
