package dev.nacre.compile;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// Has a composite's kernel write a result where a loop would only copy it to: heads side by side, the gradients of a projection's parts into that of the whole.
///
/// ```
/// before   attention(…) → b5 [8, 6, 256, 64]; copy b5 → b6 [8, 256, 6, 64]
/// after    attention(…) → b6, with strides [98304, 64, 384, 1]
/// ```
///
/// Others that read the result find it there too. Products are left alone: libraries write batches that lie one inside the other slowly, or not at all.
final class Placing {
    private final List<Kernel> kernels;
    private final int leaves;
    private final Set<Integer> results = new HashSet<>();
    private final Map<Integer, Integer> makers =
            new HashMap<>(); // buffer → the kernel that writes it; −1: several

    private Placing(Scheduler.Schedule s, int leaves) {
        this.kernels = new ArrayList<>(s.kernels());
        this.leaves = leaves;
        s.roots().forEach(v -> results.add(v.buffer()));
        findMakers();
    }

    private void findMakers() {
        makers.clear();
        for (int i = 0; i < kernels.size(); i++) {
            for (View v : kernels.get(i).writes()) {
                int at = i;
                makers.merge(v.buffer(), i, (before, _) -> before == at ? at : -1);
            }
        }
    }

    /// @param leaves how many buffers, the first ones, are given from outside
    static Scheduler.Schedule run(Scheduler.Schedule s, int leaves) {
        Placing pass = new Placing(s, leaves);
        for (int i = 0; i < pass.kernels.size(); i++) {
            if (pass.kernels.get(i) instanceof Loop loop && pass.dissolves(loop, i)) {
                pass.kernels.remove(i--);
                pass.findMakers();
            }
        }
        return new Scheduler.Schedule(s.leaves(), s.buffers(), pass.kernels, s.roots());
    }

    /// Whether the loop was a copy, and what it copied is now written where it would have.
    private boolean dissolves(Loop loop, int at) {
        if (!loop.isCopy()) {
            return false;
        }
        View from = loop.reads().getFirst();
        View to = loop.writes().getFirst();
        int maker = maker(from.buffer(), at);
        if (maker < 0 || to.buffer() < leaves || isTouched(to.buffer(), maker, at)) {
            return false;
        }
        Optional<Move> move =
                ((Kernel.Call) kernels.get(maker))
                        .out().stream()
                                .filter(v -> v.buffer() == from.buffer())
                                .findFirst()
                                .flatMap(made -> Move.of(made, from, to));
        if (move.isEmpty()) {
            return false;
        }
        List<Kernel> moved = new ArrayList<>();
        for (Kernel k : kernels) {
            Optional<Kernel> there = k == loop ? Optional.of(k) : move.get().of(k);
            if (there.isEmpty()) {
                return false;
            }
            moved.add(there.get());
        }
        kernels.clear();
        kernels.addAll(moved);
        return true;
    }

    /// The composite's kernel that makes a buffer alone, before a step; −1 if there is none.
    private int maker(int buffer, int before) {
        int maker = makers.getOrDefault(buffer, -1);
        boolean alone =
                maker >= 0
                        && maker <= before
                        && kernels.get(maker) instanceof Kernel.Call
                        && !results.contains(buffer);
        return alone ? maker : -1;
    }

    /// Whether the maker reads a buffer, or anybody between it and the copy has to do with it.
    private boolean isTouched(int buffer, int maker, int copy) {
        boolean reads = kernels.get(maker).reads().stream().anyMatch(v -> v.buffer() == buffer);
        return reads
                || kernels.subList(maker + 1, copy).stream()
                        .flatMap(k -> Stream.concat(k.reads().stream(), k.writes().stream()))
                        .anyMatch(v -> v.buffer() == buffer);
    }

    /// From one place to another.
    ///
    /// @param made the whole of a buffer, as it is written
    /// @param strides where it goes, by its axes
    private record Move(View made, View to, long[] strides) {
        /// What a copy does, if each axis of what was made is one of its own, and rows stay rows of neighbours.
        static Optional<Move> of(View made, View from, View to) {
            if (!made.isDense() || made.offset() != 0 || from.count() != made.count()) {
                return Optional.empty();
            }
            return new Move(from, to, to.strides())
                    .strides(made)
                    .filter(strides -> strides.length > 0 && strides[strides.length - 1] == 1)
                    .map(strides -> new Move(made, to, strides));
        }

        /// The strides that a view on the old place has on the new one.
        private Optional<long[]> strides(View v) {
            long[] out = new long[v.rank()];
            for (int i = 0; i < out.length; i++) {
                int axis = 0;
                while (axis < made.rank()
                        && (made.sizes()[axis] != v.sizes()[i]
                                || made.strides()[axis] != v.strides()[i])) {
                    axis++;
                }
                if (axis == made.rank() && v.sizes()[i] != 1) {
                    return Optional.empty();
                }
                out[i] = v.sizes()[i] == 1 ? 1 : strides[axis];
            }
            return v.offset() == made.offset() ? Optional.of(out) : Optional.empty();
        }

        private Optional<View> of(View v) {
            return strides(v).map(s -> new View(to.buffer(), v.dtype(), to.offset(), v.sizes(), s));
        }

        /// A kernel with all its views of the old place on the new one; empty if it cannot have them.
        Optional<Kernel> of(Kernel k) {
            List<View> views =
                    Stream.concat(k.reads().stream(), k.writes().stream())
                            .filter(v -> v.buffer() == made.buffer())
                            .toList();
            if (views.isEmpty()) {
                return Optional.of(k);
            }
            if (!views.stream().allMatch(v -> of(v).filter(x -> takes(k, x)).isPresent())) {
                return Optional.empty();
            }
            Kernel moved = k.map(v -> v.buffer() == made.buffer() ? of(v).orElseThrow() : v);
            return Optional.of(moved instanceof Loop loop ? loop.withAccesses() : moved);
        }

        private static boolean takes(Kernel k, View v) {
            return switch (k) {
                case Kernel.Call _, Kernel.Indexed _, Kernel.Ordered _, Kernel.Convolution _ ->
                        true;
                case Loop loop -> loop.instances().size() == 1;
                case Kernel.Contraction _ ->
                        v.rank() >= 2
                                && (v.strides()[v.rank() - 1] == 1
                                        || v.strides()[v.rank() - 2] == 1);
                case Kernel.Random _, Repeat _, Kernel.Pack _, Kernel.Packed _ -> false;
            };
        }
    }
}
