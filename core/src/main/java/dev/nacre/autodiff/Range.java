package dev.nacre.autodiff;

import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.type.DType;
import java.util.List;
import java.util.Optional;

/// Between which numbers the elements of a node lie, if those that it is computed of are finite.
record Range(double low, double high) {
    /// How far into an expression one looks.
    private static final int DEPTH = 12;

    /// Whether a number may as well be multiplied by `a₁·a₂·… + b₁·b₂·…` as by one factor after the other: whatever finite numbers they are, that is finite, and the constants among them do not vanish together.
    static boolean isSafe(List<Node> a, List<Node> b) {
        DType t = a.getFirst().dtype();
        Optional<Range> left = product(a, t);
        Optional<Range> right = product(b, t);
        return left.isPresent() && right.isPresent() && left.get().plus(right.get()).isIn(t);
    }

    /// Of a product, if that is in range.
    private static Optional<Range> product(List<Node> factors, DType t) {
        Range all = new Range(1, 1);
        double number = 1;
        for (Node n : factors) {
            Range r = of(n);
            all = all.times(r, false);
            number *= r.low == r.high ? Math.abs(r.low) : 1;
            if (!all.isIn(t) || number != 0 && number < least(t)) {
                return Optional.empty();
            }
        }
        return Optional.of(all);
    }

    static Range of(Node n) {
        return of(n, DEPTH);
    }

    private static Range of(Node n, int depth) {
        DType t = n.dtype();
        if (depth == 0) {
            return all(t);
        }
        return switch (n.op()) {
            case Op.Constant c -> new Range(c.value(), c.value());
            case Op.Broadcast _, Op.Reshape _, Op.Permute _, Op.Slice _, Op.Detach _, Op.Cast _ ->
                    of(n.input(0), depth - 1);
            case Op.Select _ -> of(n.input(1), depth - 1).or(of(n.input(2), depth - 1));
            case Op.Map1 m -> of(m, n.input(0), depth - 1);
            case Op.Map2 m -> of(m, n, depth - 1);
            default -> all(t);
        };
    }

    private static Range of(Op.Map1 m, Node x, int depth) {
        return switch (m.f()) {
            case NEG -> of(x, depth).negated();
            case RELU -> {
                Range r = of(x, depth);
                yield new Range(Math.max(r.low, 0), Math.max(r.high, 0));
            }
            case SIGMOID, NDTR, NORMAL_DENSITY -> new Range(0, 1);
            case TANH, ERF, SIN, COS, SIGN -> new Range(-1, 1);
            default -> all(x.dtype());
        };
    }

    private static Range of(Op.Map2 m, Node n, int depth) {
        Range a = of(n.input(0), depth);
        Range b = of(n.input(1), depth);
        Range r =
                switch (m.f()) {
                    case ADD -> a.plus(b);
                    case SUB -> new Range(a.low - b.high, a.high - b.low);
                    case MUL -> a.times(b, n.input(0) == n.input(1));
                    case MAX -> new Range(Math.max(a.low, b.low), Math.max(a.high, b.high));
                    case MIN -> new Range(Math.min(a.low, b.low), Math.min(a.high, b.high));
                    default -> all(n.dtype());
                };
        return r.isIn(n.dtype()) ? r : all(n.dtype());
    }

    private Range times(Range o, boolean square) {
        double a = low * o.low;
        double b = low * o.high;
        double c = high * o.low;
        double d = high * o.high;
        double least = square ? 0 : Math.min(Math.min(a, b), Math.min(c, d));
        return new Range(least, Math.max(Math.max(a, b), Math.max(c, d)));
    }

    private Range plus(Range o) {
        return new Range(low + o.low, high + o.high);
    }

    private Range negated() {
        return new Range(-high, -low);
    }

    private Range or(Range o) {
        return new Range(Math.min(low, o.low), Math.max(high, o.high));
    }

    private boolean isIn(DType t) {
        return Double.isFinite(t.round(low)) && Double.isFinite(t.round(high));
    }

    /// All finite numbers of a type.
    private static Range all(DType t) {
        double most = most(t);
        return new Range(-most, most);
    }

    private static double most(DType t) {
        return t.isFloating() ? t.greatest() : Math.max(t.most(), -(double) t.least());
    }

    private static double least(DType t) {
        return t == DType.F64 ? Double.MIN_NORMAL : Float.MIN_NORMAL;
    }
}
