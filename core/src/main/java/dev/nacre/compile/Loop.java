package dev.nacre.compile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.function.UnaryOperator;

/// A fused loop: one [Program] run over one or several iteration spaces. Several instances come of equal, independent loops, such as an optimizer's updates of all
/// parameters.
///
/// Instances are independent. Within one, results must not depend on the number of threads; an element that is stored may be the very element
/// loaded at the same point (in place), never another point's.
public record Loop(Program program, List<Instance> instances) implements Kernel {

    /// Whether it copies one view to another and does nothing else.
    public boolean isCopy() {
        List<Program.Instr> code = program.code();
        return instances.size() == 1
                && code.size() == 2
                && code.getFirst() instanceof Program.Instr.Load
                && code.getLast() instanceof Program.Instr.Store;
    }

    /// One iteration space.
    ///
    /// @param extents sizes of the axes, the inner one last (at least one axis)
    /// @param views one per view of the program; sizes equal `extents`
    public record Instance(long[] extents, List<View> views) {
        /// Number of points.
        public long points() {
            long n = 1;
            for (long e : extents) {
                n *= e;
            }
            return n;
        }

        /// With an axis as two, the inner one of `run` points, if that divides it.
        Instance cut(int axis, long run) {
            if (run == extents[axis] || extents[axis] % run != 0) {
                return this;
            }
            long[] to = widened(extents, axis);
            to[axis] = extents[axis] / run;
            to[axis + 1] = run;
            List<View> cut = new ArrayList<>();
            for (View v : views) {
                long[] strides = widened(v.strides(), axis);
                strides[axis] *= run;
                cut.add(new View(v.buffer(), v.dtype(), v.offset(), to, strides));
            }
            return new Instance(to, cut);
        }

        /// With entry `axis` twice.
        private static long[] widened(long[] values, int axis) {
            long[] out = Arrays.copyOf(values, values.length + 1);
            System.arraycopy(values, axis, out, axis + 1, values.length - axis);
            return out;
        }
    }

    /// The same loop with the accesses that its views have now.
    public Loop withAccesses() {
        Instance first = instances.getFirst();
        return new Loop(
                new Program(
                        program.code(), first.views().stream().map(Program.Access::of).toList()),
                instances);
    }

    @Override
    public List<View> reads() {
        return views(i -> i instanceof Program.Instr.Load l ? l.view() : -1);
    }

    @Override
    public List<View> writes() {
        return views(i ->
                switch (i) {
                    case Program.Instr.Store s -> s.view();
                    case Program.Instr.Accumulate a -> a.view();
                    default -> -1;
                });
    }

    private List<View> views(ToIntFunction<Program.Instr> number) {
        List<Program.Instr> code = program.code();
        int[] numbers = new int[code.size()]; // each once
        int count = 0;
        for (Program.Instr instr : code) {
            int v = number.applyAsInt(instr);
            int i = v < 0 ? count : 0;
            while (i < count && numbers[i] != v) {
                i++;
            }
            if (v >= 0 && i == count) {
                numbers[count++] = v;
            }
        }
        List<View> out = new ArrayList<>(count * instances.size());
        for (Instance i : instances) {
            for (int k = 0; k < count; k++) {
                out.add(i.views.get(numbers[k]));
            }
        }
        return out;
    }

    @Override
    public Loop map(UnaryOperator<View> f) {
        return new Loop(
                program,
                instances.stream()
                        .map(i -> new Instance(i.extents(), i.views().stream().map(f).toList()))
                        .toList());
    }

    @Override
    public String name() {
        return "loop";
    }
}
