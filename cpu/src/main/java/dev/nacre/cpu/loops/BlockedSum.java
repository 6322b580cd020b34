package dev.nacre.cpu.loops;

import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.util.List;

/// A sum of many terms in one part of a [Walk]: the tile's code adds up a block of terms, blocks are added in f64, and what comes of a part is rounded once. So the error does not grow with
/// the number of terms, along no axis: that of the inner axis is folded in the same way by the code itself. Both levels are in the thread's memory; the second one is seldom touched.
///
/// ```
/// rows of the tile     block    += row            f32, for 128 rows
/// after 128 rows       totals   += block          f64
/// after the part       result    = totals         rounded
/// ```
final class BlockedSum {
    private final Grid.Blocked what;
    private final DType type;
    private final long inside; // elements of a block
    private final long all; // elements of the totals
    private final long[] inBlock; // strides, in elements
    private final long[] inTotals;
    private final LoopCompiler.Compiled add;
    private final LoopCompiler.Compiled store;
    private final int runAxis; // of the neighbours that are stored together
    private long place; // of the block in scratch memory; the totals follow

    /// @param homeSteps bytes from element to element of what the part's sums are stored to
    BlockedSum(Grid grid, Grid.Blocked what, DType home, long[] homeSteps, LoopCompiler.Mode mode) {
        this.what = what;
        this.type = what.target().dtype().arithmetic();
        int rank = grid.rank();
        this.inBlock = new long[rank];
        this.inTotals = new long[rank];
        long n = 1;
        long block = 1;
        for (int a = rank - 1; a >= 0; a--) {
            if (a == what.axis()) block = n;
            if (grid.combines(what.target(), a)) continue;
            inTotals[a] = n;
            inBlock[a] = a > what.axis() ? n : 0;
            n *= grid.blocks[a];
        }
        this.inside = block;
        this.all = n;
        int last = rank - 1;
        while (last > 0 && inTotals[last] == 0) last--;
        this.runAxis = last;
        boolean neighbours = homeSteps[last] == home.bytes();
        this.add = LoopCompiler.compile(adding(what.target().kind(), type), mode);
        this.store =
                LoopCompiler.compile(
                        storing(home, neighbours ? Access.UNIT : Access.STRIDED), mode);
    }

    /// Blocks are added to the totals and begun anew.
    private static Program adding(Reduction kind, DType type) {
        long neutral = Double.doubleToRawLongBits(kind.identity());
        return new Program(
                List.of(
                        new Instr.Load(0, type),
                        new Instr.Accumulate(kind, 1, DType.F64, 0),
                        new Instr.Literal(type, neutral),
                        new Instr.Store(0, type, 2)),
                List.of(Access.UNIT, Access.UNIT));
    }

    private static Program storing(DType home, Access access) {
        return new Program(
                List.of(
                        new Instr.Load(0, DType.F64),
                        new Instr.Convert(home, 0),
                        new Instr.Store(1, home, 1)),
                List.of(Access.UNIT, access));
    }

    int view() {
        return what.target().view();
    }

    /// Takes its place in scratch memory, and says where the next may be.
    long place(long from) {
        place = from;
        return totals() + all * Double.BYTES;
    }

    long block() {
        return place;
    }

    long totals() {
        return (place + inside * type.bytes() + Layout.PAD - 1) / Layout.PAD * Layout.PAD;
    }

    /// Bytes of scratch memory that its own code needs.
    long scratch() {
        return Math.max(
                add.layout().bytes(Math.max(inside, 1)), store.layout().bytes(Math.max(all, 1)));
    }

    long blockStep(int axis) {
        return inBlock[axis] * type.bytes();
    }

    long totalStep(int axis) {
        return inTotals[axis] * Double.BYTES;
    }

    /// Whether a block ends with the steps `from` to `to` of `count` along an axis.
    boolean ends(int axis, long from, long to, long count) {
        return axis == what.axis() && (to == count || to / what.steps() > from / what.steps());
    }

    void begin(long scratch) {
        double neutral = what.target().kind().identity();
        for (long i = 0, at = scratch + block(); i < inside; i++, at += type.bytes())
            if (type == DType.F32) Memory.f32(at, (float) neutral);
            else Memory.f64(at, neutral);
        for (long i = 0, at = scratch + totals(); i < all; i++, at += Double.BYTES)
            Memory.f64(at, neutral);
    }

    /// Adds the block to the totals at an address.
    void add(long frame, long scratch, long totals) {
        entry(frame, Tile.ROWS, 1);
        entry(frame, Tile.LENGTH, inside);
        entry(frame, Tile.SCRATCH, scratch);
        entry(frame, Tile.PLANE, add.layout().plane(inside));
        view(frame, 0, scratch + block(), type.bytes());
        view(frame, 1, totals, Double.BYTES);
        add.tile().run(frame);
    }

    /// Stores a part's sums.
    ///
    /// @param count points of the part along each axis
    /// @param at room for a place along each axis
    void store(long frame, long scratch, long home, long[] homeSteps, long[] count, long[] at) {
        long length = inTotals[runAxis] == 0 ? 1 : count[runAxis];
        entry(frame, Tile.ROWS, 1);
        entry(frame, Tile.LENGTH, length);
        entry(frame, Tile.SCRATCH, scratch);
        entry(frame, Tile.PLANE, store.layout().plane(length));
        long from = scratch + totals();
        long to = home;
        for (int a = 0; a < runAxis; a++) at[a] = 0;
        for (boolean more = true; more; ) {
            view(frame, 0, from, Double.BYTES);
            view(frame, 1, to, homeSteps[runAxis]);
            store.tile().run(frame);
            more = false;
            for (int a = runAxis - 1; a >= 0 && !more; a--) {
                if (inTotals[a] == 0) continue;
                if (++at[a] < count[a]) {
                    from += totalStep(a);
                    to += homeSteps[a];
                    more = true;
                } else {
                    at[a] = 0;
                    from -= totalStep(a) * (count[a] - 1);
                    to -= homeSteps[a] * (count[a] - 1);
                }
            }
        }
    }

    private static void view(long frame, int view, long address, long step) {
        int entry = Tile.VIEWS + Tile.VIEW * view;
        entry(frame, entry + Tile.ADDRESS, address);
        entry(frame, entry + Tile.ROW_STEP, 0);
        entry(frame, entry + Tile.STEP, step);
    }

    private static void entry(long frame, int position, long value) {
        Memory.i64(frame + 8L * position, value);
    }
}
