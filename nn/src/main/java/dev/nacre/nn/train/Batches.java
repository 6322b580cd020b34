package dev.nacre.nn.train;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

/// The examples of a data set in batches, once per iteration. A thread in the background prepares the next ones.
///
/// ```java
/// var batches = Batches.of(x, y, 32).shuffled(seed);
/// for (int epoch = 0; epoch < 10; epoch++) {
///     for (Batch b : batches) { … }
/// }
/// ```
///
/// Shuffling is reproducible: the order of the k-th iteration depends on seed and k alone. The background thread ends with the iteration, also when that is given up half-way or closed; an exception in it is
/// thrown where the next batch is asked for.
public final class Batches implements Iterable<Batch> {
    private final Batch all;
    private final int size;
    private final boolean shuffled;
    private final long seed;
    private final boolean whole;
    private final int ahead;
    private final UnaryOperator<Batch> change;
    private final AtomicLong iterations = new AtomicLong();
    private final Map<Tensor, MemorySegment> elements = new ConcurrentHashMap<>(); // of all

    private Batches(
            Batch all,
            int size,
            boolean shuffled,
            long seed,
            boolean whole,
            int ahead,
            UnaryOperator<Batch> change) {
        this.all = all;
        this.size = size;
        this.shuffled = shuffled;
        this.seed = seed;
        this.whole = whole;
        this.ahead = ahead;
        this.change = change;
    }

    /// Batches in order, the last one smaller if the size does not divide, two prepared ahead.
    public static Batches of(Tensor x, Tensor y, int size) {
        if (x.rank() == 0 || y.rank() == 0 || x.size(0) != y.size(0)) {
            throw new NacreException(
                    "batches: x and y must have the same number of examples on axis 0, but x is "
                            + x.type()
                            + " and y is "
                            + y.type());
        }
        if (x.size(0) == 0) {
            throw new NacreException("batches: there are no examples: x is " + x.type());
        }
        if (size < 1) {
            throw new NacreException("batches: the size must be at least 1, but is " + size);
        }
        Tensor.realize(x, y);
        return new Batches(new Batch(x, y), size, false, 0, false, 2, UnaryOperator.identity());
    }

    /// With a weight for each example, `[n]`, or for each step of it, `[n, steps]`: see [dev.nacre.nn.loss.Loss#weighted] and [dev.nacre.nn.metric.Weighted].
    public Batches weights(Tensor weights) {
        Tensor w = checked(weights).realize();
        return new Batches(
                new Batch(all.x(), all.y(), w), size, shuffled, seed, whole, ahead, change);
    }

    private Tensor checked(Tensor weights) {
        Problem p =
                Problem.in("batches")
                        .operand("x", all.x().type(), all.x()::origin)
                        .operand("weights", weights.type(), weights::origin);
        p.require(
                        weights.rank() > 0 && weights.size(0) == all.size(),
                        "there must be one weight for each example")
                .throwShape();
        p.require(
                        weights.ge(0).and(weights.cast(DType.F64).isFinite()).all().item() != 0,
                        "weights must be finite and at least 0")
                .throwValue();
        Tensor w = weights.dtype().isFloating() ? weights : weights.cast(DType.F32);
        return w.rank() == 2 && w.size(1) == 1 ? w.squeeze(1) : w;
    }

    /// In an order that is new at each iteration.
    public Batches shuffled(long seed) {
        return new Batches(all, size, true, seed, whole, ahead, change);
    }

    /// Without the last examples that do not fill a batch.
    public Batches whole() {
        return new Batches(all, size, shuffled, seed, true, ahead, change);
    }

    /// With another number of batches prepared ahead; 0 prepares each when it is asked for.
    public Batches prefetch(int count) {
        if (count < 0) {
            throw new NacreException("batches: cannot prepare " + count + " ahead");
        }
        return new Batches(all, size, shuffled, seed, whole, count, change);
    }

    /// Each batch changed, in the background: augmented, normalised. Weights stay with a batch that the change gives none.
    public Batches map(UnaryOperator<Batch> f) {
        return new Batches(
                all, size, shuffled, seed, whole, ahead, b -> changed(f, change.apply(b)));
    }

    private static Batch changed(UnaryOperator<Batch> f, Batch b) {
        Batch to = f.apply(b);
        if (b.weights().isEmpty() || to.weights().isPresent()) {
            return to;
        }
        if (to.size() != b.size()) {
            throw new NacreException(
                    "batches: "
                            + b
                            + " was changed into "
                            + to
                            + ", for whose examples there are no weights");
        }
        return new Batch(to.x(), to.y(), b.weights());
    }

    /// Number of batches in an iteration.
    public int count() {
        return Math.toIntExact(whole ? all.size() / size : Math.ceilDiv(all.size(), size));
    }

    /// Number of examples in an iteration.
    public long examples() {
        return whole ? count() * (long) size : all.size();
    }

    /// Sets the number that the next iteration has, to go on where another process stopped.
    public void startAt(long iteration) {
        Problem.in("batches").atLeast("iteration", iteration, 0).throwValue();
        iterations.set(iteration);
    }

    @Override
    public Prefetch iterator() {
        int[] order = order(iterations.getAndIncrement());
        return Prefetch.of(count(), ahead, b -> batch(order, b));
    }

    private int[] order(long iteration) {
        int n = Math.toIntExact(all.size());
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        if (shuffled) {
            SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + iteration);
            for (int i = n - 1; i > 0; i--) { // Fisher and Yates
                int j = random.nextInt(i + 1);
                int t = order[i];
                order[i] = order[j];
                order[j] = t;
            }
        }
        return order;
    }

    private Batch batch(int[] order, int number) {
        int from = number * size;
        int to = Math.min(order.length, from + size);
        Batch b =
                change.apply(
                        new Batch(
                                rows(all.x(), order, from, to),
                                rows(all.y(), order, from, to),
                                all.weights().map(w -> rows(w, order, from, to))));
        Tensor.realize(b.tensors());
        return b;
    }

    private Tensor rows(Tensor t, int[] order, int from, int to) {
        Shape shape = t.shape().with(0, to - from);
        TensorType type = t.type().withShape(shape);
        long row = type.bytes() / (to - from);
        MemorySegment source = elements.computeIfAbsent(t, Tensor::toSegment);
        MemorySegment rows = MemorySegment.ofArray(new byte[Math.toIntExact(type.bytes())]);
        for (int i = from; i < to; i++) {
            MemorySegment.copy(source, order[i] * row, rows, (i - from) * row, row);
        }
        java.lang.ref.Reference.reachabilityFence(t);
        return Tensor.of(type, rows);
    }

    @Override
    public String toString() {
        return "Batches: "
                + count()
                + " of "
                + size
                + ", "
                + examples()
                + " examples x "
                + all.x().type()
                + ", y "
                + all.y().type()
                + all.weights().map(w -> ", weights " + w.type()).orElse("")
                + (shuffled ? ", shuffled by seed " + seed : ", in order")
                + (whole && all.size() % size != 0
                        ? ", without the last " + all.size() % size
                        : "");
    }
}
