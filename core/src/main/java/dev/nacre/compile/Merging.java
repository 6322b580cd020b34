package dev.nacre.compile;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/// Joins loops of one program that do not depend on each other into one kernel of several instances, placed where the last of them was: the updates of all parameters
/// by an optimizer become one multi-tensor kernel.
///
/// ```
/// before   loop A (w₁); matmul; loop A (w₂); loop A (w₃)
/// after    matmul; loop A (w₁, w₂, w₃)
/// ```
final class Merging {
    private Merging() {}

    /// Of a buffer that must not be kept for long.
    private static final long LARGE = 1 << 20;

    /// @param isTemporary whether a buffer is neither given to the plan nor a result of it
    static List<Kernel> run(
            List<Kernel> kernels, List<Scheduler.Buffer> buffers, IntPredicate isTemporary) {
        Map<Integer, Integer> firstRead = new HashMap<>();
        Map<Integer, Integer> lastWrite = new HashMap<>();
        for (int i = kernels.size() - 1; i >= 0; i--) {
            for (View v : kernels.get(i).reads()) {
                firstRead.put(v.buffer(), i);
            }
            for (View v : kernels.get(i).writes()) {
                lastWrite.putIfAbsent(v.buffer(), i);
            }
        }
        Kernel[] out = kernels.toArray(Kernel[]::new);
        Map<Program, Integer> home = new HashMap<>();
        Map<Integer, List<Loop>> joining = new HashMap<>(); // place → loops, the last one first
        for (int i = out.length - 1; i >= 0; i--) {
            if (!(out[i] instanceof Loop loop) || keeps(loop, buffers, isTemporary)) {
                continue;
            }
            Integer later = home.get(loop.program());
            if (later != null && mayMove(loop, i, later, firstRead, lastWrite)) {
                joining.computeIfAbsent(later, _ -> new ArrayList<>()).add(loop);
                out[i] = null;
            } else {
                home.put(loop.program(), i);
            }
        }
        joining.forEach((i, loops) -> out[i] = joined(loops, (Loop) out[i]));
        List<Kernel> result = new ArrayList<>();
        for (Kernel k : out) {
            if (k != null) {
                result.add(k);
            }
        }
        return result;
    }

    /// One loop of several, in the order in which they were.
    private static Loop joined(List<Loop> latestFirst, Loop last) {
        List<Loop.Instance> all = new ArrayList<>();
        for (Loop l : latestFirst.reversed()) {
            all.addAll(l.instances());
        }
        all.addAll(last.instances());
        return new Loop(last.program(), all);
    }

    /// Whether a loop that is not an update reads something large, which would have to be kept until the last of the loops.
    private static boolean keeps(
            Loop loop, List<Scheduler.Buffer> buffers, IntPredicate isTemporary) {
        return loop.writes().stream().allMatch(v -> isTemporary.test(v.buffer()))
                && loop.reads().stream()
                        .map(View::buffer)
                        .anyMatch(b -> isTemporary.test(b) && buffers.get(b).bytes() > LARGE);
    }

    /// Nothing up to the new place may read what the loop writes, nor write to the same buffer.
    private static boolean mayMove(
            Loop loop,
            int from,
            int to,
            Map<Integer, Integer> firstRead,
            Map<Integer, Integer> lastWrite) {
        for (View v : loop.writes()) {
            if (firstRead.getOrDefault(v.buffer(), Integer.MAX_VALUE) <= to
                    || lastWrite.get(v.buffer()) != from) {
                return false;
            }
        }
        return true;
    }
}
