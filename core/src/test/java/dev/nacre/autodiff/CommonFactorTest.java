package dev.nacre.autodiff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// Gradients that meet are the incoming gradient times something that does not depend on it.
class CommonFactorTest {
    private final Node x = Symbol.node("x", TensorType.of(DType.F32, 5));
    private final Node g = Symbol.node("g", TensorType.of(DType.F32, 5));

    private Node gradient(UnaryOperator<Node> f) {
        return Reverse.gradients(List.of(f.apply(x)), List.of(g), List.of(x)).getFirst();
    }

    private static boolean isProduct(Node n) {
        return n.op() instanceof Op.Map2 m && m.f() == Binary.MUL;
    }

    @Test
    void isTakenOut() {
        for (UnaryOperator<Node> f :
                List.<UnaryOperator<Node>>of(
                        Node::gelu, x -> x.mul(x.sigmoid()), x -> x.mul(x.tanh()))) {
            Node d = gradient(f);
            assertTrue(isProduct(d));
            assertSame(g, d.input(0));
            assertFalse(Graph.topological(List.of(d.input(1))).contains(g));
        }
    }

    @Test
    void staysWhereTheRestMayOverflow() {
        assertFalse(isProduct(gradient(x -> x.mul(x.mul(x).exp()))));
    }

    @Test
    void isNotSoughtFarAway() {
        int links = 3000;
        Node d =
                gradient(x -> {
                    Node y = x;
                    for (int i = 0; i < links; i++) y = y.mul(0.5).add(y.mul(y.sin()));
                    return y;
                });
        long nodes = Graph.topological(List.of(d)).stream().count();
        assertTrue(nodes < 20 * links, nodes + " nodes");
        assertEquals(x.type(), d.type());
    }
}
