package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Activation;
import dev.nacre.cpu.memory.Memory;
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

    /// Writes `n` values of one row. They may be overwritten, and so may those up to the next whole tile.
    void write(long[] addresses, long batch, long row, long column, int n, long from) {
        bias.ifPresent(b -> {
            long at =
                    addresses[b.buffer]
                            + b.base
                            + batch * b.perBatch
                            + row * b.perRow
                            + column * b.perColumn;
            add(b, at, n, from);
        });
        activation.ifPresent(f -> apply(f, n, from));
        long to = addresses[buffer] + base + this.batch.offset(0, batch) + rows.offset(0, row);
        for (int done = 0; done < n; ) {
            int run = (int) columns.run(column + done, n - done);
            long target = to + columns.offset(0, column + done);
            type.write(from + (long) done * type.bytes(), dtype, target, columns.step(0), run);
            done += run;
        }
    }

    private void add(Bias b, long at, int n, long to) {
        if (type == Accumulator.F32 && b.perColumn == 0) {
            FloatRows.shift((float) Memory.real(b.dtype, at), to, n);
        } else if (type == Accumulator.F32 && b.dtype == DType.F32 && b.perColumn == 4) {
            FloatRows.add(at, to, n);
        } else {
            for (int i = 0; i < n; i++, at += b.perColumn, to += type.bytes()) {
                if (type == Accumulator.I64)
                    Memory.i64(to, Memory.i64(to) + Memory.whole(b.dtype, at));
                else
                    Memory.real(
                            type.dtype(),
                            to,
                            Memory.real(type.dtype(), to) + Memory.real(b.dtype, at));
            }
        }
    }

    private void apply(Activation f, int n, long at) {
        if (type == Accumulator.F32) {
            FloatRows.apply(f, at, n);
            return;
        }
        for (int i = 0; i < n; i++, at += type.bytes())
            Memory.real(type.dtype(), at, apply(f, Memory.real(type.dtype(), at)));
    }

    private static double apply(Activation f, double x) {
        return switch (f) {
            case RELU -> x <= 0 ? 0 : x; // NaN stays
            case SIGMOID -> Scalars.sigmoid(x);
            case TANH -> Math.tanh(x);
        };
    }
}
