package dev.nacre.cpu.loops;

import dev.nacre.compile.loop.Lowering.Sink;
import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.compile.loop.Value.Level;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/// The order in which a tile is computed: step by step, each over all points of the tile.
///
/// A new step begins after a fold, whose result is not known before, and where work changes between lanes: odd steps
/// are for the vector lane, even ones for the scalar lane, which can do everything. A value of a point that a later step
/// needs is loaded or computed anew if that is cheap, else it waits in a scratch plane; a value of a row waits in a slot.
/// Tiles are small enough for all that to stay in the first caches.
///
/// Stores come last, so that no step loads what an earlier one has overwritten in place.
///
/// @param steps at least one
/// @param planes values of points that wait
/// @param slots values of rows that wait
record Schedule(List<Step> steps, List<Value> planes, List<Value> slots) {
    /// One pass over the tile, row by row. All lists have operands first.
    ///
    /// @param vector whether points are computed in vectors
    /// @param tile values that stay the same
    /// @param restoreRow values of the row to read from their slots
    /// @param before values of the row to compute before its points
    /// @param restore values of points to read back from their planes
    /// @param compute values of points to compute or load
    /// @param save values of `compute` to write to their planes
    /// @param folds folds whose operand is among `compute` or `restore`
    /// @param sinks where values of points go
    /// @param after values of the row to compute after its points
    /// @param saveRow values of the row to write to their slots
    /// @param rowSinks where values of the row go
    record Step(
            boolean vector,
            List<Value> tile,
            List<Value> restoreRow,
            List<Value> before,
            List<Value> restore,
            List<Value> compute,
            List<Value> save,
            List<Value> folds,
            List<Sink> sinks,
            List<Value> after,
            List<Value> saveRow,
            List<Sink> rowSinks) {}

    /// All in the scalar lane.
    static Schedule scalar(List<Sink> sinks) {
        return new Planner(sinks, v -> false, view -> false, true, LARGE).plan();
    }

    /// In the vector lane what can be.
    ///
    /// @param vectors whether a value has a vector form
    /// @param strided whether a view is strided along the row
    static Schedule vector(List<Sink> sinks, Predicate<Value> vectors, IntPredicate strided) {
        return new Planner(sinks, vectors, strided, false, LARGE).plan();
    }

    /// In machine code, which knows vectors only.
    static Schedule machine(List<Sink> sinks) {
        return new Planner(sinks, v -> true, view -> false, false, Integer.MAX_VALUE).plan();
    }

    /// Operations in a step of bytecode. The JVM does not compile methods of more than 8000 bytes.
    private static final int LARGE = 180;

    private static final Comparator<Value> OPERANDS_FIRST = Comparator.comparingInt(v -> v.id);

    private static Set<Value> ordered() {
        return new TreeSet<>(OPERANDS_FIRST);
    }

    /// A step in the making.
    private static final class Draft {
        final Set<Value> tile = ordered();
        final Set<Value> restoreRow = ordered();
        final Set<Value> before = ordered();
        final Set<Value> restore = ordered();
        final Set<Value> compute = ordered();
        final Set<Value> save = ordered();
        final Set<Value> folds = ordered();
        final List<Sink> sinks = new ArrayList<>();
        final Set<Value> after = ordered();
        final Set<Value> saveRow = ordered();
        final List<Sink> rowSinks = new ArrayList<>();

        boolean isEmpty() {
            return compute.isEmpty() && restore.isEmpty() && sinks.isEmpty() && rowSinks.isEmpty();
        }

        Step step(int number) {
            return new Step(
                    isVector(number),
                    List.copyOf(tile),
                    List.copyOf(restoreRow),
                    List.copyOf(before),
                    List.copyOf(restore),
                    List.copyOf(compute),
                    List.copyOf(save),
                    List.copyOf(folds),
                    List.copyOf(sinks),
                    List.copyOf(after),
                    List.copyOf(saveRow),
                    List.copyOf(rowSinks));
        }
    }

    private static boolean isVector(int step) {
        return (step & 1) == 1;
    }

    private static final class Planner {
        /// Recomputing this many operations costs about as much as a plane's store and load.
        private static final int CHEAP = 2;

        private final List<Sink> sinks;
        private final Predicate<Value> vectors;
        private final IntPredicate strided;
        private final boolean allScalar;
        private final int most;
        private final Set<Value> reachable = ordered();

        /// Of a point: the first step that can compute it. Of a row value: the first step whose points can use it.
        private final Map<Value, Integer> earliest = new HashMap<>();

        private final Map<Integer, Integer> sizes = new HashMap<>();
        private final TreeMap<Integer, Draft> drafts = new TreeMap<>();
        private int firstStore = Integer.MAX_VALUE;

        Planner(
                List<Sink> sinks,
                Predicate<Value> vectors,
                IntPredicate strided,
                boolean allScalar,
                int most) {
            this.sinks = sinks;
            this.vectors = vectors;
            this.strided = strided;
            this.allScalar = allScalar;
            this.most = most;
        }

        Schedule plan() {
            reach();
            for (var v : reachable) earliest.put(v, earliest(v));
            placeRoots();
            for (Integer step = drafts.lastKey(); step != null; step = drafts.lowerKey(step))
                fill(step);
            drafts.values().removeIf(Draft::isEmpty);
            if (drafts.isEmpty()) draft(0);
            placeRows();
            var steps = new ArrayList<Step>();
            var planes = new LinkedHashSet<Value>();
            var slots = new LinkedHashSet<Value>();
            drafts.forEach((number, draft) -> {
                steps.add(draft.step(number));
                planes.addAll(draft.save);
                slots.addAll(draft.saveRow);
            });
            return new Schedule(steps, List.copyOf(planes), List.copyOf(slots));
        }

        private void reach() {
            var stack = new ArrayList<Value>();
            for (var sink : sinks) stack.add(sink.value());
            while (!stack.isEmpty()) {
                var v = stack.removeLast();
                if (reachable.add(v)) stack.addAll(v.args);
            }
        }

        /// A load or ramp that any step may repeat.
        private boolean isFree(Value v) {
            return v.prim == Prim.RAMP || v.prim == Prim.LOAD && (vectors.test(v) || allScalar);
        }

        private int earliest(Value v) {
            if (v.prim == Prim.FOLD) return foldStep(v) + 1;
            int step = 0;
            for (var arg : v.args) step = Math.max(step, earliest.get(arg));
            if (!v.isPoint() || isFree(v)) return step;
            step = inLane(step, vectors.test(v));
            while (sizes.merge(step, 1, Integer::sum) > most) step += 2;
            return step;
        }

        private static int inLane(int step, boolean vector) {
            return isVector(step) == vector ? step : step + 1;
        }

        private Draft draft(int step) {
            return drafts.computeIfAbsent(step, s -> new Draft());
        }

        private boolean storesVector(Sink sink) {
            return !allScalar && !strided.test(sink.view());
        }

        /// Gives each fold and each sink its step.
        private void placeRoots() {
            int last = 0;
            for (var sink : sinks)
                if (sink.point()) last = Math.max(last, earliest.get(sink.value()));
            for (var v : reachable)
                if (v.prim == Prim.FOLD) {
                    draft(foldStep(v)).folds.add(v);
                    last = Math.max(last, foldStep(v));
                } else if (v.isPoint()) last = Math.max(last, earliest.get(v));
            for (var sink : sinks)
                if (sink.point()) {
                    var accumulate = sink.kind().isPresent();
                    int step =
                            inLane(
                                    accumulate ? earliest.get(sink.value()) : last,
                                    storesVector(sink));
                    draft(step).sinks.add(sink);
                    if (!accumulate) firstStore = Math.min(firstStore, step);
                } else if (sink.value().isPoint())
                    throw new IllegalArgumentException(
                            "view " + sink.view() + " has no place for each point");
            draft(drafts.isEmpty() ? 0 : drafts.lastKey());
        }

        private int foldStep(Value fold) {
            var operand = fold.args.getFirst();
            int step = earliest.get(operand);
            return isFree(operand) ? inLane(step, vectors.test(fold)) : step;
        }

        // -------------------------------------------------------------------------------------
        // points

        /// Lists what a step must compute; what it needs of earlier steps is listed there to be saved.
        private void fill(int step) {
            var draft = drafts.get(step);
            for (var fold : draft.folds) need(step, draft, fold.args.getFirst());
            for (var sink : draft.sinks) need(step, draft, sink.value());
            for (var saved : draft.save) need(step, draft, saved);
        }

        private void need(int step, Draft draft, Value root) {
            var stack = new ArrayList<>(List.of(root));
            while (!stack.isEmpty()) {
                var v = stack.removeLast();
                if (!v.isPoint() || draft.compute.contains(v) || draft.restore.contains(v))
                    continue;
                if (mayCompute(step, v)) {
                    draft.compute.add(v);
                    stack.addAll(v.args);
                } else {
                    draft.restore.add(v);
                    // Steps are filled last to first, so that one is still open.
                    draft(isFree(v) ? firstStore : earliest.get(v)).save.add(v);
                }
            }
        }

        private boolean mayCompute(int step, Value v) {
            if (v.prim == Prim.LOAD && step > firstStore) return false;
            return isFree(v) || earliest.get(v) == step || isCheap(v);
        }

        private boolean isCheap(Value v) {
            return cost(v, new HashSet<>()) <= CHEAP;
        }

        /// Operations to compute a point from loads; stops counting when it is clear that they are too many.
        private int cost(Value v, Set<Value> seen) {
            if (!v.isPoint() || isFree(v) || !seen.add(v)) return 0;
            boolean call = v.prim == Prim.CALL1 || v.prim == Prim.CALL2;
            int sum = !call && (vectors.test(v) || allScalar) ? 1 : CHEAP + 1;
            for (var arg : v.args) if (sum <= CHEAP) sum += cost(arg, seen);
            return sum;
        }

        // ---------------------------------------------------------------------------------------
        // rows

        /// Gives each value of a row to the first step that needs it, and lists values of the tile where they are used.
        private void placeRows() {
            var homes = new HashMap<Value, Draft>();
            for (var draft : drafts.values()) {
                for (var v : draft.compute)
                    for (var arg : v.args) needRow(draft, draft.before, arg, homes);
                for (var sink : draft.sinks) needRow(draft, draft.before, sink.value(), homes);
                for (var fold : draft.folds) homes.put(fold, draft);
            }
            var last = drafts.lastEntry().getValue();
            for (var sink : sinks)
                if (!sink.point()) {
                    last.rowSinks.add(sink);
                    needRow(last, last.after, sink.value(), homes);
                }
        }

        private static void needRow(
                Draft draft, Set<Value> list, Value root, Map<Value, Draft> homes) {
            var stack = new ArrayList<>(List.of(root));
            while (!stack.isEmpty()) {
                var v = stack.removeLast();
                if (v.isPoint()) continue;
                if (v.level == Level.TILE) {
                    if (draft.tile.add(v)) stack.addAll(v.args);
                    continue;
                }
                var home = v.prim == Prim.LOAD || v.prim == Prim.RAMP ? draft : homes.get(v);
                if (home == null) homes.put(v, home = draft);
                if (home != draft) {
                    home.saveRow.add(v);
                    draft.restoreRow.add(v);
                } else if (v.prim != Prim.FOLD && !draft.before.contains(v) && list.add(v))
                    stack.addAll(v.args);
            }
        }
    }
}
