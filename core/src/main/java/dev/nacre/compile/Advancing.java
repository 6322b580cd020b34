package dev.nacre.compile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntPredicate;

/// Moves kernels forward that free more memory than they take, to where the last of their operands has been computed.
///
/// ```
/// before   dx₂ ← dy·w₂; dx₁ ← dx₂·w₁; …; dw₂ ← dyᵀ·x₂; dw₁ ← dx₂ᵀ·x₁     all dx and x are kept to the end
/// after    dx₂ ← dy·w₂; dw₂ ← dyᵀ·x₂; dx₁ ← dx₂·w₁; dw₁ ← dx₂ᵀ·x₁; …
/// ```
///
/// In training that frees the activations of a layer as soon as its gradients are known, and a gradient is used twice while it is still in a cache. Kernels that write results of the plan
/// keep their places.
final class Advancing {
    private final List<Kernel> kernels;
    private final List<Scheduler.Buffer> buffers;
    private final IntPredicate isTemporary;
    private final List<Set<Integer>> touched = new ArrayList<>();
    private final Map<Integer, Set<Integer>> waiting = new HashMap<>(); // buffer → kernels to come
    private final Map<Integer, Integer> uses = new HashMap<>();
    private final List<List<Integer>> followers = new ArrayList<>();
    private final int[] missing; // predecessors to come; −1 when it has been put in order
    private final List<Kernel> out = new ArrayList<>();
    private final TreeSet<Integer> candidates = new TreeSet<>();

    private Advancing(
            List<Kernel> kernels, List<Scheduler.Buffer> buffers, IntPredicate isTemporary) {
        this.kernels = kernels;
        this.buffers = buffers;
        this.isTemporary = isTemporary;
        this.missing = new int[kernels.size()];
    }

    /// @param isTemporary whether a buffer is neither given to the plan nor a result of it
    static List<Kernel> run(
            List<Kernel> kernels, List<Scheduler.Buffer> buffers, IntPredicate isTemporary) {
        Advancing a = new Advancing(kernels, buffers, isTemporary);
        a.connect();
        for (int k = 0; k < kernels.size(); k++) {
            if (a.missing[k] >= 0) {
                a.put(k);
                while (!a.candidates.isEmpty()) {
                    int next = a.candidates.pollFirst();
                    if (a.missing[next] == 0 && a.mayMove(next) && a.growth(next) < 0) {
                        a.put(next);
                    }
                }
            }
        }
        return a.out;
    }

    /// Finds who has to come before whom: the writer of a buffer before its readers, and those before the next writer.
    private void connect() {
        Map<Integer, Integer> writer = new HashMap<>();
        Map<Integer, List<Integer>> readers = new HashMap<>();
        for (int k = 0; k < kernels.size(); k++) {
            followers.add(new ArrayList<>());
            Set<Integer> before = new LinkedHashSet<>();
            Set<Integer> all = new LinkedHashSet<>();
            for (View v : kernels.get(k).reads()) {
                all.add(v.buffer());
                before.add(writer.getOrDefault(v.buffer(), -1));
            }
            for (View v : kernels.get(k).writes()) {
                all.add(v.buffer());
                before.add(writer.getOrDefault(v.buffer(), -1));
                before.addAll(readers.getOrDefault(v.buffer(), List.of()));
            }
            before.removeAll(Arrays.asList(-1, k));
            missing[k] = before.size();
            for (int b : before) {
                followers.get(b).add(k);
            }
            for (View v : kernels.get(k).reads()) {
                readers.computeIfAbsent(v.buffer(), _ -> new ArrayList<>()).add(k);
            }
            for (View v : kernels.get(k).writes()) {
                writer.put(v.buffer(), k);
                readers.remove(v.buffer());
            }
            all.removeIf(b -> !isTemporary.test(b));
            touched.add(all);
            for (int b : all) {
                waiting.computeIfAbsent(b, _ -> new LinkedHashSet<>()).add(k);
                uses.merge(b, 1, Integer::sum);
            }
        }
    }

    private boolean mayMove(int k) {
        return kernels.get(k).writes().stream().allMatch(v -> isTemporary.test(v.buffer()));
    }

    /// The bytes that a kernel takes for good, if it comes next: of what it writes first, less what nobody needs after it.
    private long growth(int k) {
        long bytes = 0;
        for (int b : touched.get(k)) {
            Set<Integer> toCome = waiting.get(b);
            if (toCome.size() == uses.get(b)) {
                bytes += buffers.get(b).bytes();
            }
            if (toCome.size() == 1) {
                bytes -= buffers.get(b).bytes();
            }
        }
        return bytes;
    }

    private void put(int k) {
        out.add(kernels.get(k));
        missing[k] = -1;
        for (int f : followers.get(k)) {
            if (--missing[f] == 0) {
                candidates.add(f);
            }
        }
        for (int b : touched.get(k)) {
            Set<Integer> toCome = waiting.get(b);
            toCome.remove(k);
            if (toCome.size() == 1) {
                candidates.add(toCome.iterator().next());
            }
        }
    }
}
