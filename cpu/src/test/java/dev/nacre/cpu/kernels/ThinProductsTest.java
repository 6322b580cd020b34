package dev.nacre.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.Shape;
import org.junit.jupiter.api.Test;

/// Batches of single rows and columns that lie apart in memory, such as one token's heads within a fused projection, which oneDNN 3.11 takes for dense ones.
class ThinProductsTest {
    private final Rng rng = Rng.seed(5);

    private static void assertSame(Tensor a, Tensor b) {
        Tensor denseA = a.add(1).sub(1).realize();
        Tensor denseB = b.add(1).sub(1).realize();
        assertArrayEquals(denseA.matmul(denseB).toFloatArray(), a.matmul(b).toFloatArray(), 1e-5f);
    }

    @Test
    void rows() {
        for (int n = 1; n <= 5; n++) {
            Tensor all = rng.normal(Shape.of(n, 1, 36)).realize();
            Tensor heads = all.narrow(-1, 0, 12).reshape(n, 1, 2, 6).permute(0, 2, 1, 3);
            assertSame(heads, rng.normal(Shape.of(n, 2, 6, 7)).realize());
            assertSame(rng.normal(Shape.of(n, 2, 5, 1)).realize(), heads);
            assertSame(heads, heads.transpose());
            assertSame(all.narrow(-1, 0, 6), rng.normal(Shape.of(n, 6, 7)).realize());
            assertSame(rng.normal(Shape.of(n, 5, 1)).realize(), all.narrow(-1, 3, 6));
        }
    }

    @Test
    void columns() {
        for (int n = 1; n <= 5; n++) {
            Tensor all = rng.normal(Shape.of(n, 36, 1)).realize();
            assertSame(rng.normal(Shape.of(n, 7, 6)).realize(), all.narrow(1, 0, 6));
            assertSame(all.narrow(1, 2, 6), rng.normal(Shape.of(n, 1, 4)).realize());
        }
    }
}
