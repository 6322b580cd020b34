package dev.nacre.compile;

import dev.nacre.ir.Body;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Iteration;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/// A loop that is being rewritten: what it is given, its states, and the results that are wanted of it.
final class Draft {
    /// A leaf of the body and what the loop is given for it.
    static final class Given {
        final Node outer;
        Node leaf;

        Given(Node leaf, Node outer) {
            this.leaf = leaf;
            this.outer = outer;
        }
    }

    static final class State {
        final Node first;
        Node leaf;
        Node next;
        boolean lastWanted;
        boolean beforeWanted;
        Node last; // result, once there is one
        Node before;

        State(Node leaf, Node first) {
            this.leaf = leaf;
            this.first = first;
        }
    }

    static final class Output {
        Node value;
        Node stacked; // result, once there is one

        Output(Node value) {
            this.value = value;
        }
    }

    final long length;
    final boolean reverse;
    final List<Given> sequences = new ArrayList<>();
    final List<Given> constants = new ArrayList<>();
    final List<State> states = new ArrayList<>();
    final List<Output> outputs = new ArrayList<>();
    private Optional<Node> stop = Optional.empty();

    /// A loop of which no results are wanted yet.
    Draft(Iteration loop, List<Node> operands) {
        length = loop.length();
        reverse = loop.reverse();
        for (int i = 0; i < operands.size(); i++) {
            Node leaf = loop.body().inputs().get(i);
            int k = i - loop.sequences();
            if (k >= 0 && k < loop.states()) {
                states.add(new State(leaf, operands.get(i)));
                states.getLast().next = loop.next(k);
            } else {
                (k < 0 ? sequences : constants).add(new Given(leaf, operands.get(i)));
            }
        }
        stop = loop.stops() ? Optional.of(loop.stop()) : Optional.empty();
    }

    boolean stops() {
        return stop.isPresent();
    }

    /// An output with this value, of which there is one.
    Output output(Node value) {
        for (Output o : outputs) {
            if (o.value == value && o.stacked == null) {
                return o;
            }
        }
        outputs.add(new Output(value));
        return outputs.getLast();
    }

    /// Everything that the body computes.
    List<Node> roots() {
        List<Node> out = new ArrayList<>();
        states.forEach(s -> out.add(s.next));
        pending().forEach(o -> out.add(o.value));
        stop.ifPresent(out::add);
        return out;
    }

    /// Outputs that the loop has to compute.
    List<Output> pending() {
        return outputs.stream().filter(o -> o.stacked == null).toList();
    }

    Optional<Node> stop() {
        return stop;
    }

    /// Puts other expressions over the same leaves in place of everything that the body computes.
    void rewrite(UnaryOperator<List<Node>> f) {
        List<Node> now = f.apply(roots());
        Map<Source, Node> leaves = new IdentityHashMap<>();
        Graph.leaves(now).forEach(n -> leaves.put(source(n), n));
        int i = 0;
        for (State s : states) {
            s.next = now.get(i++);
            s.leaf = leaves.getOrDefault(source(s.leaf), s.leaf);
        }
        for (Output o : pending()) {
            o.value = now.get(i++);
        }
        if (stop.isPresent()) {
            stop = Optional.of(now.get(i));
        }
        for (List<Given> part : List.of(sequences, constants)) {
            part.forEach(g -> g.leaf = leaves.getOrDefault(source(g.leaf), g.leaf));
        }
    }

    private static Source source(Node leaf) {
        return ((Op.Leaf) leaf.op()).source();
    }

    /// Drops states, sequences and constants on which nothing depends that is wanted.
    void prune() {
        Set<Node> reached = Collections.newSetFromMap(new IdentityHashMap<>());
        List<Node> open = new ArrayList<>();
        pending().forEach(o -> open.add(o.value));
        stop.ifPresent(open::add);
        states.stream().filter(s -> s.lastWanted || s.beforeWanted).forEach(s -> open.add(s.leaf));
        while (!open.isEmpty()) {
            Node n = open.removeLast();
            if (reached.add(n)) {
                open.addAll(n.inputs());
                states.stream().filter(s -> s.leaf == n).forEach(s -> open.add(s.next));
            }
        }
        states.removeIf(s -> !reached.contains(s.leaf));
        sequences.removeIf(g -> !reached.contains(g.leaf));
        constants.removeIf(g -> !reached.contains(g.leaf));
    }

    /// Makes the loop and the nodes of the results that are wanted.
    void emit() {
        prune();
        List<Output> wanted = pending();
        if (states.isEmpty() && wanted.isEmpty()) {
            return;
        }
        List<Node> leaves = new ArrayList<>();
        List<Node> operands = new ArrayList<>();
        sequences.forEach(g -> add(g.leaf, g.outer, leaves, operands));
        states.forEach(s -> add(s.leaf, s.first, leaves, operands));
        constants.forEach(g -> add(g.leaf, g.outer, leaves, operands));
        Iteration loop =
                new Iteration(
                        Body.over(leaves, roots()),
                        sequences.size(),
                        states.size(),
                        length,
                        reverse,
                        stops());
        for (int k = 0; k < states.size(); k++) {
            State s = states.get(k);
            s.last = s.lastWanted ? Node.of(new Op.Scan(loop, loop.last(k)), operands) : null;
            s.before = s.beforeWanted ? Node.of(new Op.Scan(loop, loop.before(k)), operands) : null;
        }
        for (int k = 0; k < wanted.size(); k++) {
            wanted.get(k).stacked = Node.of(new Op.Scan(loop, loop.stacked(k)), operands);
        }
    }

    private static void add(Node leaf, Node outer, List<Node> leaves, List<Node> operands) {
        leaves.add(leaf);
        operands.add(outer);
    }
}
