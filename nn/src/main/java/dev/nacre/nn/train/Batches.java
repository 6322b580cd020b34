package dev.nacre.nn.train;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
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
    private final Tensor x;
    private final Tensor y;
    private final int size;
    private final boolean shuffled;
    private final long seed;
    private final boolean whole;
    private final int ahead;
    private final UnaryOperator<Batch> change;
    private final AtomicLong iterations = new AtomicLong();

    private Batches(
            Tensor x,
            Tensor y,
            int size,
            boolean shuffled,
            long seed,
            boolean whole,
            int ahead,
            UnaryOperator<Batch> change) {
        this.x = x;
        this.y = y;
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
        return new Batches(x, y, size, false, 0, false, 2, UnaryOperator.identity());
    }

    /// In an order that is new at each iteration.
    public Batches shuffled(long seed) {
        return new Batches(x, y, size, true, seed, whole, ahead, change);
    }

    /// Without the last examples that do not fill a batch.
    public Batches whole() {
        return new Batches(x, y, size, shuffled, seed, true, ahead, change);
    }

    /// With another number of batches prepared ahead; 0 prepares each when it is asked for.
    public Batches prefetch(int count) {
        if (count < 0) {
            throw new NacreException("batches: cannot prepare " + count + " ahead");
        }
        return new Batches(x, y, size, shuffled, seed, whole, count, change);
    }

    /// Each batch changed, in the background: augmented, normalised.
    public Batches map(UnaryOperator<Batch> f) {
        return new Batches(x, y, size, shuffled, seed, whole, ahead, b -> f.apply(change.apply(b)));
    }

    /// Number of batches in an iteration.
    public int count() {
        return Math.toIntExact(whole ? x.size(0) / size : Math.ceilDiv(x.size(0), size));
    }

    /// Number of examples in an iteration.
    public long examples() {
        return whole ? count() * (long) size : x.size(0);
    }

    /// Sets the number that the next iteration has, to go on where another process stopped.
    public void startAt(long iteration) {
        iterations.set(iteration);
    }

    @Override
    public Prefetch iterator() {
        int[] order = order(iterations.getAndIncrement());
        return Prefetch.of(count(), ahead, b -> batch(order, b));
    }

    private int[] order(long iteration) {
        int n = Math.toIntExact(x.size(0));
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
        Batch b = change.apply(new Batch(rows(x, order, from, to), rows(y, order, from, to)));
        Tensor.realize(b.x(), b.y());
        return b;
    }

    private static Tensor rows(Tensor t, int[] order, int from, int to) {
        Shape shape = t.shape().with(0, to - from);
        TensorType type = t.type().withShape(shape);
        long row = type.bytes() / (to - from);
        MemorySegment source = t.toSegment();
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
                + x.type()
                + ", y "
                + y.type()
                + (shuffled ? ", shuffled by seed " + seed : ", in order")
                + (whole && x.size(0) % size != 0 ? ", without the last " + x.size(0) % size : "");
    }
}
