package dev.nacre.reference;

import dev.nacre.ir.Iteration;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Span;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// What a scan means.
final class Loops {
    private Loops() {}

    /// All results of a loop, by number.
    static List<Array> scan(Iteration loop, List<Array> in, Function<Source, Array> outer) {
        int length = Math.toIntExact(loop.length());
        List<Array> states =
                new ArrayList<>(in.subList(loop.sequences(), loop.sequences() + loop.states()));
        List<List<Array>> stacked = new ArrayList<>();
        List<TensorType> types = new ArrayList<>();
        for (int k = 0; k < loop.outputs() + loop.states(); k++) {
            Node n = k < loop.outputs() ? loop.output(k) : loop.state(k - loop.outputs());
            types.add(n.type());
            stacked.add(new ArrayList<>(Collections.nCopies(length, zeros(n.type()))));
        }
        boolean going = true;
        for (int step = 0; step < length && going; step++) {
            int t = loop.reverse() ? length - 1 - step : step;
            List<Array> arguments = new ArrayList<>();
            for (int i = 0; i < loop.sequences(); i++) {
                arguments.add(element(in.get(i), t));
            }
            arguments.addAll(states);
            arguments.addAll(in.subList(arguments.size(), in.size()));
            List<Array> out = body(loop, arguments, outer);
            for (int k = 0; k < loop.outputs(); k++) {
                stacked.get(k).set(t, out.get(loop.states() + k));
            }
            for (int k = 0; k < loop.states(); k++) {
                stacked.get(loop.outputs() + k).set(t, states.get(k));
                states.set(k, out.get(k));
            }
            going = !loop.stops() || out.getLast().whole(0) == 0;
        }
        List<Array> results = new ArrayList<>(states);
        for (int k = 0; k < types.size(); k++) {
            results.add(stack(types.get(k), stacked.get(k)));
        }
        return results;
    }

    private static List<Array> body(
            Iteration loop, List<Array> arguments, Function<Source, Array> outer) {
        Map<Source, Array> values = new IdentityHashMap<>();
        for (int i = 0; i < arguments.size(); i++) {
            values.put(((Op.Leaf) loop.body().inputs().get(i).op()).source(), arguments.get(i));
        }
        return Interpreter.evaluate(
                loop.body().outputs(), s -> values.containsKey(s) ? values.get(s) : outer.apply(s));
    }

    private static Array zeros(TensorType type) {
        return Array.of(type, new double[Math.toIntExact(type.shape().count())]);
    }

    private static Array element(Array x, int t) {
        List<Span> spans = new ArrayList<>();
        spans.add(new Span(t, 1, 1));
        for (int a = 1; a < x.shape().rank(); a++) {
            spans.add(Span.all(x.shape().size(a)));
        }
        return Moves.reshape(Moves.slice(x, spans), x.shape().range(1, x.shape().rank()));
    }

    private static Array stack(TensorType element, List<Array> elements) {
        Shape shape = Shape.of(elements.size()).concat(element.shape());
        if (elements.isEmpty()) {
            return zeros(element.withShape(shape));
        }
        Shape row = Shape.of(1).concat(element.shape());
        return Moves.concat(elements.stream().map(e -> Moves.reshape(e, row)).toList(), 0);
    }
}
