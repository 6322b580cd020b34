package dev.nacre.optable;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Source;
import dev.nacre.reference.Array;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// A graph drawn from a seed: elementwise ops, broadcasts, reductions, moves and products in any order, over a few leaves, with several roots.
public final class RandomGraph {
    private final Random random;
    private final Map<Source, Array> leaves = new IdentityHashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private final List<Node> roots = new ArrayList<>();

    public RandomGraph(int seed) {
        random = new Random(seed);
        long a = 1 + random.nextInt(5);
        long b = 1 + random.nextInt(20);
        long c = 1 + random.nextInt(7);
        for (Shape s :
                List.of(
                        Shape.of(a, b),
                        Shape.of(a, b, c),
                        Shape.of(b),
                        Shape.of(a * b),
                        Shape.of(a, 1),
                        Shape.of(b, c),
                        Shape.SCALAR)) {
            nodes.add(leaf(s));
        }
        int count = 3 + random.nextInt(40);
        for (int i = 0; i < count; i++) {
            Node n = step();
            if (n.shape().count() <= 4000 && n.rank() <= 5) {
                nodes.add(n);
            }
        }
        roots.add(nodes.getLast());
        for (int i = random.nextInt(4); i > 0; i--) {
            roots.add(pick());
        }
    }

    public List<Node> roots() {
        return roots;
    }

    public Map<Source, Array> leaves() {
        return leaves;
    }

    private Node leaf(Shape s) {
        double[] v = random.doubles(s.count(), -1.5, 1.5).toArray();
        return Conformance.leaf(Array.of(new TensorType(DType.F64, s), v), leaves);
    }

    private Node pick() {
        int n = nodes.size();
        return random.nextInt(3) > 0
                ? nodes.get(Math.max(0, n - 1 - random.nextInt(6)))
                : nodes.get(random.nextInt(n));
    }

    private Node step() {
        Node x = pick();
        return switch (random.nextInt(12)) {
            case 0, 1 -> unary(x);
            case 2, 3, 4 -> binary(x, pick());
            case 5 -> reduced(x);
            case 6 -> normalised(x);
            case 7 ->
                    x.rank() > 1
                            ? x.transpose(random.nextInt(x.rank()), random.nextInt(x.rank()))
                            : x.reshape(-1);
            case 8 -> sliced(x);
            case 9 ->
                    x.flatten(0)
                            .reshape(
                                    x.rank() > 0 && random.nextBoolean()
                                            ? Shape.of(-1, x.size(-1)).toArray()
                                            : new long[] {-1});
            case 10 -> x.rank() >= 2 ? x.matmul(x.transpose()).mul(0.1) : x.mul(x);
            default -> x.gt(0).where(x, x.mul(0.25));
        };
    }

    private Node unary(Node x) {
        return switch (random.nextInt(5)) {
            case 0 -> x.tanh();
            case 1 -> x.sigmoid();
            case 2 -> x.relu();
            case 3 -> x.mul(0.5).add(0.25);
            default -> x.abs();
        };
    }

    private Node binary(Node x, Node y) {
        if (Shape.broadcast(x.shape(), y.shape()).isEmpty()) {
            return x.add(nodes.get(6));
        }
        return switch (random.nextInt(4)) {
            case 0 -> x.add(y);
            case 1 -> x.mul(y).tanh();
            case 2 -> x.sub(y);
            default -> x.maximum(y);
        };
    }

    private Node reduced(Node x) {
        if (x.rank() == 0) {
            return x.tanh();
        }
        int axis = random.nextInt(x.rank());
        return switch (random.nextInt(4)) {
            case 0 -> x.mean(axis);
            case 1 -> x.max(axis);
            case 2 -> x.rank() > 1 ? x.mean(0, x.rank() - 1) : x.mean();
            default -> x.mean(axis).unsqueeze(axis).broadcastTo(x.shape()).sub(x);
        };
    }

    private Node normalised(Node x) {
        if (x.rank() == 0) {
            return x;
        }
        return random.nextBoolean()
                ? x.softmax(random.nextInt(x.rank()))
                : x.layerNorm(1 + random.nextInt(x.rank()), 0.1);
    }

    private Node sliced(Node x) {
        if (x.rank() == 0) {
            return x.unsqueeze(0);
        }
        int axis = random.nextInt(x.rank());
        return switch (random.nextInt(4)) {
            case 0 -> x.flip(axis);
            case 1 -> x.concat(axis, x.mul(2));
            case 2 -> x.pad(axis, random.nextInt(2), random.nextInt(3), 0.5);
            default -> x.slice(axis, 0, x.size(axis), 1 + random.nextInt(2));
        };
    }

    @Override
    public String toString() {
        StringBuilder out = new StringBuilder();
        List<Node> order = Graph.topological(roots);
        for (Node n : order) {
            out.append(order.indexOf(n)).append(": ").append(n.op()).append(' ').append(n.type());
            n.inputs().forEach(i -> out.append(' ').append(order.indexOf(i)));
            out.append('\n');
        }
        roots.forEach(r -> out.append("root ").append(order.indexOf(r)).append('\n'));
        return out.toString();
    }
}
