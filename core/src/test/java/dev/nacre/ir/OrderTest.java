package dev.nacre.ir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OrderTest {
    private static final Node X = Symbol.node("x", TensorType.of(DType.F32, 3));

    @Test
    void everyNodeOnceAndInputsFirst() {
        Node a = X.exp();
        Node b = a.mul(a);
        Node c = b.add(X);
        Order order = Graph.topological(List.of(c, a));
        assertEquals(List.of(X, a, b, c), List.copyOf(order));
        assertEquals(List.of(c, a), order.roots());
    }

    @Test
    void numbersOfManyNodes() {
        List<Node> chain = new ArrayList<>(List.of(X)); // longer than any first size of a table
        for (int i = 0; i < 5000; i++) {
            chain.add(chain.getLast().neg());
        }
        Order order = Graph.topological(List.of(chain.getLast()));
        assertEquals(chain.size(), order.size());
        for (int i = 0; i < chain.size(); i++) {
            assertEquals(i, order.indexOf(chain.get(i)));
            assertSame(chain.get(i), order.get(i));
        }
    }

    @Test
    void equalNodesThatAreNotInItAreNotFound() {
        Node a = X.exp();
        Order order = Graph.topological(List.of(a));
        assertTrue(order.contains(a));
        assertFalse(order.contains(X.exp()));
        assertEquals(-1, order.indexOf(X.exp()));
        assertEquals(-1, order.indexOf("x"));
    }

    @Test
    void cutStopsAtNumbersThatAreKnownThoughAnotherRootLeadsBelow() {
        Node a = X.exp();
        Node b = a.neg();
        Node leaf = Symbol.node("numbers of b", b.type());
        b.know(leaf, false);
        Order order = Graph.cut(List.of(b.sin(), a.cos()));
        assertSame(leaf, order.roots().getFirst().input(0));
        assertSame(a, order.roots().getLast().input(0));
        assertFalse(order.contains(b));
    }
}
