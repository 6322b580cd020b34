package dev.nacre.cpu.loops;

import dev.nacre.compile.Loop;
import dev.nacre.compile.Memory;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.loops.Grid.Target;
import dev.nacre.type.DType;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// A loop made ready to run, any number of times and by any number of threads at once.
///
///     var runner = LoopRunner.of(loop);       // once per plan
///     var run = runner.newRun();              // once per frame: a place to run one call at a time in
///     run.run(addresses);                     // address of each buffer
///
/// The result does not depend on the number of threads, to the last bit. A run allocates nothing after its first time.
public final class LoopRunner {
    /// Work that is done before a team would have woken up.
    private static final long SMALL = 1 << 17;

    /// What threads run together; the next pass needs what this one has computed.
    private record Pass(List<Walk> walks, int[] firstParts, long work) {
        int parts() {
            return firstParts[walks.size()];
        }

        static Pass of(List<Walk> walks) {
            var firstParts = new int[walks.size() + 1];
            long work = 0;
            for (int i = 0; i < walks.size(); i++) {
                firstParts[i + 1] = Math.addExact(firstParts[i], walks.get(i).grid.parts());
                work += walks.get(i).grid.work();
            }
            return new Pass(List.copyOf(walks), firstParts, work);
        }

        void run(int part, long[] addresses, long own) {
            int low = 0;
            int high = walks.size() - 1;
            while (low < high) {
                int middle = (low + high + 1) >>> 1;
                if (firstParts[middle] <= part) low = middle;
                else high = middle - 1;
            }
            walks.get(low).run(part - firstParts[low], addresses, own);
        }
    }

    /// Who runs the parts of a pass: the team, or a test's stand-in.
    @FunctionalInterface
    interface Crew {
        void run(int parts, Team.Work work);
    }

    private final List<Pass> passes;
    private final long ownBytes;

    private LoopRunner(List<Pass> passes, long ownBytes) {
        this.passes = passes;
        this.ownBytes = ownBytes;
    }

    /// Compiles a loop. Programs that were compiled before are not compiled again.
    public static LoopRunner of(Loop loop) {
        return of(loop, LoopCompiler.mode());
    }

    static LoopRunner of(Loop loop, LoopCompiler.Mode mode) {
        return new Builder(mode).build(loop);
    }

    /// A place to run one call at a time in.
    public Run newRun() {
        return newRun((parts, work) -> Team.get().run(parts, work));
    }

    Run newRun(Crew crew) {
        return new Run(passes, ownBytes, crew);
    }

    /// One call in progress. Not thread-safe.
    public static final class Run implements Team.Work {
        private final List<Pass> passes;
        private final MemorySegment own;
        private final Crew crew;
        private Pass pass;
        private long[] addresses = {};

        private Run(List<Pass> passes, long ownBytes, Crew crew) {
            this.passes = passes;
            this.own = Memory.cleared(ownBytes);
            this.crew = crew;
            this.pass = Pass.of(List.of());
        }

        /// Runs the loop; `addresses[i]` is where buffer i begins. Returns when all is done.
        public void run(long[] addresses) {
            this.addresses = addresses;
            for (int i = 0; i < passes.size(); i++) {
                pass = passes.get(i);
                int parts = pass.parts();
                if (pass.work > SMALL) crew.run(parts, this);
                else for (int part = 0; part < parts; part++) run(part);
            }
            Reference.reachabilityFence(this); // it keeps its own memory alive
        }

        /// For the team.
        @Override
        public void run(int part) {
            pass.run(part, addresses, Memory.address(own));
        }
    }

    /// Finds the passes: the loop itself; then, where parts have copies of what they combine into, a loop that combines the
    /// copies, and so on.
    private static final class Builder {
        private final LoopCompiler.Mode mode;
        private List<Loop> next = new ArrayList<>();
        private long ownBytes;

        Builder(LoopCompiler.Mode mode) {
            this.mode = mode;
        }

        LoopRunner build(Loop loop) {
            var passes = new ArrayList<Pass>();
            next.add(loop);
            while (!next.isEmpty()) {
                var loops = next;
                next = new ArrayList<>();
                var walks = new ArrayList<Walk>();
                for (var each : loops)
                    for (var instance : each.instances()) add(each.program(), instance, walks);
                passes.add(Pass.of(walks));
            }
            return new LoopRunner(List.copyOf(passes), ownBytes);
        }

        private void add(Program program, Loop.Instance instance, List<Walk> walks) {
            var nest = Nest.of(program, instance).withWideSums();
            var grid = new Grid(nest, LoopCompiler.compile(nest.program(), mode));
            var copied = new View[nest.views().size()];
            for (var target : grid.targets)
                if (grid.parts() == 0) fill(grid, target);
                else if (grid.copies(target) > 1
                        || accumulator(target) != nest.views().get(target.view()).dtype())
                    copied[target.view()] = copies(grid, target);
            if (grid.parts() > 0) walks.add(new Walk(grid, copied, mode));
        }

        private static DType accumulator(Target target) {
            return target.dtype().arithmetic();
        }

        /// Gives each part its copy of a target, and leaves their combination to the next pass.
        private View copies(Grid grid, Target target) {
            int rank = grid.rank();
            var dtype = accumulator(target);
            var strides = new long[2 * rank];
            long elements = 1;
            for (int a = rank - 1; a >= 0; a--)
                if (!grid.combines(target, a)) {
                    strides[a] = elements;
                    elements *= grid.extents[a];
                }
            // A copy is whole cache lines, so that no two threads write to one.
            long step = (elements + 15) / 16 * 16;
            long copies = 1;
            for (int a = rank - 1; a >= 0; a--)
                if (grid.combines(target, a)) {
                    strides[rank + a] = copies * step;
                    copies *= grid.counts[a];
                }
            long offset = ownBytes / dtype.bytes();
            ownBytes += (copies * step * dtype.bytes() + 63) / 64 * 64;
            next.add(
                    combination(
                            grid,
                            target,
                            new View(Walk.OWN, dtype, offset, grid.extents, strides),
                            copies,
                            step));
            return new View(Walk.OWN, dtype, offset, grid.extents, strides);
        }

        /// The loop that makes a target of its copies.
        private static Loop combination(
                Grid grid, Target target, View own, long copies, long step) {
            var result = grid.nest.views().get(target.view());
            var kept =
                    IntStream.range(0, grid.rank())
                            .filter(a -> !grid.combines(target, a))
                            .toArray();
            // Copies come last where they are rows to fold, first where their elements are
            // neighbours.
            var fold = copies > 1 && result.strides()[grid.inner()] == 0;
            var from = new long[kept.length + 1];
            var to = new long[kept.length + 1];
            var extents = new long[kept.length + 1];
            from[fold ? kept.length : 0] = step;
            extents[fold ? kept.length : 0] = copies;
            for (int i = 0; i < kept.length; i++) {
                int axis = fold ? i : i + 1;
                from[axis] = own.strides()[kept[i]];
                to[axis] = result.strides()[kept[i]];
                extents[axis] = grid.extents[kept[i]];
            }
            var dtype = result.dtype();
            var load = new View(Walk.OWN, own.dtype(), own.offset(), extents, from);
            var views =
                    List.of(load, new View(result.buffer(), dtype, result.offset(), extents, to));
            var first = new Instr.Load(0, own.dtype());
            if (fold)
                return loop(
                        extents,
                        views,
                        first,
                        new Instr.RowFold(target.kind(), own.dtype(), 0),
                        new Instr.Convert(dtype, 1),
                        new Instr.Store(1, dtype, 2));
            if (copies > 1)
                return loop(
                        extents, views, first, new Instr.Accumulate(target.kind(), 1, dtype, 0));
            return loop(
                    extents,
                    views,
                    first,
                    new Instr.Convert(dtype, 0),
                    new Instr.Store(1, dtype, 1));
        }

        /// The result of combining nothing.
        private void fill(Grid grid, Target target) {
            var view = grid.nest.views().get(target.view());
            var extents = grid.extents.clone();
            for (int a = 0; a < extents.length; a++) if (grid.combines(target, a)) extents[a] = 1;
            var to = new View(view.buffer(), view.dtype(), view.offset(), extents, view.strides());
            var dtype = view.dtype();
            long bits =
                    dtype.isFloating()
                            ? Double.doubleToRawLongBits(target.kind().identity())
                            : target.kind().identity(dtype);
            next.add(
                    loop(
                            extents,
                            List.of(to),
                            new Instr.Literal(dtype, bits),
                            new Instr.Store(0, dtype, 0)));
        }

        private static Loop loop(long[] extents, List<View> views, Instr... code) {
            // The accesses are found anew from the strides.
            var accesses = views.stream().map(v -> Access.UNIFORM).toList();
            return new Loop(
                    new Program(List.of(code), accesses),
                    List.of(new Loop.Instance(extents, views)));
        }
    }
}
