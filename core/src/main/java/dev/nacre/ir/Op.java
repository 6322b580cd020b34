package dev.nacre.ir;

import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.DTypeException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.Locale;
import java.util.function.LongUnaryOperator;

/// A primitive: its type rule and its derivative in one place. This set is closed; what users add is composed of it ([Algebra]).
///
/// Operands of the elementwise ops have equal types: promotion and broadcasting are ops of their own, so no derivative ever undoes them silently.
/// What each op computes is defined by `dev.nacre.reference.Interpreter`.
public sealed interface Op {

    /// The result's type; throws if a rule is broken.
    TensorType infer(List<Node> in);

    /// Hands gradients to the operands. Ops without a derivative give none.
    default void differentiate(Cotangents c) {}

    /// Lower-case name for printed plans and errors.
    default String name() {
        return OpNames.of(getClass());
    }

    /// A hash under which two leaves of one type are equal, and two floating constants.
    default int structure() {
        return hashCode();
    }

    /// The op with unknown sizes replaced by `size`, which maps known sizes to themselves.
    default Op bind(LongUnaryOperator size) {
        return this;
    }

    // ------------------------------------------------------------------------------------ leaves

    /// A value from outside the graph.
    record Leaf(Source source) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            return source.type();
        }

        @Override
        public int structure() {
            return source.type().hashCode();
        }
    }

    /// One number. Floating values are kept as the bits of a double, the others as a long.
    record Constant(DType dtype, long bits) implements Op {
        /// The number as a cast converts it.
        public static Constant of(double value, DType dtype) {
            return new Constant(
                    dtype,
                    dtype.isFloating()
                            ? Double.doubleToLongBits(dtype.round(value))
                            : dtype.whole(value));
        }

        /// The number as a cast converts it: it wraps around in an integer type.
        public static Constant ofLong(long value, DType dtype) {
            return dtype.isFloating()
                    ? of(dtype.nearest(value), dtype)
                    : new Constant(dtype, dtype.wrap(value));
        }

        /// A number that a user wrote down; an error if the type cannot hold it.
        public static Constant exact(String op, double value, DType dtype) {
            if (!dtype.holds(value)) {
                throw misfit(
                        op,
                        dtype.isFloating() || Math.abs(value) >= 1e19 || value != Math.rint(value)
                                ? Double.toString(value)
                                : new java.math.BigDecimal(value).toString(),
                        dtype);
            }
            return of(value, dtype);
        }

        /// A whole number that a user wrote down; an error if the type cannot hold it.
        public static Constant exact(String op, long value, DType dtype) {
            if (!dtype.holds(value)) {
                throw misfit(op, Long.toString(value), dtype);
            }
            return ofLong(value, dtype);
        }

        /// The number in another type.
        public Constant cast(DType to) {
            return dtype.isFloating() ? of(value(), to) : ofLong(bits, to);
        }

        /// Whether it is one that simplifications look for: 0, 1, −1, and what is not finite. It is never made an input of a plan, unlike other numbers that change from run to run.
        public boolean isSpecial() {
            double v = value();
            return v == 0 || Math.abs(v) == 1 || !Double.isFinite(v);
        }

        private static DTypeException misfit(String op, String value, DType dtype) {
            return new DTypeException(
                    op
                            + ": "
                            + value
                            + " does not fit into "
                            + dtype
                            + (dtype.isFloating()
                                    ? "\n  hint: "
                                            + dtype
                                            + " ends at "
                                            + new java.math.BigDecimal(dtype.greatest())
                                                    .round(new java.math.MathContext(5))
                                            + "; a score is hidden by -Infinity"
                                    : ""));
        }

        @Override
        public int structure() {
            return dtype.isFloating() ? dtype.hashCode() : hashCode();
        }

        public double value() {
            return dtype.isFloating() ? Double.longBitsToDouble(bits) : bits;
        }

        @Override
        public TensorType infer(List<Node> in) {
            return new TensorType(dtype, Shape.SCALAR);
        }

        @Override
        public String name() {
            return dtype.isFloating() ? Float.toString((float) value()) : Long.toString(bits);
        }
    }

    /// `0, 1, …, size−1`.
    record Iota(long size, DType dtype) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            return TensorType.of(dtype, size);
        }

        @Override
        public Op bind(LongUnaryOperator known) {
            return new Iota(Shape.bound(size, known), dtype);
        }
    }

    /// Random 32-bit integers: Philox-4x32-10 (Salmon et al., SC 2011). Operand: the key, `i64[2]` of (seed, stream). Word `i mod 4` of the block with counter
    /// `(i / 4, stream)` under the key `seed` is element i, so the bits do not depend on how the work is divided.
    record RandomBits(Shape shape) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            problem("random", in, "key")
                    .require(
                            in.get(0).type().equals(TensorType.of(DType.I64, 2)),
                            "the key must be i64[2]")
                    .throwShape();
            return new TensorType(DType.I32, shape);
        }

        @Override
        public Op bind(LongUnaryOperator known) {
            return new RandomBits(shape.bind(known));
        }
    }

    /// Number of elements along some axes of the operand, as a scalar; folded to a constant once the sizes are known.
    record Extent(Axes axes, DType dtype) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            return new TensorType(dtype, Shape.SCALAR);
        }
    }

    // ---------------------------------------------------------------------------------------------- elementwise

    /// A function of one operand, elementwise.
    record Map1(Unary f) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node x = in.get(0);
            boolean fits =
                    f == Unary.NOT
                            ? !x.dtype().isFloating()
                            : x.dtype().isFloating() || f.onIntegers() && x.dtype().isInteger();
            if (!fits) {
                problem(name(), in, "x").rule("not defined on " + x.dtype()).throwDType();
            }
            return x.type();
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, () -> f.differentiate(c.in(0), c.out(), c.grad()));
        }

        @Override
        public String name() {
            return f.symbol();
        }
    }

    /// A function of two operands of one type, elementwise.
    record Map2(Binary f) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node a = in.get(0);
            Node b = in.get(1);
            boolean fits =
                    switch (a.dtype().kind()) {
                        case BOOL -> f.onBools();
                        case INTEGER -> f.onIntegers();
                        case FLOATING -> f.onFloats();
                    };
            if (!fits || !a.type().equals(b.type())) {
                Problem p = problem(name(), in, "a", "b");
                p.require(a.type().equals(b.type()), "both operands must have one type")
                        .throwShape();
                p.rule("not defined on " + a.dtype()).throwDType();
            }
            return f.isComparison() ? a.type().withDType(DType.BOOL) : a.type();
        }

        @Override
        public void differentiate(Cotangents c) {
            for (int i = 0; i < 2; i++) {
                int k = i;
                c.give(i, () -> f.differentiate(k, c.in(0), c.in(1), c.out(), c.grad()));
            }
        }

        @Override
        public String name() {
            return f.symbol();
        }
    }

    /// `condition ? a : b`, elementwise.
    record Select() implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            boolean isBool = in.get(0).dtype() == DType.BOOL;
            boolean oneType = in.get(1).type().equals(in.get(2).type());
            boolean oneShape = in.get(0).shape().equals(in.get(1).shape());
            if (!isBool || !oneType || !oneShape) {
                Problem p = problem("where", in, "condition", "a", "b");
                p.require(isBool, "the condition must be bool").throwDType();
                p.require(oneType, "both values must have one type")
                        .require(oneShape, "condition and values must have one shape")
                        .throwShape();
            }
            return in.get(1).type();
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(1, () -> c.in(0).where(c.grad(), c.grad().zerosLike()));
            c.give(2, () -> c.in(0).where(c.grad().zerosLike(), c.grad()));
        }
    }

    /// The same values in another element type. Floating numbers to floating ones are rounded to nearest; to integers their fraction is cut off, what is beyond the range becomes its end, and
    /// NaN becomes 0 ([DType#whole]); integers to integers wrap around; to bool all are compared with zero, and NaN is true. It is the same whether the number is a constant or computed.
    record Cast(DType dtype) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            return in.get(0).type().withDType(dtype);
        }

        @Override
        public void differentiate(Cotangents c) {
            if (dtype.isFloating() && c.in(0).dtype().isFloating()) {
                c.give(0, () -> c.grad().cast(c.in(0).dtype()));
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- movement

    /// The same elements in row-major order under another shape.
    record Reshape(Shape shape) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node x = in.get(0);
            if (!x.shape().sameCount(shape)) {
                String counts =
                        x.shape().isKnown() && shape.isKnown()
                                ? "%s has %d elements, but %s has %d"
                                        .formatted(
                                                x.shape(), x.shape().count(), shape, shape.count())
                                : x.shape() + " may not have as many elements as " + shape;
                problem("reshape", in, "x").rule(counts).throwShape();
            }
            return x.type().withShape(shape);
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, () -> c.grad().reshape(c.in(0).shape()));
        }

        @Override
        public Op bind(LongUnaryOperator known) {
            return new Reshape(shape.bind(known));
        }
    }

    /// Axes reordered: axis i of the result is axis `axes[i]` of the operand.
    record Permute(Axes axes) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Shape s = in.get(0).shape();
            long[] out = new long[s.rank()];
            for (int i = 0; i < out.length; i++) {
                out[i] = s.size(axes.get(i));
            }
            return in.get(0).type().withShape(Shape.of(out));
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, () -> c.grad().permute(axes.inverse().toArray()));
        }
    }

    /// Axes of size 1 repeated to the sizes of `shape`, which has the operand's rank. An unknown size may become another: it is then assumed to be equal, which
    /// the call of the function checks ([Sizes#assumed]).
    record Broadcast(Shape shape) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node x = in.get(0);
            boolean fits = x.rank() == shape.rank();
            for (int i = 0; fits && i < x.rank(); i++) {
                fits =
                        x.size(i) == shape.size(i)
                                || x.size(i) == 1
                                || x.size(i) < 0 && shape.size(i) < 0;
            }
            if (!fits) {
                problem("broadcast", in, "x")
                        .rule(x.shape() + " does not broadcast to " + shape)
                        .throwShape();
            }
            return x.type().withShape(shape);
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, () -> c.grad().sumTo(c.in(0).shape()));
        }

        @Override
        public Op bind(LongUnaryOperator known) {
            return new Broadcast(shape.bind(known));
        }
    }

    /// A regular part of each axis.
    record Slice(List<Span> spans) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node x = in.get(0);
            Problem p = problem("slice", in, "x");
            p.require(spans.size() == x.rank(), "needs one span per axis").throwShape();
            for (int i = 0; i < x.rank(); i++) {
                Span s = spans.get(i);
                int axis = i;
                long n = x.size(i);
                boolean whole = s.isAll(n);
                p.require(whole || n >= 0, () -> Sizes.unknown(axis));
                p.require(whole || s.step() != 0, "the step must not be 0")
                        .require(
                                whole || s.size() >= 0,
                                () ->
                                        Shape.isUnknown(s.size())
                                                ? "the part of axis " + axis + " must be known"
                                                : "the size must not be negative, but is "
                                                        + s.size());
                p.require(
                        whole || n < 0 || s.size() <= 0 || s.isInside(n),
                        () -> "%s are not on axis %d of size %d".formatted(s.text(), axis, n));
            }
            p.throwShape();
            return x.type().withShape(Shape.of(spans.stream().mapToLong(Span::size).toArray()));
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, () -> c.grad().unslice(spans, c.in(0).shape()));
        }

        @Override
        public Op bind(LongUnaryOperator known) {
            return new Slice(
                    spans.stream()
                            .map(s -> new Span(s.start(), Shape.bound(s.size(), known), s.step()))
                            .toList());
        }
    }

    /// Elements of a constant value put before, after and between those of each axis.
    record Pad(List<Margin> margins, Constant value) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node x = in.get(0);
            Problem p = problem("pad", in, "x");
            p.require(value.dtype == x.dtype(), "the value must be " + x.dtype()).throwDType();
            p.require(margins.size() == x.rank(), "needs one margin per axis").throwShape();
            long[] out = x.shape().toArray();
            for (int i = 0; i < out.length; i++) {
                Margin m = margins.get(i);
                int axis = i;
                p.require(
                        m.before() >= 0 && m.after() >= 0 && m.between() >= 0,
                        () ->
                                "margins must not be negative, but axis %d has %d before, %d after and %d between"
                                        .formatted(axis, m.before(), m.after(), m.between()));
                p.require(m.equals(Margin.NONE) || out[i] >= 0, Sizes.unknown(i));
                out[i] = m.equals(Margin.NONE) ? out[i] : m.padded(out[i]);
            }
            p.throwShape();
            return x.type().withShape(Shape.of(out));
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, () -> c.grad().unpad(margins, c.in(0).shape()));
        }
    }

    /// Operands joined along an axis.
    record Concat(int axis) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node first = in.get(0);
            Problem p = Problem.in("concat");
            long total = 0;
            for (int i = 0; i < in.size(); i++) {
                Node x = in.get(i);
                p.operand(Integer.toString(i), x.type(), x::origin);
                boolean fits =
                        x.rank() == first.rank()
                                && x.shape().with(axis, 0).equals(first.shape().with(axis, 0));
                p.require(
                        fits,
                        "operand " + i + " must agree with operand 0 on every axis but " + axis);
                p.require(x.dtype() == first.dtype(), "operand " + i + " must be " + first.dtype());
                p.require(!fits || x.size(axis) >= 0 || in.size() == 1, Sizes.unknown(axis));
                total =
                        !fits
                                ? total
                                : in.size() == 1 ? x.size(axis) : Shape.plus(total, x.size(axis));
            }
            p.throwShape();
            return first.type().withShape(first.shape().with(axis, total));
        }

        @Override
        public void differentiate(Cotangents c) {
            long start = 0;
            for (int i = 0; c.out().arity() > i; i++) {
                long from = start;
                long size = c.in(i).size(axis);
                c.give(i, () -> c.grad().narrow(axis, from, size));
                start += size;
            }
        }
    }

    /// All positions of sliding windows over the last axes, without copying: `[…, n₁…nₖ] → […, p₁…pₖ, w₁…wₖ]`. The windows have no padding.
    record Windows(List<Window> windows) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node x = in.get(0);
            int k = windows.size();
            int lead = x.rank() - k;
            Problem p = problem("windows", in, "x");
            p.require(lead >= 0, "needs at least " + k + " axes").throwShape();
            long[] out = new long[x.rank() + k];
            for (int i = 0; i < lead; i++) {
                out[i] = x.size(i);
            }
            for (int i = 0; i < k; i++) {
                Window w = windows.get(i);
                int axis = lead + i;
                boolean fits =
                        w.size() > 0
                                && w.stride() > 0
                                && w.dilation() > 0
                                && w.before() == 0
                                && w.after() == 0;
                p.require(
                        fits,
                        () ->
                                "size, stride and dilation must be positive and the padding 0, not "
                                        + w);
                p.require(x.size(axis) >= 0, Sizes.unknown(axis)).throwShape();
                out[axis] = w.positions(x.size(axis));
                out[lead + k + i] = w.size();
                p.require(
                        out[axis] > 0,
                        () ->
                                "a window that reaches %d does not fit axis %d of size %d"
                                        .formatted(w.reach(), axis, x.size(axis)));
            }
            p.throwShape();
            return x.type().withShape(Shape.of(out));
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, () -> c.grad().overlapAdd(windows, c.in(0).shape()));
        }
    }

    // ---------------------------------------------------------------------------------------------- reductions

    /// Elements combined along axes, which are removed.
    record Reduce(Reduction kind, Axes axes) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node x = in.get(0);
            boolean empty =
                    x.shape().isKnown()
                            && x.shape().count() == 0
                            && x.shape().without(axes).count() != 0;
            boolean neutral =
                    kind == Reduction.SUM || kind == Reduction.PROD || x.dtype() == DType.BOOL;
            if (empty && !neutral) {
                problem(name(), in, "x").rule("has no value over no elements").throwShape();
            }
            return x.type().withShape(x.shape().without(axes));
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(
                    0,
                    () -> {
                        Node x = c.in(0);
                        Node g = c.grad().expandAlong(axes, x.shape());
                        return switch (kind) {
                            case SUM -> g;
                            // Ties share the gradient evenly, as torch.amax; so do NaNs, as in
                            // torch.max.
                            case MAX, MIN -> {
                                Node best = c.out().expandAlong(axes, x.shape());
                                Node hit = x.eq(best).or(x.isNan()); // best is NaN, too
                                Node ties = hit.cast(x.dtype()).reduce(Reduction.SUM, axes);
                                Node share = c.grad().div(ties).expandAlong(axes, x.shape());
                                yield hit.where(share, share.zerosLike());
                            }
                            // Product of all others: exact where an element is 0.
                            case PROD -> g.mul(x.productOfOthers(axes));
                        };
                    });
        }

        @Override
        public String name() {
            return kind.name().toLowerCase(Locale.ROOT);
        }
    }

    /// Index of the largest or smallest element along an axis, which is removed: the first of equals; of NaNs the first. Type i64.
    record ArgReduce(boolean largest, int axis) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node x = in.get(0);
            problem(name(), in, "x")
                    .require(x.size(axis) != 0, "has no value over no elements")
                    .throwShape();
            return new TensorType(DType.I64, x.shape().without(Axes.range(axis, axis + 1)));
        }

        @Override
        public String name() {
            return largest ? "argmax" : "argmin";
        }
    }

    /// The linear recurrence `hₜ = aₜ·hₜ₋₁ + bₜ`, h₋₁ = 0, along an axis, from the end if `reverse`. Cumulative sums and products and their derivatives
    /// are instances.
    record Recurrence(int axis, boolean reverse) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            problem("recurrence", in, "a", "b")
                    .require(
                            in.get(0).type().equals(in.get(1).type()),
                            "both operands must have one type")
                    .throwShape();
            return in.get(1).type();
        }

        @Override
        public void differentiate(Cotangents c) {
            // s = ∂L/∂b obeys sₜ = gₜ + aₜ₊₁·sₜ₊₁, the same recurrence backwards; ∂L/∂aₜ = sₜ·hₜ₋₁.
            c.give(0, () -> Recurrence.adjoint(this, c).mul(c.out().shift(axis, reverse ? -1 : 1)));
            c.give(1, () -> Recurrence.adjoint(this, c));
        }

        private static Node adjoint(Recurrence r, Cotangents c) {
            Node next = c.in(0).shift(r.axis, r.reverse ? 1 : -1);
            return Node.of(new Recurrence(r.axis, !r.reverse), next, c.grad());
        }
    }

    /// The order that sorts along an axis: stable, NaN last as the largest. Type i64.
    record ArgSort(int axis, boolean descending) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            problem("sort", in, "x")
                    .require(
                            in.get(0).size(axis) < Integer.MAX_VALUE - 8,
                            "an axis of 2³¹ elements and more cannot be sorted")
                    .throwShape();
            return in.get(0).type().withDType(DType.I64);
        }

        @Override
        public String name() {
            return "argsort";
        }
    }

    // ---------------------------------------------------------------------------------------------- indexing

    /// `out[…, i, …] = x[…, index[…, i, …], …]` along an axis; the other sizes agree. An index out of range is an error when computed.
    record Gather(int axis) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            checkIndexed("gather", axis, in);
            return in.get(0).type().withShape(in.get(1).shape());
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, () -> Node.of(new ScatterAdd(axis), c.in(0).zerosLike(), c.in(1), c.grad()));
        }
    }

    /// `base` with `source[…, i, …]` added at `[…, index[…, i, …], …]`; indices may repeat and are added in order.
    record ScatterAdd(int axis) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            checkIndexed("scatter_add", axis, in.subList(0, 2));
            problem("scatter_add", in, "base", "index", "source")
                    .require(
                            in.get(2).type().equals(in.get(0).type().withShape(in.get(1).shape())),
                            "the source must have the index's shape and the base's dtype")
                    .throwShape();
            return in.get(0).type();
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, c::grad);
            c.give(2, () -> Node.of(new Gather(axis), c.grad(), c.in(1)));
        }
    }

    private static void checkIndexed(String op, int axis, List<Node> in) {
        Node x = in.get(0);
        Node index = in.get(1);
        Problem p = problem(op, in, "x", "index");
        p.require(
                        index.dtype() == DType.I64 || index.dtype() == DType.I32,
                        "the index must be i64 or i32")
                .throwDType();
        boolean fits =
                x.rank() == index.rank()
                        && x.shape().with(axis, 0).equals(index.shape().with(axis, 0));
        p.require(fits, "operand and index must agree on every axis but " + axis).throwShape();
    }

    // ---------------------------------------------------------------------------------------------- contractions

    /// Batched matrix product `[…, m, k] · […, k, n] → […, m, n]` with equal leading axes; sums are kept in f32 at least and rounded to `dtype` once.
    record Contract(DType dtype) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            Node a = in.get(0);
            Node b = in.get(1);
            if (!fits(a, b)) {
                complain(in, a, b);
            }
            return new TensorType(dtype, a.shape().with(-1, b.size(-1)));
        }

        private static boolean fits(Node a, Node b) {
            int r = a.rank();
            boolean fits =
                    a.dtype() == b.dtype() && r >= 2 && r == b.rank() && a.size(-1) == b.size(-2);
            for (int i = 0; fits && i < r - 2; i++) {
                fits = a.size(i) == b.size(i);
            }
            return fits;
        }

        private static void complain(List<Node> in, Node a, Node b) {
            Problem p = problem("matmul", in, "a", "b");
            p.require(a.dtype() == b.dtype(), "both operands must have one dtype").throwDType();
            p.require(
                            a.rank() >= 2 && a.rank() == b.rank(),
                            "both operands need the same number of axes, at least 2")
                    .throwShape();
            int r = a.rank();
            p.require(
                    a.shape().range(0, r - 2).equals(b.shape().range(0, r - 2)),
                    "the leading axes must be equal");
            p.require(
                    a.size(-1) == b.size(-2),
                    "a.size(-1) must equal b.size(-2), but " + a.size(-1) + " ≠ " + b.size(-2));
            p.throwShape();
        }

        @Override
        public void differentiate(Cotangents c) {
            DType in = c.in(0).dtype();
            c.give(0, () -> Node.of(new Contract(in), c.grad().cast(in), c.in(1).transpose()));
            c.give(1, () -> Node.of(new Contract(in), c.in(0).transpose(), c.grad().cast(in)));
        }

        @Override
        public String name() {
            return "matmul";
        }
    }

    /// Convolution in the deep-learning sense (correlation) over k spatial axes, and its two adjoints. Layouts: data `[n, c, spatial…]`, kernel
    /// `[o, c/groups, spatial…]`. Each kind's derivatives are the other two, so the set is closed under differentiation.
    record Convolve(Kind kind, List<Window> windows, long groups, Shape result) implements Op {
        /// Which of data, kernel and output is computed from the other two.
        public enum Kind {
            /// (data, kernel) → output
            FORWARD,
            /// (output gradient, kernel) → data gradient; also the transposed convolution
            DATA,
            /// (data, output gradient) → kernel gradient
            KERNEL
        }

        @Override
        public TensorType infer(List<Node> in) {
            problem("convolve", in, "a", "b")
                    .require(
                            in.get(0).dtype() == in.get(1).dtype()
                                    && in.get(0).dtype().isFloating(),
                            "both operands must have one floating dtype")
                    .throwDType();
            return in.get(0).type().withShape(result);
        }

        @Override
        public void differentiate(Cotangents c) {
            Node g = c.grad();
            Node a = c.in(0);
            Node b = c.in(1);
            switch (kind) {
                case FORWARD -> {
                    c.give(0, () -> to(Kind.DATA, g, b, a));
                    c.give(1, () -> to(Kind.KERNEL, a, g, b));
                }
                case DATA -> {
                    c.give(0, () -> to(Kind.FORWARD, g, b, a));
                    c.give(1, () -> to(Kind.KERNEL, g, a, b));
                }
                case KERNEL -> {
                    c.give(0, () -> to(Kind.DATA, b, g, a));
                    c.give(1, () -> to(Kind.FORWARD, a, g, b));
                }
            }
        }

        private Node to(Kind other, Node a, Node b, Node like) {
            return Node.of(new Convolve(other, windows, groups, like.shape()), a, b);
        }

        @Override
        public Op bind(LongUnaryOperator known) {
            return new Convolve(kind, windows, groups, result.bind(known));
        }

        @Override
        public String name() {
            return kind == Kind.FORWARD ? "conv" : kind == Kind.DATA ? "conv_data" : "conv_kernel";
        }
    }

    // ---------------------------------------------------------------------------------------------- structure

    /// Output number `output` of a composite: a backend may compute it in one piece, otherwise it is replaced by its body. Nodes with the same body and operands
    /// are outputs of one call.
    record Fused(Composite what, Body body, int output) implements Op {
        /// Equal composites have bodies of equal meaning, so the body does not count.
        @Override
        public boolean equals(Object o) {
            return o instanceof Fused f && f.output == output && f.what.equals(what);
        }

        @Override
        public int hashCode() {
            return 31 * what.hashCode() + output;
        }

        @Override
        public TensorType infer(List<Node> in) {
            Problem p = Problem.in(name());
            p.require(
                            in.size() == body.inputs().size(),
                            "operands must be " + body.inputs().size() + ", not " + in.size())
                    .throwShape();
            for (int i = 0; i < in.size(); i++) {
                p.operand(Integer.toString(i), in.get(i).type(), in.get(i)::origin);
                p.require(
                        in.get(i).type().equals(body.inputs().get(i).type()),
                        "operand " + i + " must be " + body.inputs().get(i).type());
            }
            p.throwShape();
            return body.outputs().get(output).type();
        }

        @Override
        public Op bind(LongUnaryOperator known) {
            return new Fused(what, body.bind(known), output);
        }

        @Override
        public String name() {
            return what.name();
        }
    }

    /// Result number `result` of a loop over the elements of sequences that carries states from step to step. Nodes with equal loops and the same operands are results
    /// of one loop. Its derivative is a loop in the other direction (`dev.nacre.autodiff`).
    record Scan(Iteration loop, int result) implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            loop.check(in);
            return loop.type(result);
        }

        @Override
        public Op bind(LongUnaryOperator known) {
            return new Scan(loop.bind(known), result);
        }
    }

    /// The operand, through which no gradient flows.
    record Detach() implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            return in.get(0).type();
        }
    }

    /// The first operand, not available before the second has been computed. Keeps a recomputation from being merged with the original.
    record After() implements Op {
        @Override
        public TensorType infer(List<Node> in) {
            return in.get(0).type();
        }

        @Override
        public void differentiate(Cotangents c) {
            c.give(0, c::grad);
        }
    }

    /// The start of a complaint about operands, given their names.
    private static Problem problem(String op, List<Node> in, String... names) {
        Problem p = Problem.in(op);
        for (int i = 0; i < names.length; i++) {
            p.operand(names[i], in.get(i).type(), in.get(i)::origin);
        }
        return p;
    }
}
