package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.compile.Kernel;
import dev.nacre.cpu.CpuBackend;
import dev.nacre.cpu.PatchGradient;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PatchGradientTest {
    private final Rng rng = Rng.seed(11);

    @BeforeEach
    void needsTheLibraryAndChannelsLast() {
        assumeTrue(OneDnn.get().isPresent() && CpuBackend.isMachineCode());
    }

    /// Strides, paddings and dilations that leave rows and columns out or reach over the edge; one image and many at a time; too few outputs, channels that are no whole parts, too many positions.
    @ParameterizedTest
    @CsvSource({
        "F32,  32 128 256  8  8 3 2 1 1, 1",
        "BF16, 32 128 256  4  4 3 1 1 1, 1",
        "BF16,  6 160 264  9  7 3 2 1 1, 1",
        "F32,   5 128 256 11 13 3 1 2 2, 1",
        "F32,   3 128 256  6  5 5 1 2 1, 1",
        "F32,   2 128 256  7 31 3 3 0 1, 1",
        "BF16, 16 256 256  8  8 1 2 0 1, 1",
        "F32,   1 128 256  2  2 3 1 4 1, 0",
        "F32,   2 128 256  2  3 3 2 4 1, 1",
        "F32,   4 128 128  8  8 3 2 1 1, 0",
        "F32,   4 136 256  8  8 3 2 1 1, 0",
        "F32,   8 128 256 34 34 3 2 1 1, 0"
    })
    void theGradientByDefinition(DType type, String words, int taken) {
        int[] n = Arrays.stream(words.split(" +")).mapToInt(Integer::parseInt).toArray();
        int size = n[5];
        Tensor x = rng.normal(Shape.of(n[0], n[1], n[3], n[4])).cast(type).realize();
        Tensor k = rng.normal(Shape.of(n[2], n[1], size, size)).mul(0.1).cast(type).realize();
        Function gradient =
                Function.of((a, b) -> {
                    Tensor y = a.relu().conv2d(b, n[6], n[7], n[8], 1);
                    return Gradients.of(y.relu().square().sum(), b).of(b);
                });
        long found =
                gradient.plan(x, k).kernels().stream()
                        .filter(Kernel.Product.class::isInstance)
                        .filter(p -> PatchGradient.prepare((Kernel.Product) p).isPresent())
                        .count();
        assertEquals(taken, found, gradient.explain(x, k));
        Tensor wide = gradient.apply(x.cast(DType.F64), k.cast(DType.F64));
        double largest = wide.abs().max().item();
        assertArrayEquals(
                wide.div(largest).toDoubleArray(),
                gradient.apply(x, k).cast(DType.F64).div(largest).toDoubleArray(),
                type == DType.F32 ? 3e-6 : 1e-2);
    }
}
