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

    /// `meaning` applied to the arguments, to be recomputed when differentiated: all its results. What it captures from outside gets its gradients too.
    public static List<Node> of(
            List<Node> arguments, java.util.function.Function<List<Node>, List<Node>> meaning) {
        Body.Closure c = Body.closure(arguments, meaning);
        List<Node> all = new ArrayList<>(arguments);
        all.addAll(c.captured());
        Checkpoint what = new Checkpoint(c.body().key());
        List<Node> out = new ArrayList<>();
        for (int i = 0; i < c.body().outputs().size(); i++) {
            out.add(Node.of(new Op.Fused(what, c.body(), i), all));
        }
        return out;
    }
}
