package dev.nacre.cpu.loops;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.compile.Loop;
import dev.nacre.cpu.Team;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;

/// Runs a loop in every way there is and compares: with the oracle to a tolerance, with one another to the last bit.
final class Compare {
    private Compare() {}

    /// How far a result may be from the oracle's.
    ///
    /// @param ulps units in the last place
    /// @param absolute what is forgiven in any case, for sums of terms that cancel
    record Tolerance(double ulps, double absolute) {
        static final Tolerance EXACT = new Tolerance(0, 0);

        boolean allows(double want, double got, DType dtype) {
            double rounded = dtype.round(want);
            if (Double.compare(rounded, got) == 0 || Double.isNaN(rounded) && Double.isNaN(got))
                return true;
            if (ulps == 0 && absolute == 0 || Double.isNaN(rounded) || Double.isNaN(got))
                return false;
            if (got == 0 && rounded == 0) return absolute > 0; // zeros of different sign
            double ulp = ulp(rounded, dtype);
            if (Double.isInfinite(rounded) || Double.isInfinite(got))
                return Math.abs(Math.clamp(want, -2 * largest(dtype), 2 * largest(dtype)))
                        >= largest(dtype) - ulps * ulp(largest(dtype), dtype);
            return Math.abs(want - got) <= ulps * ulp + absolute;
        }

        private static double largest(DType dtype) {
            return dtype == DType.F64
                    ? Double.MAX_VALUE
                    : dtype == DType.F16 ? 65504 : Float.MAX_VALUE;
        }

        private static double ulp(double x, DType dtype) {
            return switch (dtype) {
                case F64 -> Math.ulp(x);
                case F32 -> Math.ulp((float) x);
                case BF16 -> Math.ulp((float) x) * 0x1p16;
                default -> Math.ulp((float) x) * 0x1p13;
            };
        }
    }

    /// Parts one after the other, as one thread would.
    static void inOrder(int parts, Team.Work work) {
        for (int part = 0; part < parts; part++) work.run(part);
    }

    /// Parts by two threads, the last ones first.
    static void twoThreads(int parts, Team.Work work) {
        var failures = new ArrayList<Throwable>();
        var threads = new ArrayList<Thread>();
        for (int half = 0; half < 2; half++) {
            int mine = half;
            threads.add(
                    Thread.ofPlatform()
                            .start(() -> {
                                try {
                                    for (int part = parts - 1 - mine; part >= 0; part -= 2)
                                        work.run(part);
                                } catch (Throwable e) {
                                    failures.add(e);
                                }
                            }));
        }
        for (var thread : threads)
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        if (!failures.isEmpty()) throw new AssertionError(failures.getFirst());
    }

    static void all(String name, Loop loop, Buffers before, Tolerance tolerance) {
        var want = before.copy();
        Oracle.run(loop, want.addresses());
        var results = allWays(name, loop, before);
        Judge.judge(name, loop, before, results, tolerance);
        for (int buffer = 0; buffer < before.size(); buffer++)
            for (long i = 0; i < before.count(buffer); i++) {
                var w = want.get(buffer, i);
                var g = results.get(buffer, i);
                boolean same =
                        w instanceof Double x
                                ? tolerance.allows(x, (double) g, before.dtype(buffer))
                                : w.equals(g);
                long at = i;
                int which = buffer;
                assertTrue(
                        same,
                        () -> name + ": buffer " + which + "[" + at + "] is " + g + ", not " + w);
            }
    }

    /// The result, which is the same whoever computes it.
    static Buffers allWays(String name, Loop loop, Buffers before) {
        var results = new ArrayList<Buffers>();
        for (var mode : modes()) {
            for (LoopRunner.Crew crew :
                    List.<LoopRunner.Crew>of(Compare::inOrder, Compare::twoThreads)) {
                var result = before.copy();
                LoopRunner.of(loop, mode).newRun(crew).run(result.addresses());
                assertTrue(
                        result.guardsAreWhole(),
                        () -> name + ": " + mode + " writes beyond a buffer's end");
                results.add(result);
            }
        }
        for (var result : results) {
            var first = results.getFirst();
            assertTrue(result.sameBits(first), () -> name + ": " + difference(first, result));
        }
        return results.getFirst();
    }

    static List<LoopCompiler.Mode> modes() {
        var modes = new ArrayList<>(List.of(LoopCompiler.Mode.SCALAR));
        if (VectorSupport.isApi()) modes.add(LoopCompiler.Mode.VECTOR);
        if (VectorSupport.isMachineCode()) modes.add(LoopCompiler.Mode.MACHINE);
        return modes;
    }

    private static String difference(Buffers a, Buffers b) {
        for (int buffer = 0; buffer < a.size(); buffer++)
            for (long i = 0; i < a.count(buffer); i++)
                if (!a.get(buffer, i).equals(b.get(buffer, i)))
                    return "buffer "
                            + buffer
                            + "["
                            + i
                            + "] is "
                            + a.get(buffer, i)
                            + " or "
                            + b.get(buffer, i);
        return "other bits of equal values";
    }
}
