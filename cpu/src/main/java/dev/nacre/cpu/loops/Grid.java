package dev.nacre.cpu.loops;

import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;

/// An iteration space cut into parts that threads may take, and tiles that code is called for.
///
/// Where the cuts are depends on the program and the sizes alone. Parts never combine into the same elements: where they
/// would, each has a copy of the elements to itself, and the copies are combined later in a fixed order. So the result does
/// not depend on who ran what when.
final class Grid {
    /// Work in a part: enough to forget what handing it out costs, little enough to share evenly.
    private static final long PART_WORK = 1 << 20;

    private static final long MAX_PART = 1 << 16;
    private static final long MIN_PART = 1 << 11;

    /// Points in a tile. Tiles must be small: the compiler replaces code only between calls.
    static final long TILE = 4096;

    /// Length of a tile's rows where views are strided: neighbouring rows then find each other's cache lines.
    private static final long STRIDED_ROW = 128;

    /// Neighbouring elements worth a part of their own.
    private static final long MIN_RUN = 1024;

    /// Rows combined in one part that make up for the copy of what they are combined into.
    private static final long MIN_COMBINED = 16;

    /// Terms of a sum in f32 that are added one after the other, as in a fold with one accumulator; such blocks are added in f64.
    private static final long BLOCK = StepWriter.BLOCK;

    /// The same of sums in f64, where fewer blocks will do.
    private static final long LONG_BLOCK = Layout.MAX_ROWS;

    /// A view that points are combined into.
    record Target(int view, Reduction kind, DType dtype) {}

    /// A sum or product of so many terms in one part that they are combined in blocks, and the blocks in f64.
    ///
    /// @param axis after so many steps along it a block ends
    record Blocked(Target target, int axis, long steps) {}

    final Nest nest;
    final LoopCompiler.Compiled compiled;
    final List<Target> targets;
    final List<Blocked> blocked = new ArrayList<>();

    /// Of each axis: extent, points in a block, number of blocks.
    final long[] extents;

    final long[] blocks;
    final long[] counts;
    final long tileRows;
    final long tileLength;
    private final boolean folds;

    Grid(Nest nest, LoopCompiler.Compiled compiled) {
        this.nest = nest;
        this.compiled = compiled;
        this.targets = targets(nest);
        this.folds = LoopCompiler.folds(nest.program());
        this.extents = nest.extents();
        this.blocks = extents.clone();
        if (nest.points() > 0) cut(Math.clamp(PART_WORK / compiled.cost(), MIN_PART, MAX_PART));
        this.counts = new long[rank()];
        for (int a = 0; a < rank(); a++)
            counts[a] = blocks[a] > 0 ? (extents[a] + blocks[a] - 1) / blocks[a] : 0;
        if (folds) counts[inner()] = 1; // rows without points still have folds
        var strided = nest.program().views().contains(Access.STRIDED);
        this.tileLength =
                folds ? extents[inner()] : Math.min(extents[inner()], strided ? STRIDED_ROW : TILE);
        for (var target : targets) block(target);
        long rows = Layout.MAX_ROWS;
        for (var b : blocked) if (b.axis == inner() - 1) rows = Math.min(rows, b.steps);
        this.tileRows = Math.clamp(TILE / Math.max(1, tileLength), 1, rows);
        if (tileLength > Integer.MAX_VALUE - TILE)
            throw new NacreException("cannot fold over " + tileLength + " elements at once");
    }

    private static List<Target> targets(Nest nest) {
        var targets = new ArrayList<Target>();
        for (var instr : nest.program().code())
            if (instr instanceof Instr.Accumulate(var kind, int view, var dtype, int a))
                targets.add(new Target(view, kind, dtype));
        return targets;
    }

    /// Finds where blocks end: on the innermost axis on which a part has more terms than a block. What lies further in along the inner axis is folded by the code itself.
    private void block(Target target) {
        boolean adds = target.kind == Reduction.SUM || target.kind == Reduction.PROD;
        if (!adds || !target.dtype.isFloating()) return;
        long most = target.dtype == DType.F64 ? LONG_BLOCK : BLOCK;
        long terms = 1;
        for (int a = inner() - 1; a >= 0; a--) {
            if (!combines(target, a)) continue;
            if (terms * blocks[a] > most) {
                blocked.add(new Blocked(target, a, most / terms));
                return;
            }
            terms *= blocks[a];
        }
    }

    int rank() {
        return extents.length;
    }

    int inner() {
        return extents.length - 1;
    }

    private void cut(long goal) {
        int inner = inner();
        for (int a = 0; a < inner; a++) if (!combines(a)) cut(a, goal, 1);
        if (!folds && !combines(inner)) {
            // Columns: long ones are cut, short ones are left whole and their rows shared out.
            if (targets.isEmpty()) cut(inner, goal, MIN_RUN);
            else if (goal / blocks[inner] < MIN_COMBINED) cut(inner, 0, MIN_RUN);
        }
        for (int a = 0; a < inner; a++) if (combines(a)) cut(a, goal, MIN_COMBINED);
        if (!folds && combines(inner)) cut(inner, goal, MIN_RUN);
    }

    /// Cuts an axis into nearly equal blocks so that a part comes down to `goal` points.
    private void cut(int axis, long goal, long least) {
        long others = 1;
        for (int a = 0; a < rank(); a++) if (a != axis) others *= blocks[a];
        long wanted = Math.max(least, goal / others);
        if (wanted >= blocks[axis]) return;
        long count = (blocks[axis] + wanted - 1) / wanted;
        long block = (blocks[axis] + count - 1) / count;
        blocks[axis] = axis == inner() ? (block + 63) / 64 * 64 : block; // whole cache lines
    }

    private boolean combines(int axis) {
        for (var target : targets) if (combines(target, axis)) return true;
        return false;
    }

    /// Whether all points along the axis fall on the same element.
    boolean combines(Target target, int axis) {
        return nest.views().get(target.view).strides()[axis] == 0;
    }

    int parts() {
        long parts = 1;
        for (long count : counts) parts = Shape.times(parts, count);
        if (parts > Integer.MAX_VALUE)
            throw new NacreException("cannot loop over " + nest.points() + " elements");
        return (int) parts;
    }

    /// A measure of all there is to do.
    long work() {
        return nest.points() * compiled.cost();
    }

    /// How many parts combine into the same element.
    long copies(Target target) {
        long copies = 1;
        for (int a = 0; a < rank(); a++) if (combines(target, a)) copies *= counts[a];
        return copies;
    }
}
