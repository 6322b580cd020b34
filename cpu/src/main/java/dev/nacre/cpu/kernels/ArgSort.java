package dev.nacre.cpu.kernels;

import static dev.nacre.cpu.kernels.Products.bytes;

import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.type.DType;
import java.util.Arrays;

/// The stable order of each line, NaN as the largest. Out: i64.
record ArgSort(View x, View out, boolean down, Nest lines, int length, long step, long outStep) implements Step {
    /// Elements that are worth a part of their own.
    private static final long WORTH = 4096;
    /// Lines up to this length are sorted by insertion.
    private static final int SHORT = 16;

    static ArgSort of(View x, View out, int axis, boolean down) {
        return new ArgSort(
                x,
                out,
                down,
                Orders.lines(axis, x, out),
                Math.toIntExact(x.sizes()[axis]),
                bytes(x, x.strides()[axis]),
                bytes(out, out.strides()[axis]));
    }

    @Override
    public void run(long[] addresses) {
        long count = lines.count();
        if (count * length == 0) return;
        long chunk = Math.ceilDiv(WORTH, length);
        Team.get().run(Math.toIntExact(Math.ceilDiv(count, chunk)), part -> {
            var keys = new long[length];
            var order = new long[length];
            var spareKeys = Keys.isWide(x.dtype()) ? new long[length] : keys;
            var spareOrder = Keys.isWide(x.dtype()) ? new long[length] : order;
            for (long line = part * chunk; line < Math.min(count, (part + 1) * chunk); line++) {
                long from = Orders.address(addresses, x) + lines.offset(0, line);
                Keys.read(x.dtype(), from, step, length, down, !down, keys);
                var sorted = order;
                if (!Keys.isWide(x.dtype())) narrow(keys, order);
                else if (wide(keys, order, spareKeys, spareOrder)) sorted = spareOrder;
                Memory.wholes(sorted, length, DType.I64, Orders.address(addresses, out) + lines.offset(1, line), outStep);
            }
        });
    }

    /// A key and its position fit in one long, whose order is that of the pair.
    private static void narrow(long[] keys, long[] order) {
        for (int i = 0; i < order.length; i++) order[i] = keys[i] << 32 | i;
        Arrays.sort(order);
        for (int i = 0; i < order.length; i++) order[i] = (int) order[i];
    }

    /// Merge sort from short sorted runs upwards.
    ///
    /// @return whether the order is in the spare array
    private static boolean wide(long[] keys, long[] order, long[] spareKeys, long[] spareOrder) {
        int n = keys.length;
        for (int i = 0; i < n; i++) order[i] = i;
        for (int from = 0; from < n; from += SHORT) insert(keys, order, from, Math.min(n, from + SHORT));
        boolean swapped = false;
        for (long width = SHORT; width < n; width *= 2, swapped = !swapped) {
            for (long from = 0; from < n; from += 2 * width) {
                int middle = (int) Math.min(n, from + width);
                int end = (int) Math.min(n, from + 2 * width);
                if (swapped) merge(spareKeys, spareOrder, (int) from, middle, end, keys, order);
                else merge(keys, order, (int) from, middle, end, spareKeys, spareOrder);
            }
        }
        return swapped;
    }

    private static void insert(long[] keys, long[] order, int from, int end) {
        for (int i = from + 1; i < end; i++) {
            long key = keys[i];
            long position = order[i];
            int j = i;
            for (; j > from && keys[j - 1] > key; j--) {
                keys[j] = keys[j - 1];
                order[j] = order[j - 1];
            }
            keys[j] = key;
            order[j] = position;
        }
    }

    private static void merge(long[] keys, long[] order, int from, int middle, int end, long[] toKeys, long[] to) {
        for (int left = from, right = middle, i = from; i < end; i++) {
            int next = right >= end || left < middle && keys[left] <= keys[right] ? left++ : right++;
            toKeys[i] = keys[next];
            to[i] = order[next];
        }
    }
}
