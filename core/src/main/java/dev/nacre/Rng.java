package dev.nacre;

import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A reproducible source of random tensors: the same seed gives the same bits on any machine and any number of threads. Counter-based (Philox-4x32-10), so each
/// draw is a pure function of (seed, number of the draw).
///
/// In a traced function every call draws anew: the number of draws is a variable that the function advances. It belongs to the state of the module that holds the source, so that
/// a training that goes on from a checkpoint draws what it would have drawn.
///
/// Whole numbers alone are sizes: `rng.normal(3, 4)`. Parameters of a distribution come before a [Shape], or are written as doubles: `rng.normal(0, 1, Shape.of(3))`,
/// `rng.normal(0.0, 1.0, 3)`. As `normal(0, 1, 3)` would be sizes, three sizes or more that begin with 0 are refused; an empty tensor of that shape is `normal(Shape.of(0, 1, 3))`.
///
/// Thread-safe: no two draws are alike, whichever threads they are made by. Which thread gets which is chance, so a program that is to be reproducible gives each thread
/// a source of its own, [#split(long)] by its number.
public final class Rng {
    private final Variable state; // i64[2]: seed, number of draws
    private final Engine.Targets draw; // what a draw changes

    private Rng(Variable state) {
        this.state = state;
        this.draw = Engine.Targets.of(List.of(Optional.of(state)));
    }

    /// The source of a seed, before its first draw.
    public static Rng seed(long seed) {
        return new Rng(Variable.ofRandomState(Tensor.of(new long[] {seed, 0})));
    }

    /// An independent source, new at each call: what a layer that draws keeps for itself. Takes one draw of this source.
    public Rng split() {
        if (Trace.current().isPresent()) {
            throw new NacreException(
                    "split: a source cannot be split while a function is traced, because its state"
                            + " is known only when the function is called\n"
                            + "  hint: split it before");
        }
        long[] s = take();
        return seed(mixed(mixed(s[0] ^ 0xD1B54A32D192ED03L) + GOLDEN * (s[1] + 1)));
    }

    /// An independent source by number: equal sources give equal ones for equal numbers, however much has been drawn. For threads, workers and the like, which have numbers; [#split()]
    /// for everything else.
    public Rng split(long number) {
        return seed(mixed(state.toLongArray()[0] + GOLDEN * (number + 1)));
    }

    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private static long mixed(long z) { // SplitMix64's finalizer (Steele et al. 2014)
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
        if (Trace.current().isEmpty()) {
            return Tensor.of(take());
        }
        Tensor key = new Tensor(state.node());
        state.set(key.add(Tensor.of(new long[] {0, 1})));
        return key;
    }

    /// Takes one draw: the state before it.
    private long[] take() {
        Steps.flush();
        Steps.changing(state);
        try (Access a = Access.of(List.of(new Variable.Current(state)), draw)) {
            long[] s = {new Elements(a.value(0)).asLong(0), new Elements(a.value(0)).asLong(1)};
            Elements next = new Elements(a.room(0)); // the same memory, as a rule
            next.set(0, s[0]);
            next.set(1, s[1] + 1);
            a.commit();
            return s;
        }
    }

    // -------------------------------------------------------------------------------------------
    // uniform

    /// Uniform on [0, 1) in f32, multiples of 2⁻²⁴.
    public Tensor uniform(Shape shape) {
        return upper(24, bits(shape)).cast(DType.F32).mul(0x1p-24);
    }

    /// Uniform on [0, 1) in f32, of the given sizes.
    public Tensor uniform(long... sizes) {
        return uniform(sizes("uniform", sizes));
    }

    /// Uniform on [low, high) in f32; `low` itself where the two are equal.
    public Tensor uniform(double low, double high, Shape shape) {
        return uniform(DType.F32, low, high, shape);
    }

    /// Uniform on [low, high) in f32, of the given sizes.
    public Tensor uniform(double low, double high, long... sizes) {
        return uniform(low, high, Shape.of(sizes));
    }

    /// Uniform on [low, high) in a floating type: no element is rounded up to `high` or down below `low`. All are `low`, rounded, where the two are equal.
    public Tensor uniform(DType dtype, double low, double high, Shape shape) {
        Problem p = Problem.in("uniform");
        p.require(dtype.isFloating(), "the type must be floating, but is " + dtype).throwDType();
        p.finite("low", low).finite("high", high);
        p.require(
                dtype.holds(low) && dtype.holds(high),
                "low and high must be in the range of "
                        + dtype
                        + ", but are "
                        + low
                        + " and "
                        + high);
        p.require(!(low > high), "low must not be above high, but they are " + low + " and " + high)
                .throwValue();
        double least = low == high ? dtype.round(low) : Neighbours.atLeast(dtype, low);
        double greatest = low == high ? dtype.round(low) : Neighbours.below(dtype, high);
        p.require(
                        Double.isFinite(least) && Double.isFinite(greatest) && least <= greatest,
                        "there is no " + dtype + " from " + low + " to below " + high)
                .throwValue();
        boolean wide = dtype == DType.F64;
        Tensor u = wide ? unit(shape) : uniform(shape);
        double span = high - low;
        boolean fits = Math.abs(span) <= (wide ? Double.MAX_VALUE : Float.MAX_VALUE);
        Tensor y = fits ? u.mul(span).add(low) : u.mul(high).add(u.neg().add(1).mul(low));
        return y.cast(dtype).clamp(least, greatest);
    }

    /// Uniform on [0, 1) in f64, multiples of 2⁻⁵³.
    private Tensor unit(Shape shape) {
        Tensor high = upper(27, bits(shape)).cast(DType.F64);
        return high.mul(0x1p26).add(upper(26, bits(shape)).cast(DType.F64)).mul(0x1p-53);
    }

    /// The upper bits of 32 as a number that is not negative.
    private static Tensor upper(int count, Tensor bits) {
        return bits.shiftRight(Tensor.of(32 - count)).and(Tensor.of((1 << count) - 1));
    }

    /// The shape that whole numbers alone mean, unless they look like parameters.
    private static Shape sizes(String op, long... sizes) {
        boolean likeParameters = sizes.length > 2 && sizes[0] == 0;
        if (likeParameters || Arrays.stream(sizes).anyMatch(s -> s < 0)) {
            Problem.in(op)
                    .rule("whole numbers alone are sizes, but are " + Arrays.toString(sizes))
                    .hint(
                            "write parameters as doubles, or before a Shape: "
                                    + op
                                    + "(0, 1, Shape.of(3)); for no elements "
                                    + op
                                    + "(Shape.of(0, …))")
                    .throwShape();
        }
        return Shape.of(sizes);
    }

    // -------------------------------------------------------------------------------------------
    // normal

    /// Standard normal in f32, by the Box–Muller transform.
    public Tensor normal(Shape shape) {
        Tensor radius = uniform(shape).neg().add(1).log().mul(-2).sqrt();
        return radius.mul(uniform(shape).mul(2 * Math.PI).cos());
    }

    /// Standard normal in f32, of the given sizes.
    public Tensor normal(long... sizes) {
        return normal(sizes("normal", sizes));
    }

    /// Normal with the given mean and standard deviation in f32, of the given sizes.
    public Tensor normal(double mean, double std, long... sizes) {
        return normal(mean, std, Shape.of(sizes));
    }

    /// Normal with the given mean and standard deviation in f32.
    public Tensor normal(double mean, double std, Shape shape) {
        Problem.in("normal")
                .finite("mean", mean)
                .notNegative("std", std)
                .require(
                        DType.F32.holds(mean) && DType.F32.holds(std),
                        "mean and std must be in the range of f32, but are " + mean + " and " + std)
                .throwValue();
        return normal(shape).mul(std).add(mean);
    }

    // -----------------------------------------------------------------------------------------
    // whole numbers

    /// True with probability p, to 2⁻³²: never if it is 0, always if it is 1.
    public Tensor bernoulli(double p, Shape shape) {
        Problem.in("bernoulli").within("p", p, 0, 1).throwValue();
        long limit = Math.round(p * 0x1p32) + Integer.MIN_VALUE; // bits are signed
        Tensor b = bits(shape);
        return limit > Integer.MAX_VALUE ? b.eq(b) : b.lt(Tensor.of((int) limit));
    }

    /// True with probability p, of the given sizes.
    public Tensor bernoulli(double p, long... sizes) {
        return bernoulli(p, Shape.of(sizes));
    }

    /// Integers in [0, n) as i64, of the given sizes. `integers(1, 7, 100)`, which looks like bounds and would be zeros, is refused.
    public Tensor integers(long n, long... sizes) {
        Problem.in("integers")
                .require(
                        n != 1 || sizes.length < 2,
                        "there is but one integer in [0, 1), and sizes are "
                                + Arrays.toString(sizes))
                .hint(
                        "integers from low to below high are integers(low, high, Shape.of(…)); zeros are"
                                + " integers(1, Shape.of(…))")
                .throwValue();
        return integers(n, Shape.of(sizes));
    }

    /// Integers in [0, n) as i64, for n from 1 to 2⁶³ − 1. No number is more probable than another by a factor of more than 1 + 2⁻¹⁵.
    public Tensor integers(long n, Shape shape) {
        Problem.in("integers")
                .atLeast("n", n, 1)
                .hint("integers from low to below high are integers(low, high, Shape.of(…))")
                .throwValue();
        // ⌊r·n⌋ for a fraction r of 32, 64 or 96 random bits, a multiplication by hand, word by
        // word
        int words = n <= 1L << 16 ? 1 : n <= 1L << 47 ? 2 : 3;
        Tensor high = Tensor.of(n >>> 32);
        Tensor low = Tensor.of(n & WORD);
        Tensor q = Tensor.of(0L);
        for (int i = 0; i < words; i++) {
            Tensor r = bits(shape).cast(DType.I64).and(Tensor.of(WORD));
            Tensor carry = r.mul(low).add(q.and(Tensor.of(WORD)));
            q = r.mul(high).add(word(q)).add(word(carry));
        }
        return q;
    }

    /// Integers in [low, high) as i64.
    public Tensor integers(long low, long high, Shape shape) {
        Problem.in("integers")
                .require(low < high, "low must be below high, but they are " + low + " and " + high)
                .require(
                        low >= high || high - low > 0,
                        "there are more than 2⁶³ numbers from " + low + " to below " + high)
                .throwValue();
        return integers(high - low, shape).add(Tensor.of(low));
    }

    private static final long WORD = 0xFFFFFFFFL;

    /// The upper word of 64 bits.
    private static Tensor word(Tensor x) {
        return x.shiftRight(Tensor.of(32L)).and(Tensor.of(WORD));
    }

    /// The numbers 0 to n−1 in random order as i64.
    public Tensor permutation(long n) {
        Shape shape = Shape.of(n);
        Problem.in("permutation").atLeast("n", n, 0).throwValue();
        Tensor high = bits(shape).cast(DType.I64).mul(Tensor.of(1L << 32));
        return high.add(bits(shape).cast(DType.I64).and(Tensor.of(WORD))).argsort(0, false);
    }

    /// Class numbers along the last axis, drawn with probabilities softmax(logits), by the Gumbel-max trick. Type i64.
    ///
    /// A class of probability 0 is never drawn. Where there are no probabilities, because a logit is NaN or all are −∞, the number is −1, which is no class.
    public Tensor categorical(Tensor logits) {
        Problem.in("categorical")
                .require(logits.rank() > 0, "logits must have an axis of classes")
                .require(
                        logits.rank() == 0 || logits.size(-1) != 0,
                        "there must be at least one class")
                .operand("logits", logits.type(), logits::origin)
                .throwShape();
        // u in (0, 1), fine where it is small: there it decides whether an improbable class wins
        Tensor b = bits(logits.shape());
        Tensor low = b.and(Tensor.of(0xFF)).cast(DType.F32).add(0.5).mul(0x1p-32);
        Tensor u = upper(24, b).cast(DType.F32).mul(0x1p-24).add(low).minimum(1 - 0x1p-24);
        Tensor keys = logits.sub(u.neg().log1p().neg().log());
        Tensor defined = keys.max(-1).gt(Double.NEGATIVE_INFINITY); // false of NaN
        Tensor winner = keys.argmax(-1);
        return defined.where(winner, Tensor.of(-1L));
    }

    /// Elements zeroed with probability p, the others scaled by 1/(1−p).
    public Tensor dropout(Tensor x, double p) {
        return p == 0 ? x : x.dropout(p, bits(x.shape()));
    }

    /// Seed and number of draws.
    @Override
    public String toString() {
        if (!state.hasNumbers()) {
            return "Rng";
        }
        long[] s = state.toLongArray();
        return "Rng(seed " + s[0] + ", " + s[1] + (s[1] == 1 ? " draw)" : " draws)");
    }
}
