package dev.nacre;

import dev.nacre.type.DType;
import dev.nacre.type.Shape;

/// A reproducible source of random tensors: the same seed gives the same bits on any machine and any number of threads. Counter-based (Philox-4x32-10), so each
/// draw is a pure function of (seed, number of the draw).
///
/// In a traced function every call draws anew: the number of draws is a variable that the function advances.
public final class Rng {
    private final Variable state; // i64[2]: seed, number of draws

    private Rng(Variable state) {
        this.state = state;
    }

    /// The source of a seed, before its first draw.
    public static Rng seed(long seed) {
        return new Rng(Variable.of("rng", Tensor.of(new long[] {seed, 0}), false));
    }

    /// An independent source: `split(0)`, `split(1)`, … of equal sources are equal.
    public Rng split(long number) {
        long s = seedOf(state.toLongArray()[0] + 0x9E3779B97F4A7C15L * (number + 1));
        return seed(s);
    }

    private static long seedOf(long z) { // SplitMix64's finalizer (Steele et al. 2014)
        long x = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }

    /// The seed and the number of draws, for checkpoints.
    public Variable state() {
        return state;
    }

    /// Uniformly distributed 32-bit integers.
    public Tensor bits(Shape shape) {
        return key().randomBits(shape);
    }

    /// The key of one draw, `i64[2]`, for operations that draw their bits themselves, such as attention with dropout; see `randomBits`.
    public Tensor key() {
        Tensor key =
                Trace.current().isPresent()
                        ? new Tensor(state.node())
                        : Tensor.of(state.toLongArray());
        if (Trace.current().isPresent()) {
            state.set(key.add(Tensor.of(new long[] {0, 1})));
        } else {
            long[] s = state.toLongArray();
            state.replace(Tensor.of(new long[] {s[0], s[1] + 1}).copied(state));
        }
        return key;
    }

    /// Uniform on [0, 1) in f32, multiples of 2⁻²⁴.
    public Tensor uniform(long... sizes) {
        Tensor high = bits(Shape.of(sizes)).shiftRight(Tensor.of(8)).and(Tensor.of(0xFFFFFF));
        return high.cast(DType.F32).mul(0x1p-24);
    }

    /// Uniform on [low, high) in f32. Write the bounds as doubles: `uniform(-1.0, 1.0, 3)`; `uniform(-1, 1, 3)` would be sizes.
    public Tensor uniform(double low, double high, long... sizes) {
        return uniform(sizes).mul(high - low).add(low);
    }

    /// Standard normal in f32, by the Box–Muller transform.
    public Tensor normal(long... sizes) {
        Tensor radius = uniform(sizes).neg().add(1).log().mul(-2).sqrt();
        return radius.mul(uniform(sizes).mul(2 * Math.PI).cos());
    }

    /// Normal with the given mean and standard deviation in f32. Write them as doubles: `normal(0.0, 1.0, 3)`; `normal(0, 1, 3)` would be sizes.
    public Tensor normal(double mean, double std, long... sizes) {
        return normal(sizes).mul(std).add(mean);
    }

    /// True with probability p.
    public Tensor bernoulli(double p, long... sizes) {
        return uniform(sizes).lt(p);
    }

    /// Integers in [0, n) as i64. n up to 2³¹; the bias is below n·2⁻³².
    public Tensor integers(long n, long... sizes) {
        Tensor wide = bits(Shape.of(sizes)).cast(DType.I64).and(Tensor.of(0xFFFFFFFFL));
        return wide.mul(Tensor.of(n)).shiftRight(Tensor.of(32L));
    }

    /// The numbers 0 to n−1 in random order as i64.
    public Tensor permutation(long n) {
        Tensor wide =
                bits(Shape.of(n))
                        .cast(DType.I64)
                        .mul(Tensor.of(1L << 31))
                        .add(bits(Shape.of(n)).cast(DType.I64));
        return wide.argsort(0, false);
    }

    /// Class numbers along the last axis, drawn with probabilities softmax(logits), by the Gumbel-max trick. Type i64.
    public Tensor categorical(Tensor logits) {
        Tensor u = uniform(logits.shape().toArray()).add(0x1p-25);
        return logits.sub(u.log().neg().log()).argmax(-1);
    }

    /// Elements zeroed with probability p, the others scaled by 1/(1−p).
    public Tensor dropout(Tensor x, double p) {
        return p == 0 ? x : x.dropout(p, bits(x.shape()));
    }
}
