package dev.nacre.ir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.nacre.autodiff.Reverse;
import dev.nacre.reference.Array;
import dev.nacre.reference.GradientCheck;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.List;
import org.junit.jupiter.api.Test;

class BodyTest {
    private static final TensorType PAIR = TensorType.of(DType.F64, 2);

    @Test
    void capturedNodesBecomeInputs() {
        Node x = Symbol.node("x", PAIR);
        Node outside = Symbol.node("outside", PAIR).exp();
        Body.Closure c =
                Body.closure(List.of(x), in -> List.of(in.get(0).mul(outside).add(outside.sum())));
        assertEquals(2, c.captured().size());
        assertSame(outside, c.captured().get(0));
        assertEquals(3, c.body().inputs().size());
        assertEquals(3, Graph.leaves(c.body().outputs()).size(), "nothing else comes from outside");
    }

    @Test
    void resultsFromOutsideAreCaptured() {
        Node x = Symbol.node("x", PAIR);
        Node outside = Symbol.node("outside", PAIR);
        Body.Closure c = Body.closure(List.of(x), _ -> List.of(outside));
        assertEquals(List.of(outside), c.captured());
        assertSame(c.body().inputs().get(1), c.body().outputs().get(0));
    }

    /// The gradients of a checkpoint, of what it captures too.
    @Test
    void checkpointsDifferentiate() {
        List<Array> operands = List.of(Array.of(PAIR, 0.5, -1), Array.of(PAIR, 2, 0.3));
        List<GradientCheck.Mismatch> wrong =
                GradientCheck.mismatches(
                        in ->
                                List.of(
                                        Checkpoint.of(
                                                        in.subList(0, 1),
                                                        a ->
                                                                List.of(
                                                                        a.get(0)
                                                                                .tanh()
                                                                                .mul(
                                                                                        in.get(1)
                                                                                                .exp())))
                                                .getFirst()),
                        operands,
                        2);
        assertEquals(List.of(), wrong);
    }

    @Test
    void bindingReplacesUnknownSizesInside() {
        long open = Shape.unknown();
        TensorType type = TensorType.of(DType.F64, open, 3);
        Body body =
                Body.of(
                        List.of(type),
                        in ->
                                List.of(
                                        in.get(0).mean(0),
                                        in.get(0)
                                                .add(
                                                        in.get(0)
                                                                .iota(open, DType.F64)
                                                                .unsqueeze(1))));
        Body bound = body.bind(s -> s == open ? 4 : s);
        assertEquals(TensorType.of(DType.F64, 4, 3), bound.outputs().get(1).type());
        assertSame(
                bound, body.bind(s -> s == open ? 4 : s), "outputs of one call must stay together");
        assertSame(bound, bound.bind(s -> s));
        Array x = Array.of(TensorType.of(DType.F64, 4, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
        assertEquals(
                Array.of(TensorType.of(DType.F64, 3), 5.5, 6.5, 7.5),
                Interpreter.evaluate(bound.outputs(), _ -> x).get(0));
    }

    /// The gradient of a composite is a composite.
    @Test
    void gradientsKeepTheName() {
        Node x = Symbol.node("x", TensorType.of(DType.F64, 1, 4));
        Node y = x.maxPool(List.of(Window.of(2)));
        Node g = Reverse.gradients(List.of(y), List.of(y.onesLike()), List.of(x)).getFirst();
        assertEquals("max_pool'", g.op().name());
        assertEquals(
                new Composite.Derivative(
                        new Pooling(Pooling.Kind.MAX, List.of(Window.of(2))), 0, List.of(0)),
                ((Op.Fused) g.op()).what());
    }
}
