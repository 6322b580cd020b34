package dev.nacre.compile;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/// Lays out all intermediate buffers of a plan in one block of memory: a buffer occupies its place from the kernel that writes it first to the kernel that reads it
/// last. One sweep over the kernels; each buffer takes the smallest gap that holds it.
///
/// A loop's result takes over the place of an operand that dies there, if both are walked alike.
final class Arena {
    /// Places are multiples of this: a cache line, and a vector of any width.
    static final long ALIGNMENT = 64;

    private final Map<Integer, Long> places = new HashMap<>();
    private final Gaps gaps = new Gaps();
    private long end;
    private long peak;

    private Arena() {}

    /// Offsets in bytes of the buffers for which `isTemporary`, and the size of the block.
    record Layout(Map<Integer, Long> places, long bytes) {}

    static Layout of(
            List<Kernel> kernels,
            List<Scheduler.Buffer> buffers,
            java.util.function.IntPredicate isTemporary) {
        Arena a = new Arena();
        Map<Integer, Integer> lastUse = new HashMap<>();
        for (int i = 0; i < kernels.size(); i++) {
            for (int b : touched(kernels.get(i))) {
                lastUse.put(b, i);
            }
        }
        for (int i = 0; i < kernels.size(); i++) {
            Kernel k = kernels.get(i);
            List<Integer> dying = new ArrayList<>();
            for (int b : touched(k)) {
                if (isTemporary.test(b) && lastUse.get(b) == i) {
                    dying.add(b);
                }
            }
            for (View out : k.writes()) {
                int b = out.buffer();
                if (isTemporary.test(b) && !a.places.containsKey(b)) {
                    Integer heir =
                            k instanceof Loop loop
                                    ? heirOf(loop, out, dying, a.places, buffers)
                                    : null;
                    if (heir != null && lastUse.get(b) > i) {
                        a.places.put(b, a.places.get(heir));
                        dying.remove(heir);
                    } else {
                        a.places.put(b, a.take(size(buffers.get(b))));
                    }
                }
            }
            for (int b : dying) {
                if (a.places.containsKey(b)) {
                    a.gaps.give(a.places.get(b), size(buffers.get(b)));
                }
            }
        }
        return new Layout(a.places, a.peak);
    }

    private static List<Integer> touched(Kernel k) {
        List<Integer> out = new ArrayList<>();
        k.reads().forEach(v -> out.add(v.buffer()));
        k.writes().forEach(v -> out.add(v.buffer()));
        return out.stream().distinct().toList();
    }

    private static long size(Scheduler.Buffer b) {
        return Math.max(ALIGNMENT, Math.ceilDiv(b.bytes(), ALIGNMENT) * ALIGNMENT);
    }

    /// A dying operand whose every load in the loop walks just as the store does, or null.
    private static Integer heirOf(
            Loop loop,
            View out,
            List<Integer> dying,
            Map<Integer, Long> places,
            List<Scheduler.Buffer> buffers) {
        if (loop.instances().size() != 1 || !isPointwise(loop, out)) {
            return null;
        }
        for (int b : dying) {
            boolean fits =
                    places.containsKey(b)
                            && buffers.get(b).bytes() == buffers.get(out.buffer()).bytes();
            if (fits && walksAlike(loop, b, out)) {
                return b;
            }
        }
        return null;
    }

    /// Whether a loop writes the view by plain stores and has no rows: a row is read again after some of it was written.
    static boolean isPointwise(Loop loop, View out) {
        for (Program.Instr i : loop.program().code()) {
            boolean accumulates =
                    i instanceof Program.Instr.Accumulate a
                            && loop.instances().stream()
                                    .anyMatch(x -> x.views().get(a.view()).equals(out));
            if (accumulates || i instanceof Program.Instr.RowFold) {
                return false;
            }
        }
        return true;
    }

    /// Whether all reads of a buffer go through views like `out`.
    static boolean walksAlike(Kernel k, int buffer, View out) {
        return k.reads().stream()
                .filter(v -> v.buffer() == buffer)
                .allMatch(v -> v.on(out.buffer(), 0).equals(out) && v.dtype() == out.dtype());
    }

    private long take(long bytes) {
        OptionalLong gap = gaps.takeTightest(bytes);
        if (gap.isPresent()) {
            return gap.getAsLong();
        }
        long at = gaps.takeUpTo(end).orElse(end); // a gap at the end grows
        end = at + bytes;
        peak = Math.max(peak, end);
        return at;
    }
}
