package dev.nacre.optable;

import dev.nacre.ir.Body;
import dev.nacre.ir.Iteration;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Symbol;
import dev.nacre.reference.Array;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.IntStream;

/// Rows for loops: each result of each.
final class ScanRows {
    private ScanRows() {}

    /// What a step makes of elements and states: the next states, then outputs, then, if the loop may stop, the condition.
    private interface Meaning extends BiFunction<List<Node>, List<Node>, List<Node>> {}

    private static List<Node> results(
            List<Node> sequences,
            List<Node> firsts,
            boolean reverse,
            boolean stops,
            Meaning meaning) {
        int s = sequences.size();
        List<Node> arguments = new ArrayList<>();
        sequences.forEach(x ->
                arguments.add(Symbol.node("x", x.type().withShape(x.shape().range(1, x.rank())))));
        arguments.addAll(firsts);
        Body.Closure c =
                Body.closure(
                        arguments,
                        in -> meaning.apply(in.subList(0, s), in.subList(s, arguments.size())));
        List<Node> operands = new ArrayList<>(sequences);
        operands.addAll(firsts);
        operands.addAll(c.captured());
        Iteration loop =
                new Iteration(
                        c.body(), s, firsts.size(), sequences.getFirst().size(0), reverse, stops);
        return IntStream.range(0, loop.results())
                .mapToObj(r -> Node.of(new Op.Scan(loop, r), operands))
                .toList();
    }

    /// All results added up, those of all steps over the steps: here every result has elements of one type.
    private static Node joined(List<Node> results) {
        int rank = results.getFirst().rank();
        return results.stream()
                .map(r -> r.rank() == rank ? r : r.sum(0))
                .reduce((a, b) -> a.add(b))
                .orElseThrow();
    }

    private static List<Node> recurrent(List<Node> in, boolean reverse) {
        return results(
                in.subList(0, 1),
                in.subList(1, 2),
                reverse,
                false,
                (x, h) -> {
                    Node next =
                            x.get(0)
                                    .matmul(in.get(2))
                                    .add(in.get(4))
                                    .add(h.get(0).matmul(in.get(3)))
                                    .tanh();
                    return List.of(next, next, next.matmul(in.get(3)).mul(x.get(0).sum()));
                });
    }

    private static List<Array> recurrentOperands(Draw d) {
        return List.of(
                d.in(-1, 1, d.n(), 2, 3),
                d.in(-1, 1, 2, 4),
                d.in(-1, 1, 3, 4),
                d.in(-1, 1, 4, 4),
                d.in(-1, 1, 4));
    }

    private static List<Node> powers(List<Node> in, boolean reverse) {
        return results(
                in.subList(0, 2),
                in.subList(2, 4),
                reverse,
                false,
                (x, s) ->
                        List.of(
                                s.get(0).mul(x.get(0)).add(s.get(1).sin()),
                                s.get(1).add(x.get(1).sum()),
                                s.get(0),
                                x.get(0).mul(2).exp(),
                                s.get(1)));
    }

    private static List<Array> powerOperands(Draw d) {
        return List.of(
                d.in(0.5, 1, d.n(), 3), d.in(-1, 1, d.n(), 2), d.in(0.5, 1, 3), d.in(-1, 1, 3));
    }

    /// Halves until it is small: of 17 steps, two or three are made.
    private static List<Node> halving(List<Node> in, boolean reverse) {
        return results(
                in.subList(0, 1),
                in.subList(1, 2),
                reverse,
                true,
                (x, h) -> {
                    Node next = h.get(0).mul(x.get(0)).add(in.get(2));
                    return List.of(
                            next,
                            next.square(),
                            x.get(0).log(),
                            next.mul(0).add(3),
                            next.sum().lt(1.2));
                });
    }

    private static List<Array> halvingOperands(Draw d) {
        return List.of(d.in(0.4, 0.6, d.n(), 2), d.in(1.5, 2, 2), d.in(0, 0.1, 2));
    }

    /// A loop in a loop: the sum of powers.
    private static List<Node> nested(List<Node> in) {
        return results(
                in.subList(0, 1),
                in.subList(1, 2),
                false,
                false,
                (x, h) -> {
                    Node inner =
                            results(
                                            x,
                                            List.of(h.get(0)),
                                            true,
                                            false,
                                            (y, p) ->
                                                    List.of(
                                                            p.get(0)
                                                                    .mul(y.get(0))
                                                                    .add(in.get(2).sin())))
                                    .getFirst();
                    return List.of(inner, inner.square());
                });
    }

    static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        for (boolean reverse : Arrays.asList(false, true)) {
            String way = reverse ? " backwards" : "";
            each(
                    "scan recurrent" + way,
                    4,
                    ScanRows::recurrentOperands,
                    in -> recurrent(in, reverse),
                    rows);
            each(
                    "scan elementwise" + way,
                    7,
                    ScanRows::powerOperands,
                    in -> powers(in, reverse),
                    rows);
            each(
                    "scan until" + way,
                    5,
                    ScanRows::halvingOperands,
                    in -> halving(in, reverse),
                    rows);
        }
        each(
                "scan in scan",
                3,
                d -> List.of(d.in(-1, 1, d.n(), 3, 2), d.in(-1, 1, 2), d.in(-1, 1, 2)),
                ScanRows::nested,
                rows);
        rows.add(
                Row.of(
                                "scan of integers",
                                d -> List.of(d.in(-3, 3, d.n(), 2), d.in(-3, 3, 2)),
                                in ->
                                        joined(
                                                results(
                                                        in.subList(0, 1),
                                                        in.subList(1, 2),
                                                        false,
                                                        false,
                                                        (x, h) ->
                                                                List.of(
                                                                        h.get(0).add(x.get(0)),
                                                                        h.get(0).mul(x.get(0))))))
                        .on(DTypes.NUMBERS)
                        .slack(64));
        return rows;
    }

    /// A row for each result of a loop, and one for all.
    private static void each(
            String name,
            int results,
            Function<Draw, List<Array>> operands,
            Function<List<Node>, List<Node>> loop,
            List<Row> rows) {
        for (int r = 0; r < results; r++) {
            int result = r;
            rows.add(Row.of(name + " " + r, operands, in -> loop.apply(in).get(result)).slack(64));
        }
        rows.add(Row.of(name, operands, in -> joined(loop.apply(in))).slack(256));
    }
}
