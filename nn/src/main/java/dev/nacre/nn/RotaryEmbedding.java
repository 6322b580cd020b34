package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;

/// Rotary positions (Su et al. 2021): pair j of a vector at position p is turned by the angle `p·base^(−2j/width)`, so that the product of two vectors depends on their
/// distance alone.
///
/// Shape: `[…, time, width]` → the same; width even.
///
/// @param interleaved whether pairs are neighbours, as in the paper; otherwise element j goes with element `j + width/2`, as in most published weights
public record RotaryEmbedding(double base, boolean interleaved) {
    public RotaryEmbedding {
        Problem.in("rotary").positive("base", base).throwValue();
    }

    /// Base 10,000, pairs half the width apart.
    public static RotaryEmbedding of() {
        return new RotaryEmbedding(10_000, false);
    }

    public RotaryEmbedding base(double base) {
        return new RotaryEmbedding(base, interleaved);
    }

    /// Pairs of neighbours.
    public RotaryEmbedding withInterleaving() {
        return new RotaryEmbedding(base, true);
    }

    /// Vectors turned by their positions.
    ///
    /// @param positions integers `[time]`
    public Tensor forward(Tensor x, Tensor positions) {
        Problem.in("rotary")
                .require(x.rank() >= 2, "x must be [..., time, width]")
                .require(
                        x.rank() < 2 || x.size(-1) >= 0 && x.size(-1) % 2 == 0,
                        "the width must be known and even")
                .operand("x", x.type(), x::origin)
                .throwShape();
        int half = Math.toIntExact(x.size(-1) / 2);
        double[] speeds = new double[half];
        for (int j = 0; j < half; j++) {
            speeds[j] = Math.pow(base, -2.0 * j / x.size(-1));
        }
        DType t = x.dtype() == DType.F64 ? DType.F64 : DType.F32;
        Tensor angle = positions.cast(t).unsqueeze(1).mul(Tensor.of(speeds).cast(t));
        return x.wide(v -> turned(v, angle.cos().cast(v.dtype()), angle.sin().cast(v.dtype())));
    }

    private Tensor turned(Tensor x, Tensor cos, Tensor sin) {
        int half = Math.toIntExact(x.size(-1) / 2);
        Tensor a = interleaved ? x.slice(-1, 0, x.size(-1), 2) : x.narrow(-1, 0, half);
        Tensor b = interleaved ? x.slice(-1, 1, x.size(-1), 2) : x.narrow(-1, half, half);
        Tensor turnedA = a.mul(cos).sub(b.mul(sin));
        Tensor turnedB = b.mul(cos).add(a.mul(sin));
        return interleaved
                ? turnedA.unsqueeze(-1).concat(-1, turnedB.unsqueeze(-1)).reshape(x.shape())
                : turnedA.concat(-1, turnedB);
    }
}
