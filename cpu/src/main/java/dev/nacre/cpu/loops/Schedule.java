package dev.nacre.cpu.loops;

import dev.nacre.cpu.loops.Lowering.Sink;
import dev.nacre.cpu.loops.Value.Level;
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

/// The order in which a tile is computed: values of the tile, then, for each row, values of the row alternating with
/// steps along the row.
///
/// A new step begins after a fold, whose result is not known before, and where work changes between lanes: odd steps
/// are for the vector lane, even ones for the scalar lane, which can do everything. A value that a later step needs is
/// loaded or computed anew if that is cheap, else it waits in a scratch row, which is in the first-level cache as long as
/// rows are short.
///
/// Stores come last, so that no step loads what an earlier one has overwritten in place.
///
/// @param tile values that stay the same, operands first
/// @param rows values of each row; `rows.get(k)` can be computed after the first k entries of `steps`
/// @param rowSinks what is written once a row, at its end
/// @param scratch values that wait in scratch rows
record Schedule(List<Value> tile, List<List<Value>> rows, List<Step> steps, List<Sink> rowSinks, List<Value> scratch) {
    /// One loop along the row.
    ///
    /// @param compute values to compute or load, operands first
    /// @param restore values to read back from scratch
    /// @param save values of `compute` to write to scratch
    /// @param folds folds whose operand is among `compute` or `restore`
    record Step(
            int number,
            boolean vector,
            List<Value> compute,
            List<Value> restore,
            List<Value> save,
            List<Value> folds,
            List<Sink> sinks) {}

    private static final Comparator<Value> OPERANDS_FIRST = Comparator.comparingInt(v -> v.id);

    /// All in the scalar lane.
    static Schedule scalar(List<Sink> sinks) {
        return new Planner(sinks, v -> false, view -> false, true).plan();
    }

    /// In the vector lane what can be.
    ///
    /// @param vectors whether a value has a vector form
    /// @param strided whether a view is strided along the row
    static Schedule vector(List<Sink> sinks, Predicate<Value> vectors, IntPredicate strided) {
        return new Planner(sinks, vectors, strided, false).plan();
    }

    private static final class Planner {
        /// Recomputing this many operations costs about as much as a scratch row's store and load.
        private static final int CHEAP = 2;

        private final List<Sink> sinks;
        private final Predicate<Value> vectors;
        private final IntPredicate strided;
        private final boolean allScalar;
        private final TreeSet<Value> reachable = new TreeSet<>(OPERANDS_FIRST);
        /// Of a point: the first step that can compute it. Of a row value: the first step that can use it.
        private final Map<Value, Integer> earliest = new HashMap<>();
        private final TreeMap<Integer, Draft> drafts = new TreeMap<>();
        private int firstStore = Integer.MAX_VALUE;

        /// A step in the making.
        private static final class Draft {
            final Set<Value> compute = new TreeSet<>(OPERANDS_FIRST);
            final Set<Value> restore = new TreeSet<>(OPERANDS_FIRST);
            final Set<Value> save = new TreeSet<>(OPERANDS_FIRST);
            final Set<Value> folds = new LinkedHashSet<>();
            final List<Sink> sinks = new ArrayList<>();
        }

        Planner(List<Sink> sinks, Predicate<Value> vectors, IntPredicate strided, boolean allScalar) {
            this.sinks = sinks;
            this.vectors = vectors;
            this.strided = strided;
            this.allScalar = allScalar;
        }

        Schedule plan() {
            reach();
            for (var v : reachable) earliest.put(v, earliest(v));
            placeRoots();
            for (Integer step = lastStep(); step != null; step = drafts.lowerKey(step)) fill(step);
            drafts.values().removeIf(d -> d.compute.isEmpty() && d.restore.isEmpty() && d.sinks.isEmpty());
            return assemble();
        }

        private Integer lastStep() {
            return drafts.isEmpty() ? null : drafts.lastKey();
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
            return inLane(step, vectors.test(v));
        }

        private static int inLane(int step, boolean vector) {
            return step + ((step & 1) == (vector ? 1 : 0) ? 0 : 1);
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
            for (var sink : sinks) if (sink.point()) last = Math.max(last, earliest.get(sink.value()));
            for (var v : reachable)
                if (v.prim == Prim.FOLD) {
                    int step = foldStep(v);
                    draft(step).folds.add(v);
                    last = Math.max(last, step);
                } else if (v.isPoint()) last = Math.max(last, earliest.get(v));
            for (var sink : sinks)
                if (sink.point()) {
                    var accumulate = sink.kind().isPresent();
                    int step = inLane(accumulate ? earliest.get(sink.value()) : last, storesVector(sink));
                    draft(step).sinks.add(sink);
                    if (!accumulate) firstStore = Math.min(firstStore, step);
                }
        }

        private int foldStep(Value fold) {
            var operand = fold.args.getFirst();
            int step = earliest.get(operand);
            return isFree(operand) ? inLane(step, vectors.test(fold)) : step;
        }

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
                if (!v.isPoint() || draft.compute.contains(v) || draft.restore.contains(v)) continue;
                if (mayCompute(step, v)) {
                    draft.compute.add(v);
                    stack.addAll(v.args);
                } else {
                    draft.restore.add(v);
                    // Steps are filled last to first, so that one is still open.
                    draft(homeOf(v)).save.add(v);
                }
            }
        }

        private boolean mayCompute(int step, Value v) {
            if (v.prim == Prim.LOAD && step > firstStore) return false;
            return isFree(v) || earliest.get(v) == step || isCheap(v);
        }

        /// The step that saves the value for later ones.
        private int homeOf(Value v) {
            return isFree(v) ? firstStore : earliest.get(v);
        }

        private boolean isCheap(Value v) {
            return cost(v, new HashSet<>()) <= CHEAP;
        }

        /// Operations to compute a point from loads; stops counting when it is clear that they are too many.
        private int cost(Value v, Set<Value> seen) {
            if (!v.isPoint() || isFree(v) || !seen.add(v)) return 0;
            int sum = vectors.test(v) ? 1 : CHEAP + 1;
            for (var arg : v.args) if (sum <= CHEAP) sum += cost(arg, seen);
            return sum;
        }

        private Schedule assemble() {
            var numbers = new ArrayList<>(drafts.keySet());
            var tile = new ArrayList<Value>();
            var rows = new ArrayList<List<Value>>();
            for (int k = 0; k <= numbers.size(); k++) rows.add(new ArrayList<>());
            for (var v : reachable)
                if (v.level == Level.TILE) tile.add(v);
                else if (v.level == Level.ROW && v.prim != Prim.FOLD) {
                    // After every step whose folds it needs, that is, every step before its earliest.
                    int k = 0;
                    while (k < numbers.size() && numbers.get(k) < earliest.get(v)) k++;
                    rows.get(k).add(v);
                }
            var steps = new ArrayList<Step>();
            var scratch = new LinkedHashSet<Value>();
            drafts.forEach(
                    (number, d) -> {
                        scratch.addAll(d.save);
                        steps.add(
                                new Step(
                                        number,
                                        (number & 1) == 1,
                                        List.copyOf(d.compute),
                                        List.copyOf(d.restore),
                                        List.copyOf(d.save),
                                        List.copyOf(d.folds),
                                        List.copyOf(d.sinks)));
                    });
            var rowSinks = sinks.stream().filter(s -> !s.point()).toList();
            for (var sink : rowSinks)
                if (sink.value().isPoint())
                    throw new IllegalArgumentException("view " + sink.view() + " holds one element a row, not " + sink.value());
            return new Schedule(tile, rows, steps, rowSinks, List.copyOf(scratch));
        }
    }

}
