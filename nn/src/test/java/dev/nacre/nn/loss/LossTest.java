package dev.nacre.nn.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import org.junit.jupiter.api.Test;

class LossTest {
    private static String error(Loss loss, Tensor x, Tensor y) {
        return assertThrows(NacreException.class, () -> loss.forward(x, y)).getMessage();
    }

    @Test
    void labelsOutOfRange() {
        Tensor x = Tensor.zeros(3, 10);
        for (DType t : new DType[] {DType.I64, DType.I32, DType.I8}) {
            assertEquals(
                    "crossEntropyLoss: label 10 at position 1 is out of range: the classes are 0 to 9",
                    error(
                            new CrossEntropyLoss(),
                            x,
                            Tensor.of(new long[] {9, 10, 0}).cast(t).realize()));
            assertEquals(
                    "crossEntropyLoss: label -1 at position 2 is out of range: the classes are 0 to 9\n"
                            + "  hint: if it marks what does not count, new"
                            + " CrossEntropyLoss().ignoreIndex(-1)",
                    error(
                            new CrossEntropyLoss(),
                            x,
                            Tensor.of(new long[] {9, 0, -1}).cast(t).realize()));
        }
        assertEquals(
                "nllLoss: label 255 at position 0 is out of range: the classes are 0 to 9",
                error(new NLLLoss(), x, Tensor.ofUnsigned(new byte[] {-1, 0, 0})));
        assertEquals(
                Math.log(10),
                new CrossEntropyLoss()
                        .ignoreIndex(-1)
                        .forward(x, Tensor.of(new long[] {9, 0, -1}))
                        .item(),
                1e-6);
        // Where the labels are computed, nobody has seen them: the loss is NaN, not another
        // example's.
        assertTrue(
                Double.isNaN(
                        new CrossEntropyLoss()
                                .forward(x, Tensor.of(new long[] {9, 10, 0}).add(0))
                                .item()));
    }

    @Test
    void shapesThatDoNotFit() {
        assertEquals(
                """
                mseLoss: prediction and target must have one shape
                  prediction  f32[4, 1]  ones
                  target      f32[4]     ones
                  hint: prediction.squeeze(-1) is [4]\
                """,
                error(new MSELoss(), Tensor.ones(4, 1), Tensor.ones(4)));
        assertEquals(
                """
                crossEntropyLoss: the weight must be one number per class, [3]
                  logits  f32[2, 3]  ones
                  weight  f32[4]     ones\
                """,
                error(
                        new CrossEntropyLoss().weight(Tensor.ones(4)),
                        Tensor.ones(2, 3),
                        Tensor.of(new long[] {0, 1})));
        assertEquals(
                "crossEntropyLoss: labelSmoothing must be from 0 to 1, but is 2.0",
                assertThrows(NacreException.class, () -> new CrossEntropyLoss().labelSmoothing(2))
                        .getMessage());
    }

    @Test
    void extremeLogitsStayFinite() {
        Tensor x = Tensor.of(new float[] {1e4f, -1e4f, 0}).reshape(1, 3);
        assertEquals(2e4, new CrossEntropyLoss().forward(x, Tensor.of(new long[] {1})).item(), 1);
        assertEquals(
                1e4, new BCEWithLogitsLoss().forward(Tensor.of(-1e4f), Tensor.of(1f)).item(), 1e-3);
    }
}
