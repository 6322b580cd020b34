package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Plan;
import dev.nacre.cpu.CpuBackend;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.winograd.Winograd;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Against the same in f64, which is computed by its definition.
class WinogradTest {
    private final Rng rng = Rng.seed(7);

    @BeforeEach
    void needsTheLibraryAndMachineCode() {
        assumeTrue(OneDnn.get().isPresent() && CpuBackend.isMachineCode());
    }

    /// @param taken how many of the three kinds are computed so
    private record Case(
            int images, int in, int out, int height, int width, int padding, int taken) {
        static Case of(String words) {
            String[] w = words.split(" ");
            int[] n = new int[w.length];
            for (int i = 0; i < n.length; i++) {
                n[i] = Integer.parseInt(w[i]);
            }
            return new Case(n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
        }
    }

    /// Forward, the gradient of the data and that of the kernel: images of one part, of many and of less than one; rows taken by the team and by each thread; odd sizes; all paddings; few tiles, which are not worth it.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "2 64 64 32 32 1 3",
                "65 64 80 4 4 1 3",
                "33 64 64 4 4 1 1",
                "17 96 64 8 8 1 3",
                "3 64 65 21 24 0 3",
                "2 80 64 31 30 2 3",
                "4 32 40 15 17 1 3",
                "2 64 64 70 9 1 3",
                "5 64 64 32 31 1 3",
                "9 32 40 37 30 1 3",
                "1 64 64 8 8 1 0",
                "8 16 64 16 16 1 0"
            })
    void threeKinds(String words) {
        Case c = Case.of(words);
        Tensor x = rng.normal(Shape.of(c.images, c.in, c.height, c.width)).realize();
        Tensor k = rng.normal(Shape.of(c.out, c.in, 3, 3)).mul(0.1).realize();
        Tensor b = rng.normal(Shape.of(c.out, 1, 1)).realize();
        Function step =
                Function.ofMany(t -> {
                    Tensor y = t.get(0).relu().conv2d(t.get(1), 1, c.padding, 1, 1);
                    Tensor z = y.add(t.get(2)).relu();
                    Gradients g = Gradients.of(z.square().sum(), t.get(0), t.get(1));
                    return List.of(z.mul(2), g.of(t.get(0)), g.of(t.get(1)));
                });
        assertEquals(c.taken, taken(step.plan(x, k, b)), step.explain(x, k, b));
        List<Tensor> narrow = step.call(x, k, b);
        List<Tensor> wide = step.call(x.cast(DType.F64), k.cast(DType.F64), b.cast(DType.F64));
        for (int i = 0; i < 3; i++) {
            double largest = wide.get(i).abs().max().item();
            assertArrayEquals(
                    wide.get(i).div(largest).toDoubleArray(),
                    narrow.get(i).cast(DType.F64).div(largest).toDoubleArray(),
                    3e-6,
                    List.of("result", "gradient of x", "gradient of the kernel").get(i));
        }
    }

    /// Pixels that are not finite make not finite what sees them, as they do in the plain sum, and nothing else: with weights that stay and weights that change, and in the gradient of the data.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "Infinity",
                "-Infinity",
                "NaN",
                "Infinity Infinity",
                "Infinity -Infinity",
                "-Infinity NaN"
            })
    void pixelsThatAreNotFinite(String poison) {
        Shape shape = Shape.of(2, 32, 33, 30);
        Tensor clean = rng.normal(shape).realize();
        Tensor k = rng.normal(Shape.of(40, 32, 3, 3)).mul(0.1).realize();
        Tensor other = rng.normal(Shape.of(32, 40, 3, 3)).mul(0.1).realize();
        float[] numbers = clean.toFloatArray();
        int at = 32 * 33 * 30 + 5 * 33 * 30; // in channel 5 of the second image
        int[] places = {at, at + 15 * 30 + 8, at + 15 * 30 + 9, at + 33 * 30 - 1};
        String[] words = poison.split(" ");
        for (int i = 0; i < places.length; i++) {
            numbers[places[i]] = Float.parseFloat(words[i % words.length]);
        }
        Tensor x = Tensor.of(numbers, shape.toArray()).realize();
        Function changing = Function.ofMany(t -> List.of(conv(t.get(0), t.get(1))));
        Function staying = Function.ofMany(t -> List.of(conv(t.get(0), k)));
        Function gradient =
                Function.ofMany(t -> {
                    Tensor image = Tensor.zeros(t.get(1).dtype(), 2, 40, 33, 30);
                    Tensor y = image.conv2d(t.get(1), 1, 1, 1, 1);
                    return List.of(Gradients.of(y.mul(t.get(0)).sum(), image).of(image));
                });
        assertEquals(1, taken(changing.plan(x, k)), changing.explain(x, k));
        assertEquals(1, taken(gradient.plan(x, other)), gradient.explain(x, other));
        same("changing weights", changing.call(x, k), wide(changing, x, k));
        same("weights that stay", staying.call(x), wide(changing, x, k));
        same("gradient of the data", gradient.call(x, other), wide(gradient, x, other));
    }

    private static Tensor conv(Tensor x, Tensor k) {
        return x.conv2d(k, 1, 1, 1, 1).add(0.5);
    }

    private static List<Tensor> wide(Function f, Tensor x, Tensor k) {
        return f.call(x.cast(DType.F64), k.cast(DType.F64));
    }

    private static long taken(Plan plan) {
        return plan.kernels().stream()
                .filter(Kernel.Convolution.class::isInstance)
                .filter(n -> Winograd.prepare((Kernel.Product) n).isPresent())
                .count();
    }

    private static void same(String what, List<Tensor> got, List<Tensor> want) {
        double[] a = got.getFirst().cast(DType.F64).toDoubleArray();
        double[] b = want.getFirst().toDoubleArray();
        for (int i = 0; i < a.length; i++) {
            assertEquals(b[i], a[i], 1e-4, what + " [" + i + "]");
        }
    }
}
