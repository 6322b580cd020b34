package dev.nacre.cpu.attention;

import dev.nacre.compile.Kernel.Call;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.onednn.BlockProducts;
import dev.nacre.ir.Attention;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Op;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// Which attention is computed block by block, and its kernels.
///
/// Taken are f32 and bf16 (with sums in f32), any strides, grouped queries, causal or not, with a mask of bools or numbers. Not taken, so that the body is compiled instead: dropout, gradients
/// of the mask, other types, few scores, and machines without oneDNN.
public final class FlashAttention {
    /// Queries in a block on whose diagonal scores are wasted, and the least that are taken at all.
    private static final int ROWS = 64;

    /// Queries from which on little is wasted if blocks are twice as high, as they are where nothing is.
    private static final int MANY = 1024;

    /// Keys in a block. Scores and their gradients, 256 KiB at most, stay in the second cache with the keys and values.
    private static final int COLUMNS = 256;

    /// With fewer scores to a head, products of all heads at once are as fast or faster.
    private static final long LEAST_SCORES = 1 << 14;

    /// Parts of the backward pass that keep all cores busy.
    private static final int PARTS = 16;

    private FlashAttention() {}

    /// Whether [#prepare(Call)] takes a composite applied to operands of these types.
    public static boolean claims(Op.Fused op, List<TensorType> operands) {
        return takes(op, operands) && pays(op, operands);
    }

    /// Whether it is attention or a derivative of it.
    public static boolean isAttention(Composite what) {
        return attention(what).isPresent();
    }

    private static Optional<Attention> attention(Composite what) {
        return switch (what) {
            case Attention a -> Optional.of(a);
            case Composite.Derivative d when d.of() instanceof Attention a -> Optional.of(a);
            default -> Optional.empty();
        };
    }

    /// Whether there is a kernel at all, worth it or not.
    static boolean takes(Op.Fused op, List<TensorType> operands) {
        boolean known =
                !(op.what() instanceof Composite.Derivative d)
                        || d.output() == 0 && d.wanted().stream().allMatch(i -> i < 3);
        return known
                && attention(op.what()).filter(a -> takes(a, operands)).isPresent()
                && operands.stream().noneMatch(t -> t.shape().count() == 0);
    }

    private static boolean takes(Attention a, List<TensorType> operands) {
        return a.dropout() == 0
                && BlockProducts.support(operands.getFirst().dtype())
                && (!a.masked() || takesMask(operands.get(3).dtype()));
    }

    private static boolean takesMask(DType type) {
        return type == DType.BOOL || type.isFloating() && type.arithmetic() == DType.F32;
    }

    private static boolean pays(Op.Fused op, List<TensorType> operands) {
        long queries = operands.get(0).shape().size(-2);
        long keys = operands.get(1).shape().size(-2);
        return queries >= ROWS && queries * keys >= LEAST_SCORES;
    }

    /// The kernel of a call, made anew for each frame.
    public static Supplier<Step> prepare(Call call) {
        return () -> of(call);
    }

    static Step of(Call call) {
        long queries = call.in().getFirst().sizes()[call.in().getFirst().rank() - 2];
        boolean causal = attention(call.what()).filter(Attention::causal).isPresent();
        return of(call, causal && queries < MANY ? ROWS : 2 * ROWS, COLUMNS, PARTS);
    }

    static Step of(Call call, int rows, int columns, int parts) {
        return switch (call.what()) {
            case Attention a -> {
                var g = geometry(a, call.in(), rows, columns);
                yield new Forward(
                        g,
                        Matrices.of(call.out().get(call.outputs().indexOf(0))),
                        Matrices.of(call.out().get(call.outputs().indexOf(1))));
            }
            case Composite.Derivative d when d.of() instanceof Attention a -> {
                var g = geometry(a, call.in(), rows, columns);
                var rest = call.in().subList(a.arity(), call.in().size()); // gradient, result, logs
                yield new Backward(
                        g,
                        Matrices.ofRows(rest.get(0)),
                        Matrices.of(rest.get(1)),
                        Matrices.of(rest.get(2)),
                        wanted(d, call.out()),
                        Math.ceilDiv(parts, g.key().count()));
            }
            default -> throw new IllegalArgumentException("not attention: " + call.name());
        };
    }

    private static List<Optional<Matrices>> wanted(Composite.Derivative d, List<View> out) {
        var wanted = new ArrayList<Optional<Matrices>>();
        for (int i = 0; i < 3; i++) {
            int at = d.wanted().indexOf(i);
            wanted.add(at < 0 ? Optional.empty() : Optional.of(Matrices.of(out.get(at))));
        }
        return wanted;
    }

    private static Geometry geometry(Attention a, List<View> in, int rows, int columns) {
        var scores = in.get(0).sizes().clone();
        scores[scores.length - 1] = in.get(1).sizes()[scores.length - 2];
        return new Geometry(
                a,
                Matrices.ofRows(in.get(0)),
                Matrices.ofRows(in.get(1)),
                Matrices.ofRows(in.get(2)),
                a.masked() ? Optional.of(Matrices.of(in.get(3), scores)) : Optional.empty(),
                rows,
                columns,
                new Diagonal(rows, columns));
    }
}
