package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.nacre.autodiff.Reverse;
import dev.nacre.ir.Node;
import dev.nacre.ir.Symbol;
import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// The naive forms in f32 at arguments where they fail, against the same forms in f64, where they do not.
class StabilizeTest {
    private static double at(UnaryOperator<Node> f, double x, DType t, boolean gradient) {
        Node leaf = Symbol.node("x", TensorType.of(t));
        Node y = Stabilize.run(List.of(f.apply(leaf))).getFirst();
        Node out =
                gradient
                        ? Reverse.gradients(List.of(y), List.of(y.onesLike()), List.of(leaf))
                                .getFirst()
                        : y;
        return Interpreter.evaluate(List.of(out), _ -> Array.of(leaf.type(), x))
                .getFirst()
                .number(0);
    }

    private static void close(UnaryOperator<Node> f, double x, double value, double derivative) {
        assertEquals(value, at(f, x, DType.F32, false), Math.abs(value) * 1e-6);
        assertEquals(derivative, at(f, x, DType.F32, true), Math.abs(derivative) * 1e-6);
    }

    @Test
    void logOfSigmoidDoesNotUnderflow() {
        close(x -> x.sigmoid().log(), -200, -200, 1);
        close(x -> x.sigmoid().neg().add(1).log(), 200, -200, -1);
        close(x -> x.constant(1, x.dtype()).sub(x.sigmoid()).log(), 200, -200, -1);
    }

    @Test
    void logOfOnePlusKeepsSmallDigits() {
        close(x -> x.add(1).log(), 1e-10, 1e-10, 1);
        close(x -> x.exp().add(1).log(), 200, 200, 1);
        close(x -> x.exp().sub(1), 1e-10, 1e-10, 1);
    }

    @Test
    void logOfSoftmaxDoesNotUnderflow() {
        TensorType t = TensorType.of(DType.F32, 2);
        Node x = Symbol.node("x", t);
        Node y = Stabilize.run(List.of(x.softmax(0).log())).getFirst();
        Node g =
                Reverse.gradients(
                                List.of(y.select(0, 0)),
                                List.of(y.select(0, 0).onesLike()),
                                List.of(x))
                        .getFirst();
        List<Array> out = Interpreter.evaluate(List.of(y, g), _ -> Array.of(t, -150, 50));
        assertEquals(-200, out.get(0).number(0));
        assertEquals(1, out.get(1).number(0));
        assertEquals(-1, out.get(1).number(1));
    }

    @Test
    void otherNodesAreKept() {
        Node x = Symbol.node("x", TensorType.of(DType.F32, 2));
        Node y = x.exp().add(2).log();
        assertSame(y, Stabilize.run(List.of(y)).getFirst());
    }
}
