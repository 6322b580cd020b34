package dev.nacre.cpu.loops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.cpu.loops.Compare.Tolerance;
import dev.nacre.ir.Reduction;
import dev.nacre.opencl.CPrinter;
import dev.nacre.opencl.OpenCl;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/// What a compiler of OpenCL C makes of the same lowered programs: the same bits but for sums, whose order differs. Each program is judged once, at the first size with a few points.
final class Judge {
    static final String UNPRINTABLE = "call functions, so not printed";

    private static final int FEW = 30;

    private static final Optional<OpenCl> DEVICE =
            Boolean.getBoolean("nacre.test.opencl") ? OpenCl.device() : Optional.empty();

    private static final Set<Program> JUDGED = new HashSet<>();

    /// How programs have fared.
    private static final TreeMap<String, Integer> COUNTS = new TreeMap<>();

    private Judge() {}

    static boolean sits() {
        return DEVICE.isPresent();
    }

    static String report() {
        return "OpenCL, " + DEVICE.map(OpenCl::toString).orElse("no device") + ": " + COUNTS;
    }

    static int count(Predicate<String> how) {
        return COUNTS.entrySet().stream()
                .filter(e -> how.test(e.getKey()))
                .mapToInt(Map.Entry::getValue)
                .sum();
    }

    /// @param results what the CPU's loops have made of `before`
    static void judge(
            String name, Loop loop, Buffers before, Buffers results, Tolerance tolerance) {
        if (DEVICE.isEmpty()
                || loop.instances().getFirst().points() < FEW
                || !JUDGED.add(loop.program())) {
            return;
        }
        var there = before.copy();
        try {
            for (int i = 0; i < loop.instances().size(); i++) run(loop, i, there);
        } catch (CPrinter.Unprintable e) {
            count(UNPRINTABLE);
            return;
        }
        boolean same = results.sameBits(there);
        count(same ? "the same bits" : "other orders of sums");
        if (same) return;
        assertTrue(sums(loop.program()), () -> name + ", by " + DEVICE.get() + ": other bits");
        for (int b = 0; b < results.size(); b++)
            for (long k = 0; k < there.count(b); k++) {
                Object want = results.get(b, k);
                Object got = there.get(b, k);
                int buffer = b;
                long at = k;
                if (want instanceof Double x)
                    assertTrue(
                            tolerance.allows(x, (double) got, there.dtype(b)),
                            () ->
                                    "%s, by %s: buffer %d[%d] is %s, not %s"
                                            .formatted(name, DEVICE.get(), buffer, at, got, want));
                else assertEquals(want, got, name);
            }
    }

    private static void count(String how) {
        COUNTS.merge(how, 1, Integer::sum);
    }

    private static boolean sums(Program program) {
        return program.code().stream()
                .anyMatch(i ->
                        i instanceof Instr.RowFold f && isSum(f.kind())
                                || i instanceof Instr.Accumulate a && isSum(a.kind()));
    }

    private static boolean isSum(Reduction kind) {
        return kind == Reduction.SUM || kind == Reduction.PROD;
    }

    private static void run(Loop loop, int number, Buffers there) {
        var views = new ArrayList<>(loop.instances().get(number).views());
        var wide = new HashMap<Integer, Integer>(); // buffer → where its numbers are combined
        for (var instr : loop.program().code())
            if (instr instanceof Instr.Accumulate a) {
                View v = views.get(a.view());
                var type =
                        isSum(a.kind()) && a.dtype().isFloating()
                                ? DType.F64
                                : a.dtype().arithmetic();
                if (type != a.dtype()) {
                    int sums = there.add(type, there.count(v.buffer()));
                    wide.put(v.buffer(), sums);
                    v = new View(sums, type, v.offset(), v.sizes(), v.strides());
                    views.set(a.view(), v);
                }
                clear(a.kind(), v, there);
            }
        var instance = new Loop.Instance(loop.instances().get(number).extents(), views);
        var here = new Loop(loop.program(), List.of(instance));
        String source = CPrinter.print(here, 0);
        DEVICE.get().run(source, CPrinter.buffers(here, 0).stream().map(there::segment).toList());
        wide.forEach((narrow, sums) -> {
            for (long k = 0; k < there.count(narrow); k++) there.set(narrow, k, there.get(sums, k));
        });
    }

    /// What is combined into begins with the neutral number.
    private static void clear(Reduction kind, View view, Buffers there) {
        Object neutral =
                view.dtype().isFloating()
                        ? (Object) kind.identity()
                        : (Object) kind.identity(view.dtype());
        var at = new long[view.rank()];
        for (boolean more = view.count() > 0; more; ) {
            long k = view.offset();
            for (int d = 0; d < at.length; d++) k += at[d] * view.strides()[d];
            there.set(view.buffer(), k, neutral);
            more = false;
            for (int d = at.length - 1; d >= 0 && !more; d--) {
                more = ++at[d] < view.sizes()[d];
                if (!more) at[d] = 0;
            }
        }
    }
}
