package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.type.DType;
import dev.nacre.type.DTypeException;
import dev.nacre.type.NacreException;
import dev.nacre.type.ShapeException;
import dev.nacre.type.ValueException;
import java.util.List;
import org.junit.jupiter.api.Test;

class GradientsCheckTest {
    private static final Tensor X = Tensor.of(new double[] {0.5, -1, 2}, 3);

    @Test
    void acceptsRightDerivatives() {
        Tensor weight = Tensor.of(new double[] {1, 2, 3, 4, 5, 6}, 3, 2);
        Gradients.check(
                in -> in.get(0).matmul(weight).tanh().mul(in.get(1)),
                X,
                Tensor.of(new double[] {0.3, -2}, 2));
        Gradients.check(
                in -> in.get(0).take(in.get(1), 0).exp(), X, Tensor.of(new long[] {2, 0}, 2));
    }

    @Test
    void rejectsWrongOnes() {
        ValueException e =
                assertThrows(
                        ValueException.class,
                        () ->
                                Gradients.check(
                                        in ->
                                                Gradients.custom(
                                                        x -> x.get(0).square(),
                                                        (x, _, g) -> List.of(g.mul(x.get(0))),
                                                        in.get(0)),
                                        Tensor.of(new double[] {3}, 1)));
        assertEquals(
                """
                gradient check: derivatives differ from finite differences in 1 place
                  order 1, output 0 by operand 0: derived 3.00000000, measured 6.00000000\
                """,
                e.getMessage());
    }

    @Test
    void acceptsOwnDerivatives() {
        Gradients.check(
                in ->
                        Gradients.custom(
                                x -> x.get(0).square(),
                                (x, _, g) -> List.of(g.mul(x.get(0)).mul(2)),
                                in.get(0)),
                X);
        Gradients.check(
                in -> Gradients.checkpoint(x -> x.get(0).tanh().mul(X).exp(), in.get(0)), X);
    }

    @Test
    void refusesWhatItCannotCheck() {
        assertThrows(
                DTypeException.class,
                () -> Gradients.check(in -> in.get(0).exp(), X.cast(DType.F32)));
        Tensor symbol = Tensor.symbol("s", DType.F64, 3);
        NacreException e =
                assertThrows(
                        NacreException.class,
                        () -> Gradients.check(in -> in.get(0).mul(symbol), X));
        assertEquals("gradient check: the input 's' has no numbers", e.getMessage());
        assertThrows(
                ShapeException.class,
                () -> Gradients.check(in -> in.get(0).matmul(in.get(0).unsqueeze(0)), X));
    }
}
