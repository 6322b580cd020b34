package dev.nacre;

import dev.nacre.ir.Body;
import dev.nacre.ir.Graph;
import dev.nacre.ir.GraphKey;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.Paths;
import dev.nacre.ir.Recent;
import dev.nacre.ir.Replay;
import dev.nacre.ir.Symbol;
import dev.nacre.type.Precision;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

/// Gradients of losses by the structure of their graphs: a step like the one before is not differentiated again, but takes over that one's derivative as a [Body].
final class Derivatives {
    private static final int KEPT = 256;

    /// @param graph of the loss, without its numbers
    /// @param by the nodes differentiated by, by their places
    private record Key(GraphKey graph, List<Integer> by, Precision precision) {}

    /// @param numbers of the loss: a derivative may differ where they do
    /// @param derivative empty where numbers change from step to step
    private record Entry(List<Op> numbers, Optional<Derivative> derivative) {}

    /// @param body gives the gradients that there are
    /// @param arguments the places of the nodes that the derivative is computed from
    /// @param reached for each node differentiated by, whether a gradient reaches it
    /// @param outdated whether the loss's numbers have turned out to change from step to step
    private record Derivative(
            Body body, int[] arguments, boolean[] reached, AtomicBoolean outdated) {}

    private static final Map<Key, Entry> KNOWN = Collections.synchronizedMap(new Recent<>(KEPT));

    private Derivatives() {}

    /// The derivatives of a loss by some leaves; nothing by those that no gradient reaches.
    ///
    /// @param by picks the leaves among what the loss is computed from, as it was written down
    /// @param derive writes the derivatives down
    static Found of(
            Node loss,
            Function<Order, List<Node>> by,
            Function<List<Node>, List<Optional<Node>>> derive) {
        Replay replay = Replay.here();
        int number = replay.number(loss);
        Optional<Replay.Point> point =
                number < 0 ? Optional.empty() : replay.ask(Precision.current(), number);
        if (point.isPresent()
                && point.get().note().orElse(null) instanceof Repeated again
                && !again.derivative.outdated.get()) {
            return again.of(loss);
        }
        Order order = Graph.written(List.of(loss));
        List<Node> leaves = by.apply(order);
        Entry entry = entry(order, leaves, derive);
        if (entry.derivative.isEmpty()) {
            return new Found(leaves, derive.apply(leaves));
        }
        Derivative d = entry.derivative.get();
        Repeated repeated =
                new Repeated(
                        d,
                        Paths.of(order, d.arguments),
                        Paths.of(order, leaves.stream().mapToInt(order::indexOf).toArray()));
        point.ifPresent(p -> p.note(repeated, order.size()));
        return repeated.of(loss);
    }

    /// @param by leaves
    /// @param gradients by each of them
    record Found(List<Node> by, List<Optional<Node>> gradients) {}

    /// The derivative of all losses whose graphs have one structure and the same numbers.
    ///
    /// @param by the leaves differentiated by
    private record Repeated(Derivative derivative, Paths arguments, Paths by) {
        Found of(Node loss) {
            Iterator<Node> gradients =
                    derivative.body.applied(arguments.follow(_ -> loss)).iterator();
            List<Optional<Node>> out = new ArrayList<>(derivative.reached.length);
            for (boolean r : derivative.reached) {
                out.add(r ? Optional.of(gradients.next()) : Optional.empty());
            }
            return new Found(List.of(by.follow(_ -> loss)), out);
        }
    }

    private static Entry entry(
            Order order, List<Node> by, Function<List<Node>, List<Optional<Node>>> derive) {
        List<Integer> places = new ArrayList<>(by.size());
        for (Node n : by) {
            places.add(order.indexOf(n));
        }
        Key key = new Key(GraphKey.withoutNumbers(order), places, Precision.current());
        List<Op> numbers = numbers(order);
        Entry entry = KNOWN.get(key);
        if (entry == null) {
            entry =
                    derivesAnew(order)
                            ? new Entry(numbers, Optional.empty())
                            : new Entry(
                                    numbers,
                                    Optional.of(
                                            record(order, Replay.aside(() -> derive.apply(by)))));
            KNOWN.put(key, entry);
        } else if (entry.derivative.isPresent() && !entry.numbers.equals(numbers)) {
            entry.derivative.get().outdated.set(true);
            entry = new Entry(List.of(), Optional.empty());
            KNOWN.put(key, entry);
        }
        return entry;
    }

    private static List<Op> numbers(Order order) {
        List<Op> out = new ArrayList<>();
        for (int i = 0; i < order.size(); i++) {
            if (order.get(i).op() instanceof Op.Constant c && c.dtype().isFloating()) {
                out.add(c);
            }
        }
        return out;
    }

    /// Whether the derivative is the user's code somewhere.
    private static boolean derivesAnew(List<Node> order) {
        for (Node n : order) {
            List<Node> inside =
                    switch (n.op()) {
                        case Op.Fused f when f.what().derivesAnew() -> null;
                        case Op.Fused f -> f.body().outputs();
                        case Op.Scan s -> s.loop().body().outputs();
                        default -> List.of();
                    };
            if (inside == null || !inside.isEmpty() && derivesAnew(Graph.topological(inside))) {
                return true;
            }
        }
        return false;
    }

    private static Derivative record(Order order, List<Optional<Node>> found) {
        List<Node> gradients = found.stream().flatMap(Optional::stream).toList();
        boolean[] reached = new boolean[found.size()];
        for (int i = 0; i < reached.length; i++) {
            reached[i] = found.get(i).isPresent();
        }
        List<Node> captured = new ArrayList<>();
        for (Node n : Graph.topological(gradients, order::contains)) {
            if (order.contains(n)) {
                captured.add(n);
            }
        }
        List<Node> stands = captured.stream().map(n -> Symbol.node("captured", n.type())).toList();
        return new Derivative(
                Body.over(stands, Graph.substitute(gradients, captured, stands)),
                captured.stream().mapToInt(order::indexOf).toArray(),
                reached,
                new AtomicBoolean());
    }
}
