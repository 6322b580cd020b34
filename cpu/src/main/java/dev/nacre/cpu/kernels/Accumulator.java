package dev.nacre.cpu.kernels;

import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;

/// What products are summed in, and so what operands are converted to when they are packed.
enum Accumulator {
    F32(DType.F32),
    F64(DType.F64),
    I64(DType.I64);

    private final DType dtype;

    Accumulator(DType dtype) {
        this.dtype = dtype;
    }

    /// For operands of a type. Without vectors a float is no faster than a double.
    static Accumulator of(DType operand, boolean vectors) {
        if (!operand.isFloating()) return I64;
        return vectors && operand != DType.F64 ? F32 : F64;
    }

    DType dtype() {
        return dtype;
    }

    int bytes() {
        return dtype.bytes();
    }

    /// Reads `n` elements of any type as this one. Steps are in bytes.
    void read(DType type, long from, long fromStep, long to, long toStep, int n) {
        switch (this) {
            case F32 -> readFloats(type, from, fromStep, to, toStep, n);
            case F64 -> {
                for (int i = 0; i < n; i++, from += fromStep, to += toStep)
                    Memory.f64(to, Memory.real(type, from));
            }
            case I64 -> {
                for (int i = 0; i < n; i++, from += fromStep, to += toStep)
                    Memory.i64(to, Memory.whole(type, from));
            }
        }
    }

    private static void readFloats(
            DType type, long from, long fromStep, long to, long toStep, int n) {
        switch (type) {
            case F32 -> {
                for (int i = 0; i < n; i++, from += fromStep, to += toStep)
                    Memory.i32(to, Memory.i32(from));
            }
            case BF16 -> {
                for (int i = 0; i < n; i++, from += fromStep, to += toStep)
                    Memory.i32(to, Memory.i16(from) << 16);
            }
            case F16 -> {
                for (int i = 0; i < n; i++, from += fromStep, to += toStep)
                    Memory.f32(to, Float.float16ToFloat(Memory.i16(from)));
            }
            case BOOL, U8, I8, I32, I64, F64 -> {
                for (int i = 0; i < n; i++, from += fromStep, to += toStep)
                    Memory.f32(to, (float) Memory.real(type, from));
            }
        }
    }

    /// Reads rows of `n` neighbours.
    void rows(DType type, long from, long fromStep, int n, int rows, long to, long toStep) {
        if (this == F32 && FloatRows.takes(type, n)) {
            FloatRows.rows(type, from, fromStep, n, rows, to, toStep);
        } else if (this == F32 && type == DType.F32 && n == FloatTile.ROWS) {
            // Too short for a loop of its own.
            for (int row = 0; row < rows; row++, from += fromStep, to += toStep) {
                Memory.i64(to, Memory.i64(from));
                Memory.i64(to + 8, Memory.i64(from + 8));
                Memory.i64(to + 16, Memory.i64(from + 16));
            }
        } else {
            for (int row = 0; row < rows; row++, from += fromStep, to += toStep)
                read(type, from, type.bytes(), to, bytes(), n);
        }
    }

    /// Writes `n` neighbouring values of this type as elements of any type.
    void write(long from, DType type, long to, long toStep, int n) {
        switch (this) {
            case F32 -> {
                if (type == DType.F32) Memory.copy(4, from, 4, to, toStep, n);
                else
                    for (int i = 0; i < n; i++, from += 4, to += toStep)
                        Memory.real(type, to, Memory.f32(from));
            }
            case F64 -> {
                for (int i = 0; i < n; i++, from += 8, to += toStep)
                    Memory.real(type, to, Memory.f64(from));
            }
            case I64 -> {
                for (int i = 0; i < n; i++, from += 8, to += toStep)
                    Memory.whole(type, to, Memory.i64(from));
            }
        }
    }

    /// Adds `n` neighbouring values of this type to others.
    void add(long from, long to, int n) {
        switch (this) {
            case F32 -> FloatRows.add(from, to, n);
            case F64 -> {
                for (int i = 0; i < n; i++, from += 8, to += 8)
                    Memory.f64(to, Memory.f64(to) + Memory.f64(from));
            }
            case I64 -> {
                for (int i = 0; i < n; i++, from += 8, to += 8)
                    Memory.i64(to, Memory.i64(to) + Memory.i64(from));
            }
        }
    }
}
