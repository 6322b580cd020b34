package dev.nacre.nn.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.Tensor;
import dev.nacre.type.ShapeException;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Weights beside the values of a metric: those that a loss takes, and no others.
class EachTest {
    private static final Each VALUES = new Each(Tensor.of(new float[][] {{1, 2}, {3, 5}, {8, 13}}));

    @Test
    void ofExamplesAndOfSteps() {
        double expected = (2 * (1 + 2) + 0 * (3 + 5) + 1 * (8 + 13)) / (2.0 * (2 + 0 + 1));
        List<Tensor> alike =
                List.of(
                        Tensor.of(new float[] {2, 0, 1}),
                        Tensor.of(new float[][] {{2}, {0}, {1}}),
                        Tensor.of(new float[][] {{2, 2}, {0, 0}, {1, 1}}));
        for (Tensor weights : alike) {
            assertEquals(expected, VALUES.mean(weights).item(), 1e-6, weights.toString());
            assertEquals(6, VALUES.weight(weights).item(), weights.toString());
        }
    }

    @Test
    void othersAreRefused() {
        for (Tensor weights :
                List.of(Tensor.ones(1), Tensor.ones(2), Tensor.ones(3, 3), Tensor.of(1f))) {
            assertThrows(ShapeException.class, () -> VALUES.mean(weights), weights.toString());
        }
    }
}
