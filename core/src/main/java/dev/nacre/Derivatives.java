package dev.nacre;

import dev.nacre.ir.Body;
import dev.nacre.ir.Graph;
import dev.nacre.ir.GraphKey;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.Recent;
import dev.nacre.ir.Symbol;
import dev.nacre.type.Precision;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

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
    private record Derivative(Body body, int[] arguments, boolean[] reached) {}

    private static final Map<Key, Entry> KNOWN = Collections.synchronizedMap(new Recent<>(KEPT));

    private Derivatives() {}

    /// The derivatives of a loss; nothing by what no gradient reaches.
    ///
    /// @param order what the loss is computed from, as it was written down
    /// @param by nodes among those
    /// @param derive writes the derivatives down
    static List<Optional<Node>> of(
            Order order, List<Node> by, Supplier<List<Optional<Node>>> derive) {
        List<Integer> places = new ArrayList<>(by.size());
        for (Node n : by) {
            places.add(order.indexOf(n));
        }
        Key key = new Key(GraphKey.withoutNumbers(order), places, Precision.current());
        List<Op> numbers = numbers(order);
        Entry entry = KNOWN.get(key);
        if (entry == null) {
            List<Optional<Node>> gradients = derive.get();
            if (derivesAnew(order)) {
                KNOWN.put(key, new Entry(numbers, Optional.empty()));
                return gradients;
            }
            entry = new Entry(numbers, Optional.of(record(order, gradients)));
            KNOWN.put(key, entry);
        } else if (entry.derivative.isPresent() && !entry.numbers.equals(numbers)) {
            entry = new Entry(List.of(), Optional.empty());
            KNOWN.put(key, entry);
        }
        return entry.derivative.isPresent() ? applied(entry.derivative.get(), order) : derive.get();
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
                reached);
    }

    private static List<Optional<Node>> applied(Derivative d, Order order) {
        List<Node> arguments = new ArrayList<>(d.arguments.length);
        for (int place : d.arguments) {
            arguments.add(order.get(place));
        }
        Iterator<Node> gradients = d.body.applied(arguments).iterator();
        List<Optional<Node>> out = new ArrayList<>(d.reached.length);
        for (boolean r : d.reached) {
            out.add(r ? Optional.of(gradients.next()) : Optional.empty());
        }
        return out;
    }
}
