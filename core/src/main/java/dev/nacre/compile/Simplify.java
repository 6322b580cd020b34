package dev.nacre.compile;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;

/// The first pass: one walk from the leaves up that folds constants, merges equal nodes, removes moves that move nothing, puts the bodies of unclaimed composites
/// in place, gives 8- and 16-bit arithmetic its wider type, and lets moves carry the narrower of two types.
///
/// ```
/// before   add(mul(x, broadcast(1)), broadcast(mul(2, 3)))    relu bf16                        cast bf16 (transpose w)   transpose (cast f32 g)
/// after    add(x, broadcast(6))                               cast bf16 (relu (cast f32 x))    transpose (cast bf16 w)   cast f32 (transpose g)
/// ```
final class Simplify {
    private final BiPredicate<Op.Fused, Node> claims;
    private final Distinct known = new Distinct();
    private Node original; // what is being simplified

    /// Nodes of which all elements, or more, are wanted in parts.
    private final Set<Node> divided = Collections.newSetFromMap(new IdentityHashMap<>());

    private Simplify(BiPredicate<Op.Fused, Node> claims) {
        this.claims = claims;
    }

    /// @param claims whether the backend computes a composite in one piece
    static List<Node> run(List<Node> roots, BiPredicate<Op.Fused, Node> claims) {
        Simplify pass = new Simplify(claims);
        Map<Node, Long> inParts = new IdentityHashMap<>();
        for (Node n : Graph.topological(roots)) {
            if (n.op() instanceof Op.Slice) {
                inParts.merge(n.input(0), n.shape().count(), Long::sum);
            }
        }
        return Graph.rewrite(
                roots,
                (n, in) -> {
                    pass.original = n;
                    Node simple = pass.simplify(n.op(), in);
                    if (inParts.getOrDefault(n, 0L) >= n.shape().count()) {
                        pass.divided.add(simple);
                    }
                    return simple;
                });
    }

    private Node node(Op op, Node... in) {
        return simplify(op, List.of(in));
    }

    private Node simplify(Op op, List<Node> in) {
        if (isMove(op) && isWidened(in)) {
            List<Node> narrow = in.stream().map(x -> x.input(0)).toList();
            return node(in.getFirst().op(), simplify(op, narrow));
        }
        return switch (op) {
            case Op.Detach _ -> in.get(0);
            case Op.Extent e -> constant(extent(e, in.get(0).shape()), e.dtype());
            case Op.Map1 m -> map1(m, in.get(0));
            case Op.Map2 m -> map2(m, in.get(0), in.get(1));
            case Op.Select s -> select(s, in);
            case Op.Cast c -> cast(c, in.get(0));
            case Op.Reshape r -> reshape(r, in.get(0));
            case Op.Permute p -> permute(p, in.get(0));
            case Op.Broadcast b -> broadcast(b, in.get(0));
            case Op.Slice s -> slice(s, in.get(0));
            case Op.Reduce r -> reduce(r, in.get(0));
            case Op.Concat c -> concat(c, in);
            case Op.Fused f -> fused(f, in);
            case Op.Leaf _,
                    Op.Constant _,
                    Op.Iota _,
                    Op.RandomBits _,
                    Op.Pad _,
                    Op.Windows _,
                    Op.ArgReduce _,
                    Op.Recurrence _,
                    Op.ArgSort _,
                    Op.Gather _,
                    Op.ScatterAdd _,
                    Op.Contract _,
                    Op.Convolve _,
                    Op.Scan _,
                    Op.After _ ->
                    merged(op, in);
        };
    }

    /// One node for equal ops on the same inputs.
    private Node merged(Op op, List<Node> in) {
        return known.of(op, in, original);
    }

    private static double extent(Op.Extent e, Shape shape) {
        double n = 1;
        for (int i = 0; i < e.axes().count(); i++) {
            n *= shape.size(e.axes().get(i));
        }
        return n;
    }

    // ---------------------------------------------------------------------------------------------
    // elementwise

    private Node map1(Op.Map1 m, Node x) {
        if (x.number().orElse(null) instanceof Op.Constant c) {
            if (folds(m.f().isExact(), c)) {
                Op.Constant folded =
                        c.dtype().isFloating()
                                ? Op.Constant.of(m.f().apply(c.value()), c.dtype())
                                : foldLong(m.f(), c);
                return spread(folded, x.shape());
            }
            if (x.rank() > 0) {
                return spread(node(m, number(c)), x.shape());
            }
        }
        if (m.f() == Unary.NEG && x.op() instanceof Op.Map1 inner && inner.f() == Unary.NEG) {
            return x.input(0);
        }
        return widened(m, List.of(x));
    }

    /// Whether a function of numbers is computed here. Where its last digit may be another than that of the code that computes it, it is not if a number may become an input of the plan
    /// (see [Op.Constant#isSpecial()]): results must not depend on what was computed before.
    private static boolean folds(boolean exact, Op.Constant... numbers) {
        return exact
                || Arrays.stream(numbers).allMatch(c -> c.isSpecial() || !c.dtype().isFloating());
    }

    private static Op.Constant foldLong(Unary f, Op.Constant c) {
        long v = c.dtype() == DType.BOOL && f == Unary.NOT ? 1 - c.bits() : f.apply(c.bits());
        return Op.Constant.ofLong(v, c.dtype());
    }

    private Node map2(Op.Map2 m, Node a, Node b) {
        Op.Constant ca = a.number().orElse(null);
        Op.Constant cb = b.number().orElse(null);
        if (ca != null && cb != null) {
            if (folds(m.f().isExact(), ca, cb)) {
                DType out = m.f().isComparison() ? DType.BOOL : ca.dtype();
                Op.Constant folded =
                        ca.dtype().isFloating()
                                ? Op.Constant.of(m.f().apply(ca.value(), cb.value()), out)
                                : Op.Constant.ofLong(m.f().apply(ca.bits(), cb.bits()), out);
                return spread(folded, a.shape());
            }
            if (a.rank() > 0) {
                return spread(node(m, number(ca), number(cb)), a.shape());
            }
        }
        if (isNeutral(m.f(), cb)) {
            return a;
        }
        if ((m.f() == Binary.ADD || m.f() == Binary.MUL) && isNeutral(m.f(), ca)) {
            return b;
        }
        if (m.f() == Binary.DIV
                && cb != null
                && hasReciprocal(cb)) { // exact, and multiplication is cheaper
            return map2(
                    new Op.Map2(Binary.MUL),
                    a,
                    spread(Op.Constant.of(1 / cb.value(), cb.dtype()), b.shape()));
        }
        if (m.f() == Binary.ADD && Pieces.sum(a, b).orElse(null) instanceof Node joined) {
            return simplify(joined.op(), joined.inputs());
        }
        if (m.f() == Binary.ADD && b.op() instanceof Op.Map1 n && n.f() == Unary.NEG) {
            return map2(new Op.Map2(Binary.SUB), a, b.input(0));
        }
        if (m.f() == Binary.SUB && b.op() instanceof Op.Map1 n && n.f() == Unary.NEG) {
            return map2(new Op.Map2(Binary.ADD), a, b.input(0));
        }
        return widened(m, List.of(a, b));
    }

    /// Whether a function leaves any number as it is, given this one. 0 makes 0 of −0 by addition, and −0 by subtraction; the other zero does not.
    private static boolean isNeutral(Binary f, Op.Constant c) {
        if (c == null) {
            return false;
        }
        boolean isNegative = c.dtype().isFloating() && 1 / c.value() < 0;
        return switch (f) {
            case ADD -> c.value() == 0 && (isNegative || !c.dtype().isFloating());
            case SUB -> c.value() == 0 && !isNegative;
            case MUL, DIV -> c.value() == 1;
            default -> false;
        };
    }

    /// Whether a number is a power of two whose reciprocal its type has too.
    private static boolean hasReciprocal(Op.Constant c) {
        double v = c.value();
        return Double.isFinite(v)
                && Math.scalb(1.0, Math.getExponent(v)) == Math.abs(v)
                && c.dtype().round(1 / v) == 1 / v;
    }

    private Node select(Op.Select s, List<Node> in) {
        if (in.get(0).number().orElse(null) instanceof Op.Constant c) {
            return in.get(c.bits() != 0 ? 1 : 2);
        }
        return in.get(1) == in.get(2) ? in.get(1) : widened(s, in);
    }

    private Node cast(Op.Cast c, Node x) {
        if (x.dtype() == c.dtype()) {
            return x;
        }
        if (x.number().orElse(null) instanceof Op.Constant k) {
            return spread(k.cast(c.dtype()), x.shape());
        }
        List<Node> moves = new ArrayList<>();
        Node still = x;
        while (c.dtype().bytes() < x.dtype().bytes() && movesAll(still)) {
            moves.add(still);
            still = still.input(0);
        }
        boolean back =
                still.op() instanceof Op.Cast
                        && still.input(0).dtype() == c.dtype()
                        && still.dtype() == c.dtype().arithmetic();
        Node narrow = back ? still.input(0) : merged(c, List.of(still));
        for (Node move : moves.reversed()) {
            narrow = simplify(move.op(), List.of(narrow));
        }
        return narrow;
    }

    /// Whether a node is a move of one operand that loses none of its elements, or loses what other such moves take.
    private boolean movesAll(Node n) {
        return n.op() instanceof Op.Reshape
                || n.op() instanceof Op.Permute
                || n.op() instanceof Op.Broadcast
                || n.op() instanceof Op.Slice && divided.contains(n.input(0));
    }

    /// Whether an op moves elements, each to one place.
    private static boolean isMove(Op op) {
        return op instanceof Op.Reshape
                || op instanceof Op.Permute
                || op instanceof Op.Slice
                || op instanceof Op.Concat;
    }

    /// Whether all are casts from one narrower type.
    private static boolean isWidened(List<Node> in) {
        Node first = in.getFirst();
        return in.stream()
                .allMatch(x ->
                        x.op() instanceof Op.Cast
                                && x.input(0).dtype() == first.input(0).dtype()
                                && x.input(0).dtype().bytes() < x.dtype().bytes());
    }

    /// Arithmetic on types narrower than their arithmetic type: operands widened, the result rounded back.
    private Node widened(Op op, List<Node> in) {
        DType narrow = in.getLast().dtype();
        if (narrow.arithmetic() == narrow) {
            return merged(op, in);
        }
        List<Node> wide =
                in.stream()
                        .map(n ->
                                n.dtype() == DType.BOOL
                                        ? n
                                        : node(new Op.Cast(narrow.arithmetic()), n))
                        .toList();
        Node out = merged(op, wide);
        return out.dtype() == DType.BOOL ? out : node(new Op.Cast(narrow), out);
    }

    // ------------------------------------------------------------------------------------------------ movement

    private Node reshape(Op.Reshape r, Node x) {
        if (x.shape().equals(r.shape())) {
            return x;
        }
        if (x.number().orElse(null) instanceof Op.Constant c) {
            return spread(c, r.shape());
        }
        return x.op() instanceof Op.Reshape ? reshape(r, x.input(0)) : merged(r, List.of(x));
    }

    private Node permute(Op.Permute p, Node x) {
        int[] order = p.axes().toArray();
        if (x.number().orElse(null) instanceof Op.Constant c) {
            return spread(c, p.infer(List.of(x)).shape());
        }
        if (x.op() instanceof Op.Permute inner) {
            int[] joint = Arrays.stream(order).map(i -> inner.axes().get(i)).toArray();
            return permute(
                    new Op.Permute(dev.nacre.type.Axes.of("permute", joint.length, joint)),
                    x.input(0));
        }
        int[] moving = Arrays.stream(order).filter(i -> x.size(i) != 1).toArray();
        for (int i = 1; i < moving.length; i++) {
            if (moving[i] < moving[i - 1]) {
                return merged(p, List.of(x));
            }
        }
        return reshape(new Op.Reshape(p.infer(List.of(x)).shape()), x); // only axes of size 1 move
    }

    private Node broadcast(Op.Broadcast b, Node x) {
        if (x.shape().equals(b.shape())) {
            return x;
        }
        return x.op() instanceof Op.Broadcast ? broadcast(b, x.input(0)) : merged(b, List.of(x));
    }

    private Node slice(Op.Slice s, Node x) {
        Shape out = s.infer(List.of(x)).shape();
        if (x.number().orElse(null) instanceof Op.Constant c) {
            return spread(c, out);
        }
        boolean all = true;
        for (int i = 0; i < x.rank(); i++) {
            all &= s.spans().get(i).isAll(x.size(i));
        }
        return all ? x : merged(s, List.of(x));
    }

    /// Of tensors whose axis is several axes taken as one, the outer one is joined: what lies in another order is written to its place at once.
    private Node concat(Op.Concat c, List<Node> in) {
        Node first = in.getFirst();
        if (in.size() == 1) {
            return first;
        }
        boolean sameMerge =
                in.stream()
                        .allMatch(x ->
                                isMerge(x, c.axis())
                                        && x.input(0)
                                                .shape()
                                                .with(c.axis(), 0)
                                                .equals(first.input(0).shape().with(c.axis(), 0)));
        if (!sameMerge) {
            return merged(c, in);
        }
        Node whole = simplify(c, in.stream().map(x -> x.input(0)).toList());
        return reshape(new Op.Reshape(c.infer(in).shape()), whole);
    }

    /// Whether a node takes the axes of its input from one on together as that axis, and leaves the rest.
    private static boolean isMerge(Node x, int axis) {
        if (!(x.op() instanceof Op.Reshape) || x.input(0).rank() <= x.rank()) {
            return false;
        }
        Shape from = x.input(0).shape();
        int after = x.rank() - axis - 1;
        return from.range(0, axis).equals(x.shape().range(0, axis))
                && from.range(from.rank() - after, from.rank())
                        .equals(x.shape().range(axis + 1, x.rank()));
    }

    // ---------------------------------------------------------------------------------------------- reductions

    private Node reduce(Op.Reduce r, Node x) {
        Shape out = x.shape().without(r.axes());
        long n = x.shape().count() / Math.max(1, out.count());
        if (x.shape().count() == out.count() && out.count() > 0) {
            return reshape(new Op.Reshape(out), x);
        }
        if (x.op() instanceof Op.Broadcast
                && isRepeated(x, r)
                && n > 0) { // every element is combined with itself
            Node once = reshape(new Op.Reshape(out), firstOf(x, r, out));
            return switch (r.kind()) {
                case MAX, MIN -> once;
                case SUM -> times(once, n);
                case PROD -> merged(r, List.of(x));
            };
        }
        return out.count() == 0 ? spread(Op.Constant.of(0, x.dtype()), out) : reduceWide(r, x);
    }

    private Node reduceWide(Op.Reduce r, Node x) {
        if (x.shape().count() == 0) {
            double identity =
                    x.dtype().isFloating() ? r.kind().identity() : r.kind().identity(x.dtype());
            return spread(Op.Constant.of(identity, x.dtype()), x.shape().without(r.axes()));
        }
        return widened(r, List.of(x));
    }

    /// A node times a number that its type need not have.
    private Node times(Node x, long n) {
        DType wide = x.dtype().arithmetic();
        Node count = spread(Op.Constant.of(n, wide), x.shape());
        Node product = node(new Op.Map2(Binary.MUL), node(new Op.Cast(wide), x), count);
        return node(new Op.Cast(x.dtype()), product);
    }

    private static boolean isRepeated(Node x, Op.Reduce r) {
        for (int i = 0; i < r.axes().count(); i++) {
            int a = r.axes().get(i);
            if (x.input(0).size(a) != 1 && x.size(a) != 1) {
                return false;
            }
        }
        return true;
    }

    private Node firstOf(Node x, Op.Reduce r, Shape out) {
        Shape kept = x.shape();
        for (int i = 0; i < r.axes().count(); i++) {
            kept = kept.with(r.axes().get(i), 1);
        }
        return broadcast(new Op.Broadcast(kept), x.input(0));
    }

    // ---------------------------------------------------------------------------------------------- composites

    private Node fused(Op.Fused f, List<Node> in) {
        Node kept = merged(f, in);
        if (claims.test(f, kept)) {
            return kept;
        }
        List<Node> arguments = new ArrayList<>(in);
        Map<Node, Node> done = new IdentityHashMap<>();
        for (int i = 0; i < arguments.size(); i++) {
            done.put(f.body().inputs().get(i), arguments.get(i));
        }
        for (Node n : Graph.topological(List.of(f.body().outputs().get(f.output())))) {
            if (!done.containsKey(n)) {
                done.put(n, simplify(n.op(), n.inputs().stream().map(done::get).toList()));
            }
        }
        return done.get(f.body().outputs().get(f.output()));
    }

    // ----------------------------------------------------------------------------------------------- constants

    private Node constant(double value, DType dtype) {
        return number(Op.Constant.of(value, dtype));
    }

    private Node number(Op.Constant c) {
        return merged(c, List.of());
    }

    private Node spread(Op.Constant c, Shape shape) {
        return spread(number(c), shape);
    }

    private Node spread(Node scalar, Shape shape) {
        if (shape.rank() == 0) {
            return scalar;
        }
        long[] ones = new long[shape.rank()];
        Arrays.fill(ones, 1);
        Shape unit = Shape.of(ones);
        Node flat = merged(new Op.Reshape(unit), List.of(scalar));
        return unit.equals(shape) ? flat : merged(new Op.Broadcast(shape), List.of(flat));
    }
}
