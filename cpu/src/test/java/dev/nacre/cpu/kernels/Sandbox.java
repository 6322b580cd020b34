package dev.nacre.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import dev.nacre.cpu.CpuBackend;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.loops.VectorSupport;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;

/// Buffers and views of all layouts for one test, and the checks that every kernel must pass.
final class Sandbox {
    /// How a view lies in its buffer.
    enum Layout {
        DENSE,
        PERMUTED,
        SLICED,
        FLIPPED,
        /// One axis repeated; for operands only.
        BROADCAST
    }

    static final List<Layout> RESULTS =
            List.of(Layout.DENSE, Layout.PERMUTED, Layout.SLICED, Layout.FLIPPED);

    private static final byte CANARY = 0x5A;

    final Random random;
    private final List<MemorySegment> buffers = new ArrayList<>();

    Sandbox(long seed) {
        random = new Random(seed);
    }

    long[] addresses() {
        return buffers.stream().mapToLong(dev.nacre.compile.Memory::address).toArray();
    }

    <T> T any(List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    int between(int least, int most) {
        return least + random.nextInt(most - least + 1);
    }

    double normal() {
        return random.nextGaussian();
    }

    /// An operand in any layout.
    View operand(DType type, DoubleSupplier values, long... sizes) {
        return fill(view(type, any(List.of(Layout.values())), sizes), values);
    }

    View result(DType type, long... sizes) {
        return view(type, any(RESULTS), sizes);
    }

    View view(DType type, Layout layout, long... sizes) {
        int rank = sizes.length;
        var order = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
        if (layout == Layout.PERMUTED) Collections.shuffle(order, random);
        int repeated = layout == Layout.BROADCAST && rank > 0 ? random.nextInt(rank) : -1;
        var strides = new long[rank];
        long offset = layout == Layout.DENSE ? 0 : 3;
        long step = 1;
        for (int i = rank - 1; i >= 0; i--) {
            int axis = order.get(i);
            if (axis == repeated) continue;
            long spacing = layout == Layout.SLICED && random.nextBoolean() ? 2 : 1;
            strides[axis] = step * spacing;
            if (layout == Layout.FLIPPED && random.nextBoolean()) {
                offset += Math.max(0, sizes[axis] - 1) * strides[axis];
                strides[axis] = -strides[axis];
            }
            step *= Math.max(1, sizes[axis]) * spacing;
        }
        buffers.add(dev.nacre.compile.Memory.cleared((step + 8) * type.bytes() * 2).fill(CANARY));
        return new View(buffers.size() - 1, type, offset, sizes, strides);
    }

    /// A view of any layout there may be: axes in any order, with gaps, flipped; of an operand also repeated. The stride of an axis of size 1 means nothing, and is anything.
    View wild(DType type, boolean operand, long... sizes) {
        var order = new ArrayList<>(IntStream.range(0, sizes.length).boxed().toList());
        if (random.nextInt(4) > 0) Collections.shuffle(order, random);
        int gaps = random.nextInt(3); // none, a few, many
        boolean flips = random.nextInt(8) == 0;
        boolean repeats = operand && random.nextInt(4) == 0;
        var strides = new long[sizes.length];
        long offset = between(0, 3);
        long step = 1;
        for (int i = sizes.length - 1; i >= 0; i--) {
            int axis = order.get(i);
            if (repeats && random.nextInt(3) == 0) continue;
            long spacing =
                    random.nextInt(8) < gaps * (i == sizes.length - 1 ? 1 : 3) ? between(2, 3) : 1;
            strides[axis] = step * spacing;
            step *= Math.max(1, sizes[axis]) * spacing;
            if (flips && random.nextBoolean()) {
                offset += Math.max(0, sizes[axis] - 1) * strides[axis];
                strides[axis] = -strides[axis];
            }
        }
        for (int i = 0; i < sizes.length; i++)
            if (sizes[i] == 1 && random.nextBoolean())
                strides[i] = any(List.of(0L, 1L, 3L, step, 5 * step));
        buffers.add(dev.nacre.compile.Memory.cleared((step + 8) * type.bytes()).fill(CANARY));
        return new View(buffers.size() - 1, type, offset, sizes, strides);
    }

    /// An image `[n, channels, …]` whose channels are neighbours, at an odd place.
    View image(DType type, long... sizes) {
        var strides = new long[sizes.length];
        long step = 1;
        for (int i = 0; i < sizes.length; i++) {
            int axis = i == 0 ? 1 : i == sizes.length - 1 ? 0 : sizes.length - i;
            strides[axis] = step;
            step *= sizes[axis];
        }
        buffers.add(dev.nacre.compile.Memory.cleared((step + 8) * type.bytes()).fill(CANARY));
        return new View(buffers.size() - 1, type, 3, sizes, strides);
    }

    /// Another view that lies in its buffer as this one does.
    View like(View v) {
        buffers.add(
                dev.nacre.compile.Memory.cleared(buffers.get(v.buffer()).byteSize()).fill(CANARY));
        return new View(buffers.size() - 1, v.dtype(), v.offset(), v.sizes(), v.strides());
    }

    View fill(View v, DoubleSupplier values) {
        for (long i = 0; i < v.count(); i++)
            Memory.real(v.dtype(), address(v, i), values.getAsDouble());
        return v;
    }

    /// Address of element `i` in row-major order.
    long address(View v, long i) {
        long at = v.offset();
        for (int axis = v.rank() - 1; axis >= 0; axis--) {
            at += i % v.sizes()[axis] * v.strides()[axis];
            i /= v.sizes()[axis];
        }
        return dev.nacre.compile.Memory.address(buffers.get(v.buffer())) + at * v.dtype().bytes();
    }

    /// The elements in row-major order.
    double[] values(View v) {
        var all = new double[(int) v.count()];
        for (int i = 0; i < all.length; i++) all[i] = Memory.real(v.dtype(), address(v, i));
        return all;
    }

    /// Runs the kernel with and without vectors, on all threads and on one, into memory full of garbage, and checks that
    /// it writes what is expected, the same each time, and nothing else.
    void check(Kernel kernel, View out, double[] expected, double tolerance) {
        for (boolean vectors : new boolean[] {true, false}) {
            if (vectors && !VectorSupport.isApi()) continue;
            String what = kernel + (vectors ? "" : " without vectors");
            check(JavaKernels.prepare(kernel, vectors).get(), what, out, expected, tolerance);
        }
    }

    /// The same for what the whole backend makes of the kernel.
    void checkBackend(Kernel kernel, View out, double[] expected, double tolerance) {
        var frame = new CpuBackend().prepare(List.of(kernel)).newFrame();
        check(frame::run, kernel + " by the backend", out, expected, tolerance);
    }

    private void check(Step step, String what, View out, double[] expected, double tolerance) {
        var bits = run(step, what, out, false);
        var values = values(out);
        assertEquals(expected.length, values.length);
        for (int i = 0; i < expected.length; i++) {
            double wrong = Math.abs(values[i] - expected[i]);
            boolean fits =
                    wrong <= tolerance * Math.max(1, Math.abs(expected[i]))
                            || Double.compare(values[i], expected[i]) == 0;
            if (!fits)
                fail("element " + i + " is " + values[i] + ", not " + expected[i] + " in " + what);
        }
        assertArrayEquals(bits, run(step, what, out, true), "on one thread: " + what);
    }

    private byte[] run(Step step, String what, View out, boolean alone) {
        var buffer = buffers.get(out.buffer());
        buffer.fill(CANARY);
        if (alone) alone(() -> step.run(addresses()));
        else step.run(addresses());
        var bytes = buffer.toArray(ValueLayout.JAVA_BYTE);
        var outside = bytes.clone();
        for (long i = 0; i < out.count(); i++) {
            int at = (int) (address(out, i) - dev.nacre.compile.Memory.address(buffer));
            Arrays.fill(outside, at, at + out.dtype().bytes(), CANARY);
        }
        for (byte b : outside) if (b != CANARY) fail("written outside of the result: " + what);
        return bytes;
    }

    /// On one thread: calls from inside a part of the team's work run inline.
    static void alone(Runnable work) {
        Team.get()
                .run(
                        2,
                        part -> {
                            if (part == 0) work.run();
                        });
    }

    /// The largest distance between rounded and exact values near 1.
    static double epsilon(DType type) {
        return switch (type) {
            case BF16 -> 0x1p-8;
            case F16 -> 0x1p-11;
            case F32 -> 0x1p-24;
            case F64 -> 0x1p-53;
            case BOOL, U8, I8, I32, I64 -> 0;
        };
    }

    static double round(DType type, double value) {
        return type.isFloating()
                ? type.round(value)
                : type == DType.I64 ? value : type.wrap((long) value);
    }
}
