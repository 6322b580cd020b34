package dev.nacre.cpu.loops;

import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.cpu.loops.Grid.Target;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;

/// A grid and where its views lie: what is needed to run its parts. Stateless; what changes on the way is in the thread's
/// [Scratch].
final class Walk {
    /// Number of the buffer that a run keeps for itself.
    static final int OWN = -1;

    /// Stands for the thread's scratch memory.
    private static final int SCRATCH = -2;

    final Grid grid;
    private final BlockedSum[] sums;

    /// Number of the program's views. Behind them, for each blocked sum, come its result and its totals.
    private final int views;

    private final Tile tile;
    private final Target[] targets;
    private final int[] buffers;

    /// Of each view, in bytes; of a ramp, its value.
    private final long[] offsets;

    /// Of each view and axis: from one index, and from one part, to the next.
    private final long[][] steps;

    private final long[][] blockSteps;
    private final boolean[] ramps;
    private final long plane;
    private final long scratchBytes;

    /// @param views the grid's views; a target of which parts have copies is `copied[view]`, else null there
    Walk(Grid grid, View[] copied, LoopCompiler.Mode mode) {
        this.grid = grid;
        this.tile = grid.compiled.tile();
        this.targets = grid.targets.toArray(Target[]::new);
        long points = grid.tileRows * grid.tileLength;
        this.plane = grid.compiled.layout().plane(points);
        this.views = copied.length;
        this.sums = new BlockedSum[grid.blocked.size()];
        int all = views + 2 * sums.length;
        this.buffers = new int[all];
        this.offsets = new long[all];
        this.steps = new long[all][grid.rank()];
        this.blockSteps = new long[all][grid.rank()];
        this.ramps = new boolean[all];
        for (var instr : grid.nest.program().code())
            if (instr instanceof Instr.Ramp r) ramps[r.view()] = true;
        for (int v = 0; v < views; v++) place(v, view(v, copied), copied[v] != null);
        long bytes = grid.compiled.layout().bytes(points);
        for (int i = 0; i < sums.length; i++) {
            int v = grid.blocked.get(i).target().view();
            place(result(i), view(v, copied), copied[v] != null);
            sums[i] =
                    new BlockedSum(
                            grid,
                            grid.blocked.get(i),
                            view(v, copied).dtype(),
                            steps[result(i)],
                            mode);
            bytes = Math.max(bytes, sums[i].scratch());
        }
        for (int i = 0; i < sums.length; i++) {
            bytes = sums[i].place((bytes + Layout.PAD - 1) / Layout.PAD * Layout.PAD);
            inScratch(i);
        }
        this.scratchBytes = bytes;
    }

    private View view(int v, View[] copied) {
        return copied[v] != null ? copied[v] : grid.nest.views().get(v);
    }

    private int result(int sum) {
        return views + 2 * sum;
    }

    private int totals(int sum) {
        return views + 2 * sum + 1;
    }

    /// The code adds to the block of a blocked sum.
    private void inScratch(int i) {
        var sum = sums[i];
        int v = sum.view();
        buffers[v] = buffers[totals(i)] = SCRATCH;
        offsets[v] = sum.block();
        offsets[totals(i)] = sum.totals();
        for (int a = 0; a < grid.rank(); a++) {
            steps[v][a] = sum.blockStep(a);
            steps[totals(i)][a] = sum.totalStep(a);
            blockSteps[v][a] = 0;
        }
    }

    private void place(int v, View view, boolean copied) {
        int bytes = ramps[v] ? 1 : view.dtype().bytes();
        buffers[v] = view.buffer();
        offsets[v] = view.offset() * bytes;
        for (int a = 0; a < grid.rank(); a++) {
            steps[v][a] = view.strides()[a] * bytes;
            blockSteps[v][a] = grid.blocks[a] * steps[v][a];
        }
        if (!copied) return;
        // The strides of copies, one axis of the grid after the other, follow those of the
        // elements.
        for (int a = 0; a < grid.rank(); a++)
            if (view.strides()[grid.rank() + a] != 0)
                blockSteps[v][a] = view.strides()[grid.rank() + a] * bytes;
    }

    /// Runs one part.
    ///
    /// @param own the address of the run's own buffer
    void run(int part, long[] addresses, long own) {
        var s = Scratch.ofThread();
        s.reserve(buffers.length, grid.rank());
        long scratch = s.memory(scratchBytes);
        for (int v = 0; v < buffers.length; v++)
            s.bases[v] = offsets[v] + (ramps[v] ? 0 : start(buffers[v], addresses, own, scratch));
        long rest = part;
        for (int a = grid.rank() - 1; a >= 0; a--) {
            long block = rest % grid.counts[a];
            rest /= grid.counts[a];
            s.count[a] = Math.min(grid.blocks[a], grid.extents[a] - block * grid.blocks[a]);
            for (int v = 0; v < buffers.length; v++) s.bases[v] += block * blockSteps[v][a];
        }
        for (var target : targets) if (buffers[target.view()] != SCRATCH) clear(target, s);
        for (var sum : sums) sum.begin(scratch);
        walk(s, scratch);
        for (int i = 0; i < sums.length; i++) {
            int r = result(i);
            sums[i].store(s.sums(), scratch, s.bases[r], steps[r], s.count, s.at);
        }
    }

    private static long start(int buffer, long[] addresses, long own, long scratch) {
        return buffer == OWN ? own : buffer == SCRATCH ? scratch : addresses[buffer];
    }

    private void walk(Scratch s, long scratch) {
        long frame = s.frame();
        int inner = grid.inner();
        entry(frame, Tile.SCRATCH, scratch);
        entry(frame, Tile.PLANE, plane);
        for (int v = 0; v < views; v++) {
            int entry = Tile.VIEWS + Tile.VIEW * v;
            entry(frame, entry + Tile.ROW_STEP, inner > 0 ? steps[v][inner - 1] : 0);
            entry(frame, entry + Tile.STEP, steps[v][inner]);
        }
        for (int a = 0; a < inner; a++) s.at[a] = 0;
        do tiles(s, frame, scratch);
        while (advance(s, inner - 2, scratch));
    }

    /// The next index of axes 0 to `last`; false after the last one.
    private boolean advance(Scratch s, int last, long scratch) {
        for (int a = last; a >= 0; a--) {
            endBlocks(s, a, s.at[a], s.at[a] + 1, scratch);
            if (++s.at[a] < s.count[a]) {
                for (int v = 0; v < buffers.length; v++) s.bases[v] += steps[v][a];
                return true;
            }
            s.at[a] = 0;
            for (int v = 0; v < buffers.length; v++) s.bases[v] -= steps[v][a] * (s.count[a] - 1);
        }
        return false;
    }

    /// Closes the blocks that end with some steps along an axis.
    private void endBlocks(Scratch s, int axis, long from, long to, long scratch) {
        for (int i = 0; i < sums.length; i++)
            if (sums[i].ends(axis, from, to, s.count[axis]))
                sums[i].add(s.sums(), scratch, s.bases[totals(i)]);
    }

    /// All rows of the last two axes.
    private void tiles(Scratch s, long frame, long scratch) {
        int inner = grid.inner();
        long rows = inner > 0 ? s.count[inner - 1] : 1;
        long length = s.count[inner];
        for (long row = 0; row < rows; row += grid.tileRows) {
            entry(frame, Tile.ROWS, Math.min(grid.tileRows, rows - row));
            long point = 0;
            do {
                entry(frame, Tile.LENGTH, Math.min(grid.tileLength, length - point));
                for (int v = 0; v < views; v++) {
                    long rowStep = inner > 0 ? steps[v][inner - 1] : 0;
                    entry(
                            frame,
                            Tile.VIEWS + Tile.VIEW * v + Tile.ADDRESS,
                            s.bases[v] + row * rowStep + point * steps[v][inner]);
                }
                tile.run(frame);
                point += grid.tileLength;
            } while (point < length);
            if (inner > 0)
                endBlocks(s, inner - 1, row, Math.min(row + grid.tileRows, rows), scratch);
        }
    }

    private static void entry(long frame, int position, long value) {
        Memory.i64(frame + 8L * position, value);
    }

    /// Sets all elements that the part combines into to the neutral one.
    private void clear(Target target, Scratch s) {
        int v = target.view();
        var dtype = target.dtype().arithmetic();
        int last = grid.inner();
        while (last > 0 && steps[v][last] == 0) last--;
        long at = s.bases[v];
        long run = steps[v][last] == 0 ? 1 : s.count[last];
        for (int a = 0; a < last; a++) s.at[a] = 0;
        for (boolean more = true; more; ) {
            fill(target, dtype, at, steps[v][last], run);
            more = false;
            for (int a = last - 1; a >= 0 && !more; a--) {
                if (steps[v][a] == 0) continue;
                if (++s.at[a] < s.count[a]) {
                    at += steps[v][a];
                    more = true;
                } else {
                    s.at[a] = 0;
                    at -= steps[v][a] * (s.count[a] - 1);
                }
            }
        }
    }

    private static void fill(Target target, DType dtype, long at, long step, long count) {
        var kind = target.kind();
        boolean zeros =
                dtype.isFloating()
                        ? Double.doubleToRawLongBits(kind.identity()) == 0
                        : kind.identity(dtype) == 0;
        if (zeros && step == dtype.bytes() && count > 1) {
            Memory.zeros(at, count * step);
            return;
        }
        switch (dtype) {
            case F32 -> {
                float value = (float) kind.identity();
                for (long i = 0; i < count; i++) Memory.f32(at + i * step, value);
            }
            case F64 -> {
                for (long i = 0; i < count; i++) Memory.f64(at + i * step, kind.identity());
            }
            case I64 -> {
                for (long i = 0; i < count; i++) Memory.i64(at + i * step, kind.identity(dtype));
            }
            case I32 -> {
                for (long i = 0; i < count; i++)
                    Memory.i32(at + i * step, (int) kind.identity(dtype));
            }
            default -> {
                for (long i = 0; i < count; i++)
                    Memory.i8(at + i * step, (byte) kind.identity(dtype));
            }
        }
    }
}
