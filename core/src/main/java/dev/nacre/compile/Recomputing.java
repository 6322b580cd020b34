package dev.nacre.compile;

import dev.nacre.compile.Group.Ref;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// A value that another loop computes from what lies in memory is computed again where it is wanted, if that reads no more than the value itself: less is written, and less is kept
/// from a forward pass to the backward pass. Normalisation's gradient needs x and two numbers a row, not what was made of them. See docs/decisions/018.
final class Recomputing {
    private final Scheduler scheduler;

    Recomputing(Scheduler scheduler) {
        this.scheduler = scheduler;
    }

    /// Whether a value of one loop can be computed again in a later one.
    boolean mayCompute(Node value, Group from, Group to) {
        if (to.computes(value)) {
            return true;
        }
        boolean perElement = from.inner(value.shape()) == 1;
        if (!perElement || scheduler.isStored(value) || from.step >= to.step) {
            return false;
        }
        Set<View> fresh = new HashSet<>();
        Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        ArrayDeque<Node> open = new ArrayDeque<>(List.of(value));
        int size = 0;
        while (!open.isEmpty()) {
            Node n = open.pop();
            if (!seen.add(n) || to.computes(n)) {
                continue;
            }
            if (n.op() instanceof Op.Reduce || to.inner(n.shape()) != 1) {
                return false;
            }
            size += LoopSize.of(n);
            for (Ref r : from.operands(n)) {
                switch (r) {
                    case Ref.Literal _ -> {}
                    case Ref.Computed c when from.inner(c.node().shape()) != 1 -> {
                        if (rows(c.node(), from, n, Scheduler.RAMP)
                                .filter(v -> to.fits(v, 1))
                                .isEmpty()) {
                            return false;
                        }
                    }
                    case Ref.Computed c -> open.push(c.node());
                    case Ref.Loaded l -> {
                        boolean given = scheduler.isGiven(l.view().buffer());
                        if (given || l.inner() != 1 || !to.fits(l.view(), 1)) {
                            return false;
                        }
                        if (isWhole(l.view()) && !to.loads(l.view())) {
                            fresh.add(l.view());
                        }
                    }
                }
            }
        }
        long bytes = fresh.stream().mapToLong(v -> v.dtype().bytes()).sum();
        return bytes <= value.dtype().bytes() && to.weight() + size <= LoopSize.LIMIT / 2;
    }

    /// Puts a value of one loop, and what it is computed from, into another.
    void compute(Node value, Group from, Group to) {
        if (to.computes(value)) {
            return;
        }
        List<Ref> operands = new ArrayList<>();
        for (Ref r : from.operands(value)) {
            operands.add(
                    switch (r) {
                        case Ref.Computed c when from.inner(c.node().shape()) != 1 -> {
                            Scheduler.Place.Located at =
                                    scheduler.write(
                                            c.node(),
                                            new Scheduler.Place.InLoop(
                                                    from, c.node(), from.inner(c.node().shape())));
                            yield new Ref.Loaded(
                                    rows(c.node(), from, value, at.view().buffer()).orElseThrow(),
                                    1);
                        }
                        case Ref.Computed c -> {
                            compute(c.node(), from, to);
                            yield c;
                        }
                        default -> r;
                    });
        }
        to.compute(value, operands, 1);
    }

    /// A value per row as it is seen at the elements of a node.
    private Optional<View> rows(Node row, Group from, Node elements, int buffer) {
        return Scheduler.viewOf(elements.shape(), new Scheduler.Place.InLoop(from, row, 1), buffer);
    }

    /// Whether a view has an element of its own for every point.
    private static boolean isWhole(View v) {
        long own = 1;
        for (int i = 0; i < v.rank(); i++) {
            own *= v.strides()[i] == 0 ? 1 : v.sizes()[i];
        }
        return 2 * own > v.count();
    }
}
