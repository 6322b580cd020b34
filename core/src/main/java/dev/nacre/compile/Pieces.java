package dev.nacre.compile;

import dev.nacre.ir.Margin;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A tensor as pieces side by side along one axis, some of them zeros. Sums of such are made piece by piece, as the gradients of the parts of a whole are.
///
/// ```
/// before   pad(a, 0 before, 2 after) + pad(b, 2 before, 0 after)
/// after    concat(a, b)
/// ```
final class Pieces {
    /// A piece; zeros if there is no node.
    private record Piece(Optional<Node> node, long size) {}

    private final int axis;
    private final List<Piece> pieces;

    private Pieces(int axis, List<Piece> pieces) {
        this.axis = axis;
        this.pieces = pieces;
    }

    /// The sum of two nodes without adding, if wherever one has a piece the other has zeros.
    static Optional<Node> sum(Node a, Node b) {
        Optional<Pieces> x = of(a);
        Optional<Pieces> y = of(b);
        return x.isPresent() && y.isPresent() && x.get().axis == y.get().axis
                ? x.get().plus(y.get()).map(p -> p.node(a))
                : Optional.empty();
    }

    private static Optional<Pieces> of(Node n) {
        return switch (n.op()) {
            case Op.Pad p -> of(n, p);
            case Op.Concat c ->
                    Optional.of(
                            new Pieces(
                                    c.axis(),
                                    n.inputs().stream()
                                            .map(x -> new Piece(nonZero(x), x.size(c.axis())))
                                            .toList()));
            default -> Optional.empty();
        };
    }

    private static Optional<Node> nonZero(Node x) {
        return x.is(0) ? Optional.empty() : Optional.of(x);
    }

    private static Optional<Pieces> of(Node n, Op.Pad p) {
        int axis = -1;
        for (int i = 0; i < n.rank(); i++) {
            Margin m = p.margins().get(i);
            if (!m.equals(Margin.NONE)) {
                if (axis >= 0 || m.between() != 0) {
                    return Optional.empty();
                }
                axis = i;
            }
        }
        if (axis < 0 || p.value().value() != 0) {
            return Optional.empty();
        }
        Margin m = p.margins().get(axis);
        List<Piece> pieces = new ArrayList<>();
        pieces.add(new Piece(Optional.empty(), m.before()));
        pieces.add(new Piece(Optional.of(n.input(0)), n.input(0).size(axis)));
        pieces.add(new Piece(Optional.empty(), m.after()));
        return Optional.of(new Pieces(axis, pieces.stream().filter(x -> x.size > 0).toList()));
    }

    /// Walks both side by side; zeros may be cut anywhere.
    private Optional<Pieces> plus(Pieces other) {
        List<Piece> out = new ArrayList<>();
        int i = 0;
        int j = 0;
        long a = 0; // what is used up of the current zeros
        long b = 0;
        while (i < pieces.size() && j < other.pieces.size()) {
            Piece x = pieces.get(i);
            Piece y = other.pieces.get(j);
            long size = Math.min(x.size - a, y.size - b);
            if (x.node.isPresent() && (y.node.isPresent() || size < x.size)
                    || y.node.isPresent() && size < y.size) {
                return Optional.empty();
            }
            out.add(new Piece(x.node.or(() -> y.node), size));
            a += size;
            b += size;
            if (a == x.size) {
                i++;
                a = 0;
            }
            if (b == y.size) {
                j++;
                b = 0;
            }
        }
        return Optional.of(new Pieces(axis, out));
    }

    private Node node(Node like) {
        List<Node> parts = new ArrayList<>();
        for (Piece p : pieces) {
            parts.add(
                    p.node.orElseGet(() ->
                            like.constant(0, like.dtype())
                                    .broadcastTo(like.shape().with(axis, p.size))));
        }
        return Node.of(new Op.Concat(axis), parts);
    }
}
