package dev.nacre.cpu.kernels;

import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import java.util.Arrays;

/// The stable order of each line, NaN as the largest. Out: i64.
record ArgSort(View x, View out, boolean down, Nest lines, int length, long step, long outStep)
        implements Step {
    /// Elements that are worth a part of their own.
    private static final long WORTH = 4096;

    /// Lines up to this length are sorted by insertion.
    private static final int SHORT = 16;

    /// Lines from this length on are worth the tables of a radix sort.
    private static final int MANY = 512;

    /// Bits of a radix sort's digit.
    private static final int DIGIT = 11;

    static ArgSort of(View x, View out, int axis, boolean down) {
        return new ArgSort(
                x,
                out,
                down,
                Orders.lines(axis, x, out),
                Math.toIntExact(x.sizes()[axis]),
                Views.step(x, axis),
                Views.step(out, axis));
    }

    @Override
    public void run(long[] addresses) {
        long count = lines.count();
        if (count * length == 0) return;
        long chunk = Math.ceilDiv(WORTH, length);
        Team.get()
                .run(
                        Math.toIntExact(Math.ceilDiv(count, chunk)),
                        part -> {
                            var sorter =
                                    Keys.isWide(x.dtype()) ? new Merge(length) : new Packed(length);
                            for (long line = part * chunk;
                                    line < Math.min(count, (part + 1) * chunk);
                                    line++) {
                                long from = x.address(addresses) + lines.offset(0, line);
                                long to = out.address(addresses) + lines.offset(1, line);
                                Keys.read(
                                        x.dtype(), from, step, length, down, !down, sorter.keys());
                                Memory.wholes(sorter.order(), length, DType.I64, to, outStep);
                            }
                        });
    }

    private sealed interface Sorter {
        /// Where the keys are to be put.
        long[] keys();

        /// Sorts the keys and tells where each was.
        long[] order();
    }

    /// Keys that fit in an int: each is put into one long with its place, whose order is then that of the pair.
    private record Packed(long[] keys, long[] spare, int[] table) implements Sorter {
        Packed(int length) {
            this(new long[length], new long[length < MANY ? 0 : length], new int[1 << DIGIT]);
        }

        @Override
        public long[] order() {
            for (int i = 0; i < keys.length; i++) keys[i] = keys[i] << 32 | i;
            var sorted = keys;
            if (keys.length < MANY) {
                Arrays.sort(keys);
            } else {
                var other = spare;
                for (int shift = 32; shift < Long.SIZE; shift += DIGIT) {
                    if (!byDigit(sorted, shift, other)) continue;
                    var swap = sorted;
                    sorted = other;
                    other = swap;
                }
            }
            for (int i = 0; i < sorted.length; i++) sorted[i] = (int) sorted[i];
            return sorted;
        }

        /// One pass of a radix sort; false if all have the same digit.
        private boolean byDigit(long[] from, int shift, long[] to) {
            Arrays.fill(table, 0);
            for (long x : from) table[digit(x, shift)]++;
            if (table[digit(from[0], shift)] == from.length) return false;
            for (int i = 0, start = 0; i < table.length; i++) {
                int n = table[i];
                table[i] = start;
                start += n;
            }
            for (long x : from) to[table[digit(x, shift)]++] = x;
            return true;
        }

        private static int digit(long x, int shift) {
            return (int) ((x ^ Long.MIN_VALUE) >>> shift) & (1 << DIGIT) - 1;
        }
    }

    /// Keys of any size: merge sort from short sorted runs upwards.
    private record Merge(long[] keys, long[] places, long[] spareKeys, long[] sparePlaces)
            implements Sorter {
        Merge(int length) {
            this(new long[length], new long[length], new long[length], new long[length]);
        }

        @Override
        public long[] order() {
            int n = keys.length;
            for (int i = 0; i < n; i++) places[i] = i;
            for (int from = 0; from < n; from += SHORT) insert(from, Math.min(n, from + SHORT));
            boolean swapped = false;
            for (long width = SHORT; width < n; width *= 2, swapped = !swapped) {
                for (long from = 0; from < n; from += 2 * width) {
                    int middle = (int) Math.min(n, from + width);
                    int end = (int) Math.min(n, from + 2 * width);
                    if (swapped)
                        merge(spareKeys, sparePlaces, (int) from, middle, end, keys, places);
                    else merge(keys, places, (int) from, middle, end, spareKeys, sparePlaces);
                }
            }
            return swapped ? sparePlaces : places;
        }

        private void insert(int from, int end) {
            for (int i = from + 1; i < end; i++) {
                long key = keys[i];
                long place = places[i];
                int j = i;
                for (; j > from && keys[j - 1] > key; j--) {
                    keys[j] = keys[j - 1];
                    places[j] = places[j - 1];
                }
                keys[j] = key;
                places[j] = place;
            }
        }

        private static void merge(
                long[] keys,
                long[] places,
                int from,
                int middle,
                int end,
                long[] toKeys,
                long[] to) {
            for (int left = from, right = middle, i = from; i < end; i++) {
                int next =
                        right >= end || left < middle && keys[left] <= keys[right]
                                ? left++
                                : right++;
                toKeys[i] = keys[next];
                to[i] = places[next];
            }
        }
    }
}
