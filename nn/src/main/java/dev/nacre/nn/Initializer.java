package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;

/// How the first values of a parameter are drawn.
///
/// Fans are counted as PyTorch counts them on a weight `[out, in, kernel…]`: fan in is `in·∏kernel`, fan out `out·∏kernel`. All values are f32.
@FunctionalInterface
public interface Initializer {
    /// Which way the variance of the signal is to be kept.
    enum Fan {
        /// Forward.
        IN,
        /// Backward.
        OUT
    }

    /// First values of the given shape.
    Tensor of(Shape shape, Rng rng);

    private static void requireNormal(double mean, double std) {
        Problem.in("initializer").finite("mean", mean).notNegative("std", std).throwValue();
    }

    private static void requireGain(double gain) {
        Problem.in("initializer").notNegative("gain", gain).throwValue();
    }

    /// Every element the same.
    static Initializer constant(double value) {
        Problem.in("initializer").finite("value", value).throwValue();
        return (shape, _) -> Tensor.full(value, dev.nacre.type.DType.F32, shape.toArray());
    }

    static Initializer zeros() {
        return constant(0);
    }

    static Initializer ones() {
        return constant(1);
    }

    /// Uniform on `[low, high)`.
    static Initializer uniform(double low, double high) {
        Problem.in("initializer")
                .finite("low", low)
                .finite("high", high)
                .require(!(low > high), "low must not be above high")
                .throwValue();
        return (shape, rng) -> rng.uniform(low, high, shape);
    }

    static Initializer normal(double mean, double std) {
        requireNormal(mean, std);
        return (shape, rng) -> rng.normal(mean, std, shape);
    }

    /// Normal, cut off at two standard deviations from the mean: drawn by inverting the distribution function, so no draw is rejected.
    static Initializer truncatedNormal(double mean, double std) {
        requireNormal(mean, std);
        return (shape, rng) -> {
            double tail = 0.022750131948179195; // Φ(−2)
            Tensor u = rng.uniform(2 * tail - 1, 1 - 2 * tail, shape);
            return erfInverse(u)
                    .mul(std * Math.sqrt(2))
                    .add(mean)
                    .clamp(mean - 2 * std, mean + 2 * std);
        };
    }

    /// The inverse of the error function in |x| ≤ 0.96, by Winitzki's approximation (2008) and two steps of Newton's method.
    private static Tensor erfInverse(Tensor x) {
        double a = 0.147;
        Tensor ln = x.square().neg().log1p();
        Tensor b = ln.mul(0.5).add(2 / (Math.PI * a));
        Tensor y = b.square().sub(ln.div(a)).sqrt().sub(b).sqrt().mul(x.sign());
        for (int i = 0; i < 2; i++) {
            y = y.sub(y.erf().sub(x).mul(y.square().exp()).mul(Math.sqrt(Math.PI) / 2));
        }
        return y;
    }

    /// Uniform on ±gain·√(6 / (fan in + fan out)) (Glorot and Bengio 2010).
    static Initializer xavierUniform(double gain) {
        requireGain(gain);
        return (shape, rng) -> {
            double bound = gain * Math.sqrt(6.0 / (fan(shape, Fan.IN) + fan(shape, Fan.OUT)));
            return rng.uniform(-bound, bound, shape);
        };
    }

    static Initializer xavierUniform() {
        return xavierUniform(1);
    }

    /// Normal with standard deviation gain·√(2 / (fan in + fan out)) (Glorot and Bengio 2010).
    static Initializer xavierNormal(double gain) {
        requireGain(gain);
        return (shape, rng) ->
                rng.normal(
                        0,
                        gain * Math.sqrt(2.0 / (fan(shape, Fan.IN) + fan(shape, Fan.OUT))),
                        shape);
    }

    static Initializer xavierNormal() {
        return xavierNormal(1);
    }

    /// Uniform on ±gain·√(3 / fan) (He et al. 2015).
    static Initializer kaimingUniform(Fan fan, double gain) {
        requireGain(gain);
        return (shape, rng) -> {
            double bound = gain * Math.sqrt(3.0 / fan(shape, fan));
            return rng.uniform(-bound, bound, shape);
        };
    }

    /// For layers before a relu.
    static Initializer kaimingUniform() {
        return kaimingUniform(Fan.IN, reluGain());
    }

    /// Normal with standard deviation gain/√fan (He et al. 2015).
    static Initializer kaimingNormal(Fan fan, double gain) {
        requireGain(gain);
        return (shape, rng) -> rng.normal(0, gain / Math.sqrt(fan(shape, fan)), shape);
    }

    /// For layers before a relu.
    static Initializer kaimingNormal() {
        return kaimingNormal(Fan.IN, reluGain());
    }

    /// What PyTorch gives linear layers and convolutions, and their biases by their weight's fan in: uniform on ±1/√fanIn.
    static Initializer torchDefault(long fanIn) {
        Problem.in("initializer").atLeast("fanIn", fanIn, 0).throwValue();
        double bound = fanIn == 0 ? 0 : 1 / Math.sqrt(fanIn);
        return uniform(-bound, bound);
    }

    /// √2, which keeps the variance through a relu.
    static double reluGain() {
        return Math.sqrt(2);
    }

    /// √(2 / (1 + slope²)), which keeps the variance through a leaky relu.
    static double leakyReluGain(double slope) {
        Problem.in("initializer").finite("slope", slope).throwValue();
        return Math.sqrt(2 / (1 + slope * slope));
    }

    /// Number of values that each output (input) of a weight of this shape is connected to.
    static long fan(Shape shape, Fan fan) {
        if (shape.rank() < 2) {
            Problem.in("initializer")
                    .rule("a fan needs a weight of at least two axes, but the shape is " + shape)
                    .throwShape();
        }
        long field = shape.range(2, shape.rank()).count();
        return shape.size(fan == Fan.IN ? 1 : 0) * field;
    }
}
