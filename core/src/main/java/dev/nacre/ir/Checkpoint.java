package dev.nacre.ir;

import java.util.ArrayList;
import java.util.List;

/// A part of a graph whose intermediate values are not kept for the derivative but computed again (Chen et al. 2016: training with sublinear memory). Equal by
/// what it computes.
///
/// @param structure what it computes
public record Checkpoint(GraphKey structure) implements Composite {
    @Override
    public String name() {
        return "checkpoint";
    }

    @Override
    public boolean recomputes() {
        return true;
    }

    /// `meaning` applied to the arguments, to be recomputed when differentiated. What it captures from outside gets its gradients too.
    public static Node of(
            List<Node> arguments, java.util.function.Function<List<Node>, Node> meaning) {
        Body.Closure c = Body.closure(arguments, in -> List.of(meaning.apply(in)));
        List<Node> all = new ArrayList<>(arguments);
        all.addAll(c.captured());
        return Node.of(new Op.Fused(new Checkpoint(GraphKey.of(c.body())), c.body(), 0), all);
    }
}
