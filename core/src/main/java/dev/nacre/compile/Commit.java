package dev.nacre.compile;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;

/// Moves updates of variables behind all kernels that may fail, so that a step that fails has changed nothing.
///
/// ```
/// before   w ← w − g;  gather(…);  v ← v + 1
/// after    gather(…);  w ← w − g;  v ← v + 1
/// ```
///
/// What reads an updated value goes with it; if that may fail too, the update must be written elsewhere first (`Compiler.keepOldValues`).
final class Commit {
    private Commit() {}

    /// @param isUpdated whether a buffer is the new value of a variable
    static List<Kernel> last(List<Kernel> kernels, IntPredicate isUpdated) {
        int end = kernels.size(); // of what has to be looked at: behind it nothing fails
        while (end > 0 && !kernels.get(end - 1).mayFail()) {
            end--;
        }
        List<Kernel> out = new ArrayList<>(kernels.size());
        List<Kernel> late = new ArrayList<>();
        Set<Integer> read = new HashSet<>();
        Set<Integer> written = new HashSet<>();
        for (Kernel k : kernels.subList(0, end)) {
            boolean waits =
                    k.writes().stream()
                                    .map(View::buffer)
                                    .anyMatch(b ->
                                            isUpdated.test(b)
                                                    || read.contains(b)
                                                    || written.contains(b))
                            || k.reads().stream().map(View::buffer).anyMatch(written::contains);
            if (waits) {
                late.add(k);
                k.reads().forEach(v -> read.add(v.buffer()));
                k.writes().forEach(v -> written.add(v.buffer()));
            } else {
                out.add(k);
            }
        }
        out.addAll(late);
        out.addAll(kernels.subList(end, kernels.size()));
        return out;
    }
}
