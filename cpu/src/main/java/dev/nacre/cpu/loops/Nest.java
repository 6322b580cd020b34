package dev.nacre.cpu.loops;

import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// One iteration space in its simplest form: axes of one point are dropped, axes are ordered so that neighbours in memory
/// come last, and axes that all views pass through like one axis are merged. The inner axis stays what it is if the program folds
/// along it.
///
///     [8, 1, 16, 32], a dense, b dense      →  [4096]
///     [64, 100], a dense, b by columns      →  [64, 100] with b strided, or turned around if only b is stored
///     [16, 32], a dense, b one per column   →  [16, 32]
///
/// @param program what to do at each point, with the views' accesses as they are now
/// @param views the views, with as many axes as `extents`
/// @param extents of the axes, the inner one last
record Nest(Program program, List<View> views, long[] extents) {
    /// One axis of all views.
    private record Axis(long extent, long[] strides) {
        boolean continues(Axis inner) {
            for (int v = 0; v < strides.length; v++)
                if (strides[v] != inner.strides[v] * inner.extent) return false;
            return true;
        }
    }

    static Nest of(Program program, Loop.Instance instance) {
        var axes = axes(instance);
        var code = program.code();
        var folds = code.stream().anyMatch(i -> i instanceof Instr.RowFold);
        if (folds && axes.getLast().extent == 1) {
            code = withoutFolds(code);
            folds = false;
        }
        var inner = folds ? axes.removeLast() : null;
        axes.removeIf(axis -> axis.extent == 1);
        axes.sort(order(code, instance.views()));
        merge(axes);
        if (folds) axes.add(inner);
        else if (axes.isEmpty()) axes.add(new Axis(1, new long[instance.views().size()]));
        return build(code, instance.views(), axes);
    }

    private static List<Axis> axes(Loop.Instance instance) {
        var axes = new ArrayList<Axis>();
        for (int axis = 0; axis < instance.extents().length; axis++) {
            int a = axis;
            axes.add(
                    new Axis(
                            instance.extents()[a],
                            instance.views().stream().mapToLong(v -> v.strides()[a]).toArray()));
        }
        return axes;
    }

    /// The fold of a single element is that element.
    private static List<Instr> withoutFolds(List<Instr> code) {
        var result = new ArrayList<Instr>();
        for (var instr : code)
            result.add(
                    instr instanceof Instr.RowFold(var kind, var dtype, int a)
                            ? new Instr.Convert(dtype, a)
                            : instr);
        return result;
    }

    /// Greatest strides first: those of what is stored, else of what is loaded.
    private static Comparator<Axis> order(List<Instr> code, List<View> views) {
        var stored = new boolean[views.size()];
        var loaded = new boolean[views.size()];
        for (var instr : code)
            switch (instr) {
                case Instr.Store s -> stored[s.view()] = true;
                case Instr.Load l -> loaded[l.view()] = true;
                default -> {}
            }
        return Comparator.comparingLong((Axis axis) -> -span(axis, views, stored))
                .thenComparingLong(axis -> -span(axis, views, loaded));
    }

    private static long span(Axis axis, List<View> views, boolean[] counted) {
        long span = 0;
        for (int v = 0; v < counted.length; v++)
            if (counted[v]) span += Math.abs(axis.strides[v]) * views.get(v).dtype().bytes();
        return span;
    }

    private static void merge(List<Axis> axes) {
        for (int i = axes.size() - 2; i >= 0; i--) {
            var outer = axes.get(i);
            var inner = axes.get(i + 1);
            if (outer.continues(inner)) {
                axes.set(i, new Axis(outer.extent * inner.extent, inner.strides));
                axes.remove(i + 1);
            }
        }
    }

    private static Nest build(List<Instr> code, List<View> views, List<Axis> axes) {
        var extents = axes.stream().mapToLong(a -> a.extent).toArray();
        var accesses = new ArrayList<Access>();
        var moved = new ArrayList<View>();
        for (int view = 0; view < views.size(); view++) {
            int v = view;
            var strides = axes.stream().mapToLong(a -> a.extent == 1 ? 0 : a.strides[v]).toArray();
            accesses.add(access(strides));
            var old = views.get(v);
            moved.add(new View(old.buffer(), old.dtype(), old.offset(), extents, strides));
        }
        return new Nest(new Program(code, accesses), moved, extents);
    }

    private static Access access(long[] strides) {
        long inner = strides[strides.length - 1];
        if (inner != 0) return inner == 1 ? Access.UNIT : Access.STRIDED;
        for (long stride : strides) if (stride != 0) return Access.ROW;
        return Access.UNIFORM;
    }

    /// The same with sums and products of many rows or tiles into one element carried out in f64.
    Nest withWideSums() {
        var code = new ArrayList<Instr>();
        for (var instr : program.code())
            code.add(
                    instr instanceof Instr.Accumulate a && isLongSum(a)
                            ? new Instr.Accumulate(a.kind(), a.view(), DType.F64, a.a())
                            : instr);
        return new Nest(new Program(code, program.views()), views, extents);
    }

    private boolean isLongSum(Instr.Accumulate a) {
        if (!a.dtype().isFloating() || a.kind() == Reduction.MAX || a.kind() == Reduction.MIN)
            return false;
        var strides = views.get(a.view()).strides();
        int inner = rank() - 1;
        if (strides[inner] != 0) return false;
        long rows = 1;
        for (int axis = 0; axis < inner; axis++) if (strides[axis] == 0) rows *= extents[axis];
        return rows > 1 || extents[inner] > Grid.TILE;
    }

    int rank() {
        return extents.length;
    }

    long points() {
        long points = 1;
        for (long extent : extents) points *= extent;
        return points;
    }
}
