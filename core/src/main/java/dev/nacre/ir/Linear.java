package dev.nacre.ir;

import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/// Matrix products, Einstein sums, convolutions and pooling.
///
/// @param <T> the implementing type
public interface Linear<T extends Algebra<T>> extends Expression<T> {

    // ------------------------------------------------------------------------------------------------ products

    /// Matrix product over the last two axes, leading axes broadcast: `[…, m, k] · […, k, n] → […, m, n]`. A vector on the left is a row, on the right a column, and
    /// the axis it lent is removed again, as torch.matmul.
    default T matmul(T b) {
        return matmul(b, DType.promote(dtype(), b.dtype()));
    }

    /// The same with a result of another type, to which the sums are rounded once: f32 for products of 16-bit numbers with which more is computed.
    default T matmul(T b, DType result) {
        DType t = DType.promote(dtype(), b.dtype());
        T x = self().cast(t);
        T y = b.cast(t);
        boolean row = x.rank() == 1;
        boolean column = y.rank() == 1;
        Supplier<Problem> problem =
                () ->
                        Problem.in("matmul")
                                .operand("a", type(), this::origin)
                                .operand("b", b.type(), b::origin);
        if (x.rank() == 0 || y.rank() == 0) {
            problem.get().rule("scalars have no matrix product; use mul").throwShape();
        }
        x = row ? x.unsqueeze(0) : x;
        y = column ? y.unsqueeze(1) : y;
        long k = x.size(-1);
        if (k < 0 && y.size(-2) < 0) { // taken for one size
            y = y.broadcastTo(y.shape().with(-2, k));
        }
        if (k != y.size(-2)) {
            Problem p = problem.get();
            p.rule(
                    "a.size(-1) must equal b.size("
                            + (column ? "0" : "-2")
                            + "), but "
                            + Shape.text(k)
                            + " ≠ "
                            + Shape.text(y.size(-2)));
            if (!column) {
                p.hint(
                        "b.transpose() is "
                                + y.transpose().shape()
                                + (y.size(-1) == k
                                        ? ", which fits"
                                        : "; did the layer before change its width?"));
            }
            p.throwShape();
        }
        Shape lead =
                Shape.broadcast(x.shape().range(0, x.rank() - 2), y.shape().range(0, y.rank() - 2))
                        .orElseThrow(() ->
                                new ShapeException(
                                        problem.get()
                                                .rule("the leading axes do not broadcast")
                                                .text()));
        DType narrow = Precision.ofProducts(t);
        T out =
                product(x.cast(narrow), y.cast(narrow), lead, result == t ? narrow : result)
                        .cast(result);
        out = row ? out.squeeze(-2) : out;
        return column ? out.squeeze(-1) : out;
    }

    /// A linear layer: `x·weightᵀ + bias` over the last axis, computed wide and rounded once, with a weight `[out, in]` and a bias `[out]`.
    default T linear(T weight, T bias) {
        DType product = DType.promote(dtype(), weight.dtype());
        return self().matmul(weight.transpose(), product.arithmetic())
                .add(bias)
                .cast(DType.promote(product, bias.dtype()));
    }

    private T product(T x, T y, Shape lead, DType t) {
        if (y.rank() == 2
                && x.rank() > 2
                && x.shape().isKnown()) { // one big product instead of a batch of small ones
            T flat = x.reshape(x.shape().range(0, x.rank() - 1).count(), x.size(-1));
            return emit(new Op.Contract(t), List.of(flat, y))
                    .reshape(lead.concat(Shape.of(x.size(-2), y.size(-1))));
        }
        T a = x.broadcastTo(lead.concat(x.shape().range(x.rank() - 2, x.rank())));
        T b = y.broadcastTo(lead.concat(y.shape().range(y.rank() - 2, y.rank())));
        return emit(new Op.Contract(t), List.of(a, b));
    }

    /// Einstein summation: `a.einsum("bij,bjk->bik", b)`. Letters name axes; letters missing on the right are summed. See [Einsum].
    @SuppressWarnings("unchecked")
    default T einsum(String equation, T... others) {
        List<T> operands = new ArrayList<>();
        operands.add(self());
        operands.addAll(List.of(others));
        return Einsum.of(equation, operands);
    }

    /// Axes rearranged by name, as in einops: `x.rearrange("b (h w) c -> b c h w", Map.of("h", 8))`. See [Rearrange].
    default T rearrange(String pattern, java.util.Map<String, Integer> sizes) {
        return Rearrange.of(pattern, self(), sizes);
    }

    default T rearrange(String pattern) {
        return rearrange(pattern, java.util.Map.of());
    }

    // --------------------------------------------------------------------------------------------
    // convolutions

    /// Convolution (correlation) over the last axes of `[n, c, …]` with a kernel `[out, c/groups, …]`: one window per spatial axis, whose sizes are the kernel's.
    default T conv(T kernel, List<Window> windows, long groups) {
        Shape out = convolvedShape(kernel, windows, groups);
        return convolved(
                new Op.Convolve(Op.Convolve.Kind.FORWARD, on(windows, shape()), groups, out),
                kernel);
    }

    private Shape convolvedShape(T kernel, List<Window> windows, long groups) {
        int k = windows.size();
        Problem p =
                Problem.in("conv" + k + "d")
                        .operand("x", self().type(), this::origin)
                        .operand("kernel", kernel.type(), kernel::origin);
        requireOneFloatingType(p, kernel);
        p.require(
                self().rank() == k + 2,
                () -> "x must be [batch, channels" + ", size".repeat(k) + "]");
        p.require(
                        kernel.rank() == k + 2,
                        () -> "the kernel must be [out, in/groups" + ", size".repeat(k) + "]")
                .throwShape();
        p.require(
                groups > 0 && self().size(1) == Shape.times(kernel.size(1), groups),
                () ->
                        "x has "
                                + self().size(1)
                                + " channels, but the kernel expects "
                                + Shape.times(kernel.size(1), Math.max(1, groups)));
        p.require(
                groups > 0 && kernel.size(0) % groups == 0,
                () ->
                        kernel.size(0)
                                + " output channels are not divisible into "
                                + groups
                                + " groups");
        long[] out = new long[k + 2];
        out[0] = self().size(0);
        out[1] = kernel.size(0);
        for (int i = 0; i < k; i++) {
            int axis = 2 + i;
            Window win = windows.get(i);
            requireWindow(p, i, win, kernel.size(axis));
            p.require(self().size(axis) >= 0, () -> Sizes.unknown(axis)).throwShape();
            out[axis] = win.positions(self().size(axis));
            p.require(
                    out[axis] > 0,
                    () ->
                            "the kernel reaches "
                                    + win.reach()
                                    + " but axis "
                                    + axis
                                    + " has only "
                                    + (self().size(axis) + win.before() + win.after())
                                    + " with padding");
        }
        p.throwShape();
        return Shape.of(out);
    }

    /// The windows over data `[n, c, …]`, without numbers that do not matter.
    private static List<Window> on(List<Window> windows, Shape data) {
        List<Window> out = new ArrayList<>();
        for (int i = 0; i < windows.size(); i++) {
            out.add(windows.get(i).on(data.size(2 + i)));
        }
        return List.copyOf(out);
    }

    private static void requireWindow(Problem p, int i, Window w, long kernel) {
        p.require(
                w.size() == kernel,
                () -> "window " + i + " has size " + w.size() + ", but the kernel " + kernel);
        p.require(
                w.size() > 0 && w.stride() > 0 && w.dilation() > 0,
                "kernel size, stride and dilation must be positive");
        p.require(
                Math.min(w.before(), w.after()) >= 0
                        && Math.max(w.before(), w.after()) <= Window.MOST_PADDING,
                "the padding must be between 0 and 2²⁴");
    }

    default T conv1d(T kernel, long stride, long padding, long dilation, long groups) {
        return conv(kernel, spatial("conv1d", kernel, 1, stride, padding, dilation), groups);
    }

    default T conv2d(T kernel, long stride, long padding, long dilation, long groups) {
        return conv(kernel, spatial("conv2d", kernel, 2, stride, padding, dilation), groups);
    }

    default T conv3d(T kernel, long stride, long padding, long dilation, long groups) {
        return conv(kernel, spatial("conv3d", kernel, 3, stride, padding, dilation), groups);
    }

    private List<Window> spatial(
            String op, T kernel, int k, long stride, long padding, long dilation) {
        if (kernel.rank() != k + 2 || rank() != k + 2) {
            Problem.in(op)
                    .require(
                            rank() == k + 2,
                            "x must be [batch, channels" + ", size".repeat(k) + "]")
                    .require(
                            kernel.rank() == k + 2,
                            "the kernel must be [out, in/groups" + ", size".repeat(k) + "]")
                    .operand("x", type(), this::origin)
                    .operand("kernel", kernel.type(), kernel::origin)
                    .throwShape();
        }
        List<Window> windows = new ArrayList<>();
        for (int i = 0; i < k; i++) {
            windows.add(new Window(kernel.size(2 + i), stride, dilation, padding, padding));
        }
        return windows;
    }

    private void requireOneFloatingType(Problem p, T kernel) {
        if (dtype() == kernel.dtype() && dtype().isFloating()) {
            return;
        }
        T wrong = kernel.dtype().isFloating() ? self() : kernel;
        DType right = wrong == kernel ? dtype().isFloating() ? dtype() : DType.F32 : kernel.dtype();
        p.rule("x and kernel must have one floating dtype")
                .hint((wrong == kernel ? "kernel" : "x") + ".cast(DType." + right.name() + ")")
                .throwDType();
    }

    /// The transposed convolution, adjoint of [#conv] by its data: `[n, out, …]` with a kernel `[out, in/groups, …]` gives `[n, in, …]` with spatial sizes
    /// `(size − 1)·stride + reach − before − after + outputPadding`.
    default T convTranspose(T kernel, List<Window> windows, long groups, long outputPadding) {
        Problem p =
                Problem.in("convTranspose")
                        .operand("x", type(), this::origin)
                        .operand("kernel", kernel.type(), kernel::origin);
        int k = windows.size();
        p.require(
                        rank() == k + 2 && kernel.rank() == k + 2,
                        "x and kernel need " + (k + 2) + " axes")
                .throwShape();
        requireOneFloatingType(p, kernel);
        p.require(
                size(1) == kernel.size(0),
                "x has " + size(1) + " channels, but the kernel expects " + kernel.size(0));
        p.require(
                        groups > 0 && size(1) % Math.max(1, groups) == 0,
                        size(1) + " channels are not divisible into " + groups + " groups")
                .throwShape();
        long[] out = new long[k + 2];
        out[0] = size(0);
        out[1] = Shape.times(kernel.size(1), groups);
        for (int i = 0; i < k; i++) {
            Window w = windows.get(i);
            requireWindow(p, i, w, kernel.size(2 + i));
            long most = Math.max(w.stride(), w.dilation());
            p.require(
                    outputPadding >= 0 && outputPadding < most,
                    "the output padding must be at least 0 and less than "
                            + most
                            + ", but is "
                            + outputPadding);
            p.require(size(2 + i) >= 0, Sizes.unknown(2 + i)).throwShape();
            long between = Shape.times(Math.max(0, size(2 + i) - 1), w.stride());
            long reached = Shape.plus(Shape.plus(between, w.reach()), outputPadding);
            out[2 + i] = reached - w.before() - w.after();
            p.require(out[2 + i] > 0, "padding leaves no output on axis " + (2 + i));
        }
        p.throwShape();
        return convolved(
                new Op.Convolve(
                        Op.Convolve.Kind.DATA, on(windows, Shape.of(out)), groups, Shape.of(out)),
                kernel);
    }

    /// A convolution in the [Precision] that holds here.
    private T convolved(Op op, T kernel) {
        DType narrow = Precision.ofProducts(dtype());
        return emit(op, List.of(self().cast(narrow), kernel.cast(narrow))).cast(dtype());
    }

    default T convTranspose2d(
            T kernel, long stride, long padding, long outputPadding, long groups) {
        return convTranspose(
                kernel,
                spatial("convTranspose2d", kernel, 2, stride, padding, 1),
                groups,
                outputPadding);
    }

    // ------------------------------------------------------------------------------------------------- pooling

    /// Largest element of each window over the last axes. Padding never wins. The gradient goes to the first of equal elements.
    default T maxPool(List<Window> windows) {
        return fused(new Pooling(Pooling.Kind.MAX, windows), List.of(self()));
    }

    /// Mean of each window over the last axes; `countPadding` says whether padding counts as zeros or is left out of the mean.
    default T avgPool(List<Window> windows, boolean countPadding) {
        return fused(
                new Pooling(
                        countPadding ? Pooling.Kind.MEAN_WITH_PADDING : Pooling.Kind.MEAN, windows),
                List.of(self()));
    }

    default T maxPool2d(long size, long stride, long padding) {
        return maxPool(square(size, stride, padding));
    }

    default T avgPool2d(long size, long stride, long padding) {
        return avgPool(square(size, stride, padding), true);
    }

    private static List<Window> square(long size, long stride, long padding) {
        Window w = new Window(size, stride, 1, padding, padding);
        return List.of(w, w);
    }

    /// The only output of a composite whose meaning is known from its attributes.
    default T fused(Pooling what, List<T> operands) {
        Body body = what.body(operands.get(0).type(), operands.get(0)::origin);
        Pooling simple = what.on(operands.get(0).shape());
        return emit(
                new Op.Fused(
                        simple,
                        simple.equals(what)
                                ? body
                                : simple.body(operands.get(0).type(), operands.get(0)::origin),
                        0),
                operands);
    }
}
