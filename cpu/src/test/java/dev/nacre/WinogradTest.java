package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.compile.Kernel;
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
        long taken =
                step.plan(x, k, b).kernels().stream()
                        .filter(Kernel.Convolution.class::isInstance)
                        .filter(n -> Winograd.prepare((Kernel.Product) n).isPresent())
                        .count();
        assertEquals(c.taken, taken, step.explain(x, k, b));
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
}
