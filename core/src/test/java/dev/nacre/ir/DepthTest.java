package dev.nacre.ir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.autodiff.Reverse;
import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/// No walk recurses over the depth of a graph: all of them survive a chain of 100,000 ops on a small stack.
class DepthTest {
    private static final int DEPTH = 100_000;

    private static final Node X = Symbol.node("x", TensorType.of(DType.F64));

    private static void onSmallStack(Runnable test) throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread t = new Thread(null, test, "small stack", 256 << 10);
        t.setUncaughtExceptionHandler((_, e) -> thrown.set(e));
        t.start();
        t.join();
        if (thrown.get() != null) {
            throw new AssertionError("on a small stack", thrown.get());
        }
    }

    private static Node chain() {
        Node y = X;
        for (int i = 0; i < DEPTH; i++) {
            y = y.neg();
        }
        return y;
    }

    /// Each node uses the one before twice: 2^100,000 paths.
    private static Node diamonds(int depth) {
        Node y = X;
        for (int i = 0; i < depth / 2; i++) {
            y = y.maximum(y.neg());
        }
        return y;
    }

    @Test
    void topologicalOrder() throws InterruptedException {
        onSmallStack(() -> {
            List<Node> order = Graph.topological(List.of(chain()));
            assertEquals(DEPTH + 1, order.size());
            assertSame(X, order.getFirst());
            assertEquals(DEPTH + 1, Graph.topological(List.of(diamonds(DEPTH))).size());
        });
    }

    @Test
    void everyInputComesBeforeItsUser() {
        Node a = X.exp();
        Node b = a.add(X);
        Node c = b.mul(a).sub(b);
        List<Node> order = Graph.topological(List.of(c, a));
        for (Node n : order) {
            assertTrue(
                    n.inputs().stream()
                            .allMatch(in ->
                                    order.indexOf(in) < order.indexOf(n) && order.indexOf(in) >= 0),
                    n.toString());
        }
        assertEquals(5, order.stream().filter(n -> !(n.op() instanceof Op.Broadcast)).count());
        assertEquals(order.size(), order.stream().distinct().count());
    }

    @Test
    void rewriteAndSubstitute() throws InterruptedException {
        onSmallStack(() -> {
            Node y = chain();
            assertSame(y, Graph.rewrite(List.of(y), (n, in) -> n.withInputs(in)).getFirst());
            Node other = Symbol.node("other", X.type());
            Node z = Graph.substitute(List.of(y), List.of(X), List.of(other)).getFirst();
            assertSame(other, Graph.leaves(List.of(z)).getFirst());
            assertEquals(y.hash(), z.hash());
        });
    }

    @Test
    void keys() throws InterruptedException {
        onSmallStack(() -> {
            Node y = chain();
            Node z = chain();
            GraphKey key = GraphKey.of(Graph.topological(List.of(y)));
            assertEquals(key, GraphKey.of(Graph.topological(List.of(z))));
            assertEquals(DEPTH + 1, key.size());
        });
    }

    @Test
    void gradient() throws InterruptedException {
        onSmallStack(() -> {
            Node y = chain();
            Node g = Reverse.gradients(List.of(y), List.of(y.onesLike()), List.of(X)).getFirst();
            assertEquals(2, Interpreter.evaluate(List.of(g, y), _ -> Array.of(X.type(), 3)).size());
            assertEquals(
                    1,
                    Interpreter.evaluate(List.of(g), _ -> Array.of(X.type(), 3))
                            .getFirst()
                            .number(0),
                    "an even number of signs");
            Node d = diamonds(DEPTH / 50);
            Node h = Reverse.gradients(List.of(d), List.of(d.onesLike()), List.of(X)).getFirst();
            assertEquals(
                    1,
                    Interpreter.evaluate(List.of(h), _ -> Array.of(X.type(), 3))
                            .getFirst()
                            .number(0));
        });
    }

    @Test
    void bodies() throws InterruptedException {
        onSmallStack(() -> {
            Body body =
                    Body.of(
                            List.of(X.type()),
                            in -> {
                                Node y = in.get(0);
                                for (int i = 0; i < DEPTH; i++) {
                                    y = y.neg();
                                }
                                return List.of(y);
                            });
            Node inlined = body.inline(List.of(X)).getFirst();
            assertSame(X, Graph.leaves(List.of(inlined)).getFirst());
            assertEquals(DEPTH + 1, Graph.topological(List.of(inlined)).size());
        });
    }
}
