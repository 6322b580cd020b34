package dev.nacre.ir;

import java.util.AbstractList;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.function.Predicate;

/// The nodes that some roots depend on, each once, inputs before their users. The order depends on the structure of the graph alone.
///
/// [#indexOf] and [#contains] take constant time, so that notes about nodes can be kept in arrays.
public final class Order extends AbstractList<Node> implements RandomAccess {
    private static final int ENTERED = -1;

    /// So many nodes that were made one after the other lie side by side in the table: they are looked for one after the other, and a huge table is not in the caches.
    private static final int BLOCK = 64;

    private final List<Node> roots;
    private final boolean written;
    private Node[] nodes = new Node[128];
    private int size;
    private Node[] keys = new Node[256]; // open addressing by identity, at most half full
    private int[] numbers = new int[256];
    private int shift = 24; // of a hash to the length of the table
    private int used;

    private Order(List<Node> roots, boolean written) {
        this.roots = roots;
        this.written = written;
    }

    /// A walk from the roots down, with an explicit stack: depth is bounded by memory, not by the call stack. What lies only below nodes at which the walk `stops` is left out.
    static Order of(List<Node> roots, Predicate<Node> stops) {
        return of(new Order(roots instanceof Roots r ? r : List.copyOf(roots), false), stops);
    }

    /// The same of the graph as it was written down: what was applied as a whole ([Body#applied]) is one node, with one more for each of its results.
    static Order written(List<Node> roots, Predicate<Node> stops) {
        return of(new Order(List.copyOf(roots), true), stops);
    }

    private static Order of(Order out, Predicate<Node> stops) {
        List<Node> roots = out.roots;
        ArrayDeque<Node> stack = new ArrayDeque<>();
        for (int r = roots.size() - 1; r >= 0; r--) {
            stack.push(roots.get(r));
        }
        while (!stack.isEmpty()) {
            Node n = stack.peek();
            int slot = out.slot(n);
            if (out.keys[slot] == null) {
                out.enter(slot, n);
                for (int i = stops.test(n) ? -1 : out.arity(n) - 1; i >= 0; i--) {
                    Node input = out.input(n, i);
                    if (out.keys[out.slot(input)] == null) {
                        stack.push(input);
                    }
                }
            } else {
                stack.pop();
                if (out.numbers[slot] == ENTERED) {
                    out.numbers[slot] = out.size;
                    out.append(n);
                }
            }
        }
        return out;
    }

    private void enter(int slot, Node n) {
        keys[slot] = n;
        numbers[slot] = ENTERED;
        if (2 * ++used > keys.length) {
            Node[] oldKeys = keys;
            int[] oldNumbers = numbers;
            keys = new Node[2 * oldKeys.length];
            numbers = new int[keys.length];
            shift--;
            for (int i = 0; i < oldKeys.length; i++) {
                if (oldKeys[i] != null) {
                    int to = slot(oldKeys[i]);
                    keys[to] = oldKeys[i];
                    numbers[to] = oldNumbers[i];
                }
            }
        }
    }

    private void append(Node n) {
        if (size == nodes.length) {
            nodes = Arrays.copyOf(nodes, 2 * size);
        }
        nodes[size++] = n;
    }

    /// Where a node is in the table, or would be.
    private int slot(Node n) {
        int mask = keys.length - 1;
        int serial = n.serial();
        int block = Node.scattered(serial / BLOCK) >>> shift; // the high bits are scattered
        int i = block ^ serial & BLOCK - 1;
        while (keys[i] != null && keys[i] != n) {
            i = (i + 1) & mask;
        }
        return i;
    }

    /// The number of nodes that a node is made of, in the sense of this order.
    public int arity(Node n) {
        return written ? n.written().length : n.arity();
    }

    /// One of those nodes.
    public Node input(Node n, int i) {
        return written ? n.written()[i] : n.input(i);
    }

    /// Whether a node has such an op.
    public boolean has(Predicate<Op> op) {
        for (int i = 0; i < size; i++) {
            if (op.test(nodes[i].op())) {
                return true;
            }
        }
        return false;
    }

    /// What the order was made from.
    public List<Node> roots() {
        return roots;
    }

    @Override
    public Node get(int i) {
        return nodes[Objects.checkIndex(i, size)];
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public int indexOf(Object o) {
        if (!(o instanceof Node n)) {
            return -1;
        }
        int slot = slot(n);
        return keys[slot] == null ? -1 : numbers[slot];
    }

    @Override
    public boolean contains(Object o) {
        return indexOf(o) >= 0;
    }
}
