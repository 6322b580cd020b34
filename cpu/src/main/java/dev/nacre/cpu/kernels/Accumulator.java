package dev.nacre.cpu.kernels;

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
                for (int i = 0; i < n; i++) Memory.f64(to + i * toStep, Memory.real(type, from + i * fromStep));
            }
            case I64 -> {
                for (int i = 0; i < n; i++) Memory.i64(to + i * toStep, Memory.whole(type, from + i * fromStep));
            }
        }
    }

    private static void readFloats(DType type, long from, long fromStep, long to, long toStep, int n) {
        switch (type) {
            case F32 -> {
                for (int i = 0; i < n; i++) Memory.f32(to + i * toStep, Memory.f32(from + i * fromStep));
            }
            case BF16 -> {
                for (int i = 0; i < n; i++) Memory.i32(to + i * toStep, Memory.i16(from + i * fromStep) << 16);
            }
            default -> {
                for (int i = 0; i < n; i++) Memory.f32(to + i * toStep, (float) Memory.real(type, from + i * fromStep));
            }
        }
    }

    /// Writes `n` neighbouring values of this type as elements of any type.
    void write(long from, DType type, long to, long toStep, int n) {
        switch (this) {
            case F32 -> {
                if (type == DType.F32) Memory.copy(4, from, 4, to, toStep, n);
                else for (int i = 0; i < n; i++) Memory.real(type, to + i * toStep, Memory.f32(from + 4L * i));
            }
            case F64 -> {
                for (int i = 0; i < n; i++) Memory.real(type, to + i * toStep, Memory.f64(from + 8L * i));
            }
            case I64 -> {
                for (int i = 0; i < n; i++) Memory.whole(type, to + i * toStep, Memory.i64(from + 8L * i));
            }
        }
    }

    /// Adds `n` neighbouring values of this type to others.
    void add(long from, long to, int n) {
        switch (this) {
            case F32 -> {
                for (long i = 0; i < 4L * n; i += 4) Memory.f32(to + i, Memory.f32(to + i) + Memory.f32(from + i));
            }
            case F64 -> {
                for (long i = 0; i < 8L * n; i += 8) Memory.f64(to + i, Memory.f64(to + i) + Memory.f64(from + i));
            }
            case I64 -> {
                for (long i = 0; i < 8L * n; i += 8) Memory.i64(to + i, Memory.i64(to + i) + Memory.i64(from + i));
            }
        }
    }
}
