package dev.nacre.optable;

import dev.nacre.ir.Node;
import dev.nacre.ir.Span;
import dev.nacre.ir.Symbol;
import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/// Ways in which an operand may lie in memory: the operand is stored as [#stored] and seen through [#view], which only moves elements.
public enum Layout {
    DENSE {
        @Override
        Node store(Node x) {
            return x;
        }

        @Override
        public Node view(Node stored, Shape shape) {
            return stored;
        }
    },
    /// Stored with the axes in reverse order.
    PERMUTED {
        @Override
        Node store(Node x) {
            return x.permute(reversed(x.rank()));
        }

        @Override
        public Node view(Node stored, Shape shape) {
            return stored.permute(reversed(stored.rank()));
        }
    },
    /// Every second element, from the second on, of every axis of something larger.
    SLICED {
        @Override
        Node store(Node x) {
            Node out = x;
            for (int i = 0; i < x.rank(); i++) {
                out = out.repeat(2, i).pad(i, 1, 1, 0);
            }
            return out;
        }

        @Override
        public Node view(Node stored, Shape shape) {
            List<Span> spans = new ArrayList<>();
            for (int i = 0; i < shape.rank(); i++) {
                spans.add(new Span(1, shape.size(i), 2));
            }
            return stored.slice(spans);
        }
    },
    /// Stored backwards along every axis.
    FLIPPED {
        @Override
        Node store(Node x) {
            return x.flip();
        }

        @Override
        public Node view(Node stored, Shape shape) {
            return stored.flip();
        }
    },
    /// The first slice along the first axis, repeated: this layout changes what the operand is.
    BROADCAST {
        @Override
        Node store(Node x) {
            return x.rank() == 0 || x.size(0) == 0 ? x : x.narrow(0, 0, 1);
        }

        @Override
        public Node view(Node stored, Shape shape) {
            return stored.broadcastTo(shape);
        }
    };

    /// What is in memory if an operand lies so.
    public Array stored(Array operand) {
        return moved(operand, this::store);
    }

    /// The operand, of the given shape, made of what is stored.
    public abstract Node view(Node stored, Shape shape);

    abstract Node store(Node x);

    private static Array moved(Array x, UnaryOperator<Node> f) {
        Node leaf = Symbol.node("x", x.type());
        return Interpreter.evaluate(List.of(f.apply(leaf)), _ -> x).get(0);
    }

    private static int[] reversed(int rank) {
        int[] axes = IntStream.range(0, rank).toArray();
        Arrays.setAll(axes, i -> rank - 1 - i);
        return axes;
    }
}
