package dev.nacre.optable;

import dev.nacre.reference.Array;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.stream.LongStream;

/// Random operands of one element type, the same for the same seed.
public final class Draw {
    private final SplittableRandom random;
    private final DType dtype;
    private final int n;

    Draw(long seed, DType dtype, int n) {
        this.random = new SplittableRandom(seed);
        this.dtype = dtype;
        this.n = n;
    }

    /// The element type of the row's operands.
    public DType dtype() {
        return dtype;
    }

    /// The size of the row's free axis.
    public int n() {
        return n;
    }

    /// The same random numbers in another element type.
    Draw as(DType other) {
        return new Draw(random.nextLong(), other, n);
    }

    /// Numbers in `[low, high]`, whole ones if the type is; negative ones are left out where the type has none.
    Array in(double low, double high, long... sizes) {
        return filled(
                sizes,
                () -> {
                    if (dtype.isFloating()) {
                        return random.nextDouble(low, high);
                    }
                    double from =
                            dtype == DType.U8 || dtype == DType.BOOL
                                    ? Math.max(0, Math.ceil(low))
                                    : Math.ceil(low);
                    return random.nextLong(
                            (long) from,
                            (long) Math.max(from, dtype == DType.BOOL ? 1 : Math.floor(high)) + 1);
                });
    }

    /// Numbers of both signs, `low` to `high` away from 0.
    Array off0(double low, double high, long... sizes) {
        Array magnitude = in(low, high, sizes);
        return signed(magnitude);
    }

    private Array signed(Array magnitude) {
        if (dtype == DType.U8 || dtype == DType.BOOL) {
            return magnitude;
        }
        double[] x = magnitude.toDoubles();
        Arrays.setAll(x, i -> random.nextBoolean() ? -x[i] : x[i]);
        return Array.of(magnitude.type(), x);
    }

    /// Numbers a quarter above a whole one, give or take a tenth: away from where rounding of any kind jumps.
    Array offSteps(long... sizes) {
        return filled(
                sizes,
                () ->
                        random.nextInt(-4, 4)
                                + (dtype.isFloating() ? random.nextDouble(0.15, 0.35) : 0));
    }

    /// Numbers that all differ, by more than a gradient check's step.
    Array distinct(long... sizes) {
        int count = Math.toIntExact(LongStream.of(sizes).reduce(1, (a, b) -> a * b));
        double[] x = new double[count];
        for (int i = 0; i < count; i++) {
            x[i] =
                    dtype.isFloating()
                            ? (i - count / 2) * 0.25 + random.nextDouble(0.1)
                            : dtype == DType.U8 ? i : i - count / 2;
        }
        for (int i = count - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            double t = x[i];
            x[i] = x[j];
            x[j] = t;
        }
        return Array.of(TensorType.of(dtype, sizes), x);
    }

    /// Whole numbers from 0 to below `limit`, as i64.
    Array index(long limit, long... sizes) {
        return as(DType.I64).in(0, limit - 1.0, sizes);
    }

    /// True and false.
    Array truth(long... sizes) {
        return as(DType.BOOL).in(0, 1, sizes);
    }

    private Array filled(long[] sizes, DoubleSupplier next) {
        TensorType type = TensorType.of(dtype, sizes);
        double[] x = new double[Math.toIntExact(type.shape().count())];
        Arrays.setAll(x, _ -> next.getAsDouble());
        return Array.of(type, x);
    }
}
