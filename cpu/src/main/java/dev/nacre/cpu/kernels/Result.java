package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Activation;
import dev.nacre.ir.Scalars;
import dev.nacre.type.DType;
import java.util.Optional;

/// Where a product goes: adds the bias, applies the activation, converts and writes.
///
/// @param base bytes from the buffer's beginning
record Result(
        int buffer,
        DType dtype,
        long base,
        Nest batch,
        Nest rows,
        Nest columns,
        Accumulator type,
        Optional<Bias> bias,
        Optional<Activation> activation) {

    /// One value per row or per column: the step along the other is 0.
    ///
    /// @param base bytes from the buffer's beginning
    record Bias(int buffer, DType dtype, long base, long perBatch, long perRow, long perColumn) {}

    /// Writes `n` values of one row, which may be overwritten.
    void write(long[] addresses, long batch, long row, long column, int n, long from) {
        bias.ifPresent(b -> add(b, addresses[b.buffer] + b.base + batch * b.perBatch + row * b.perRow, column, n, from));
        activation.ifPresent(f -> apply(f, n, from));
        long to = addresses[buffer] + base + this.batch.offset(0, batch) + rows.offset(0, row);
        for (int done = 0; done < n; ) {
            int run = (int) columns.run(column + done, n - done);
            long target = to + columns.offset(0, column + done);
            type.write(from + (long) done * type.bytes(), dtype, target, columns.step(0), run);
            done += run;
        }
    }

    private void add(Bias b, long at, long column, int n, long to) {
        at += column * b.perColumn;
        for (int i = 0; i < n; i++, at += b.perColumn) {
            switch (type) {
                case F32 -> Memory.f32(to + 4L * i, Memory.f32(to + 4L * i) + (float) Memory.real(b.dtype, at));
                case F64 -> Memory.f64(to + 8L * i, Memory.f64(to + 8L * i) + Memory.real(b.dtype, at));
                case I64 -> Memory.i64(to + 8L * i, Memory.i64(to + 8L * i) + Memory.whole(b.dtype, at));
            }
        }
    }

    private void apply(Activation f, int n, long at) {
        for (int i = 0; i < n; i++) {
            long element = at + (long) i * type.bytes();
            double x = Memory.real(type.dtype(), element);
            Memory.real(type.dtype(), element, apply(f, x));
        }
    }

    private double apply(Activation f, double x) {
        return switch (f) {
            case RELU -> x <= 0 ? 0 : x; // NaN stays
            case SIGMOID -> Scalars.sigmoid(x);
            case TANH -> Math.tanh(x);
            case GELU -> dtype == DType.F64 ? x * 0.5 * (1 + Scalars.erf(x * Math.sqrt(0.5))) : x * normal(x);
        };
    }

    /// The normal distribution's function with a relative error below 2⁻²³ (the Chebyshev fit of erfc in Numerical
    /// Recipes), so that gelu is right far to the left too.
    private static double normal(double x) {
        double z = Math.abs(x) * Math.sqrt(0.5);
        double t = 1 / (1 + 0.5 * z);
        double p = -0.82215223 + t * 0.17087277;
        p = -1.13520398 + t * (1.48851587 + t * p);
        p = 0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * p));
        p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * p));
        double half = 0.5 * t * Math.exp(-z * z + p);
        return x >= 0 ? 1 - half : half; // NaN stays NaN
    }
}
