package dev.nacre.cpu.kernels;

import static dev.nacre.type.DType.F32;
import static dev.nacre.type.DType.I32;
import static dev.nacre.type.DType.I64;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.compile.Kernel.Indexed;
import dev.nacre.compile.View;
import dev.nacre.cpu.kernels.Sandbox.Layout;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import dev.nacre.type.ValueException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class IndexedTest {
    @ParameterizedTest
    @EnumSource(DType.class)
    void anyLayout(DType type) {
        for (int seed = 0; seed < 120; seed++) {
            var box = new Sandbox(seed);
            var sizes = new long[box.between(1, 4)];
            Arrays.setAll(sizes, i -> box.between(1, 6));
            check(
                    box,
                    type,
                    box.between(0, sizes.length - 1),
                    sizes,
                    box.between(1, 8),
                    seed % 3 == 0);
        }
    }

    @Test
    void large() {
        check(new Sandbox(1), F32, 0, new long[] {100, 700}, 300, true);
        check(new Sandbox(2), F32, 1, new long[] {1000, 10}, 50, false);
        check(new Sandbox(3), DType.BF16, 0, new long[] {10, 70}, 3000, true);
        check(new Sandbox(4), F32, 0, new long[] {50}, 60_000, false);
    }

    @Test
    void empty() {
        check(new Sandbox(1), F32, 0, new long[] {4, 3}, 0, true);
        check(new Sandbox(2), F32, 1, new long[] {0, 3}, 5, false);
        check(new Sandbox(3), F32, 0, new long[] {0, 3}, 0, false);
    }

    /// The base is the result: it is added to where it lies.
    @Test
    void inPlace() {
        var box = new Sandbox(1);
        var index = box.fill(box.view(I64, Layout.DENSE, 5), () -> box.between(0, 2));
        var source = box.operand(F32, () -> box.between(-9, 9), 5);
        var out = box.fill(box.view(F32, Layout.DENSE, 3), () -> 1);
        var expected = scattered(box, 0, out, source, index);
        JavaKernels.prepare(new Indexed(0, Optional.of(out), source, index, out))
                .get()
                .run(box.addresses());
        assertArrayEquals(expected, box.values(out));
    }

    @Test
    void outOfRange() {
        for (double wrong : new double[] {12, 10, -1, Integer.MIN_VALUE}) {
            for (var type : List.of(I32, I64)) {
                var box = new Sandbox(1);
                var x = box.operand(F32, box::normal, 10, 3);
                var index = box.fill(box.view(type, Layout.DENSE, 50_000, 1), () -> 9);
                Memory.real(type, box.address(index, 20_000), wrong);
                Memory.real(type, box.address(index, 40_000), 99);
                index =
                        new View(
                                index.buffer(), type, 0, new long[] {50_000, 3}, new long[] {1, 0});
                var out = box.view(F32, Layout.DENSE, 50_000, 3);
                var gather =
                        JavaKernels.prepare(new Indexed(0, Optional.empty(), x, index, out)).get();
                var e = assertThrows(ValueException.class, () -> gather.run(box.addresses()));
                assertEquals(
                        "gather: index " + (long) wrong + " is out of range for axis 0 of size 10",
                        e.getMessage());
                var before = box.values(x);
                var scatter =
                        JavaKernels.prepare(new Indexed(0, Optional.of(x), out, index, x)).get();
                e = assertThrows(ValueException.class, () -> scatter.run(box.addresses()));
                assertEquals(
                        "scatter_add: index "
                                + (long) wrong
                                + " is out of range for axis 0 of size 10",
                        e.getMessage());
                assertArrayEquals(before, box.values(x), "nothing is added if an index is wrong");
            }
        }
    }

    /// @param sizes of the view indexed
    /// @param rows whether the index is the same along all axes but one
    private static void check(
            Sandbox box, DType type, int axis, long[] sizes, long length, boolean rows) {
        var indexSizes = sizes.clone();
        indexSizes[axis] = length;
        var indexType = box.any(List.of(I32, I64));
        View index;
        if (rows) {
            var line =
                    box.fill(
                            box.view(indexType, box.any(Sandbox.RESULTS), length),
                            () -> box.random.nextInt((int) sizes[axis]));
            var strides = new long[sizes.length];
            strides[axis] = line.strides()[0];
            index = new View(line.buffer(), indexType, line.offset(), indexSizes, strides);
        } else {
            index = box.operand(indexType, () -> box.random.nextInt((int) sizes[axis]), indexSizes);
        }
        var x = box.operand(type, () -> number(box, type), sizes);
        var gathered = box.result(type, indexSizes);
        box.check(
                new Indexed(axis, Optional.empty(), x, index, gathered),
                gathered,
                gathered(box, axis, x, index),
                0);
        var source = box.operand(type, () -> number(box, type), indexSizes);
        var sum = box.result(type, sizes);
        var expected = scattered(box, axis, x, source, index);
        for (int i = 0; i < expected.length; i++) expected[i] = Sandbox.round(type, expected[i]);
        box.check(new Indexed(axis, Optional.of(x), source, index, sum), sum, expected, 0);
    }

    private static double number(Sandbox box, DType type) {
        return type == DType.BOOL
                ? box.between(0, 1)
                : type == DType.U8 ? box.between(0, 100) : box.between(-100, 100);
    }

    private static double[] gathered(Sandbox box, int axis, View x, View index) {
        var values = box.values(x);
        var out = new double[(int) index.count()];
        for (int i = 0; i < out.length; i++) out[i] = values[place(box, axis, x, index, i)];
        return out;
    }

    private static double[] scattered(Sandbox box, int axis, View base, View source, View index) {
        var sum = box.values(base);
        var values = box.values(source);
        for (int i = 0; i < values.length; i++) sum[place(box, axis, base, index, i)] += values[i];
        return sum;
    }

    /// The element that element i of the index points to, in row-major order.
    private static int place(Sandbox box, int axis, View x, View index, int i) {
        long inner = 1;
        for (int a = axis + 1; a < x.rank(); a++) inner *= x.sizes()[a];
        long chosen = Memory.whole(index.dtype(), box.address(index, i));
        long outer = i / inner / index.sizes()[axis];
        return (int) ((outer * x.sizes()[axis] + chosen) * inner + i % inner);
    }
}
