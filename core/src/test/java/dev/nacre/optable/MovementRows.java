package dev.nacre.optable;

import static dev.nacre.optable.DTypes.ALL;
import static dev.nacre.optable.DTypes.NUMBERS;

import dev.nacre.ir.Margin;
import dev.nacre.ir.Node;
import dev.nacre.ir.Span;
import dev.nacre.ir.Window;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;

/// Rows for `Movement`.
final class MovementRows {
    private MovementRows() {}

    static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        shapes(rows);
        slices(rows);
        pads(rows);
        joins(rows);
        windows(rows);
        indexing(rows);
        return rows;
    }

    /// A function of one operand `[2, n, 3]`.
    private static Row cube(String name, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.in(-3, 3, 2, d.n(), 3)), in -> f.apply(in.get(0)))
                .on(ALL);
    }

    /// A function of one operand `[n, 4]`.
    private static Row matrix(String name, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.in(-3, 3, d.n(), 4)), in -> f.apply(in.get(0))).on(ALL);
    }

    private static void shapes(List<Row> rows) {
        rows.add(cube("reshape", x -> x.reshape(3, -1, 2)).from(1));
        rows.add(cube("reshape to a shape", x -> x.reshape(Shape.of(x.size(1), 6))));
        rows.add(cube("flatten", x -> x.flatten(1)));
        rows.add(cube("flatten all", x -> x.flatten(0)));
        rows.add(cube("unsqueeze", x -> x.unsqueeze(-2)));
        rows.add(matrix("squeeze", x -> x.unsqueeze(0).unsqueeze(2).squeeze(0, -2)));
        rows.add(matrix("squeeze all", x -> x.unsqueeze(0).unsqueeze(2).squeeze()));
        rows.add(cube("permute", x -> x.permute(2, 0, 1)));
        rows.add(cube("transpose axes", x -> x.transpose(0, -1)));
        rows.add(cube("transpose", x -> x.transpose()));
        rows.add(cube("moveAxis", x -> x.moveAxis(0, -1)));
        rows.add(
                Row.of(
                                "broadcastTo shape",
                                d -> List.of(d.in(-3, 3, 2, 1, d.n())),
                                in -> in.get(0).broadcastTo(Shape.of(3, 2, 4, in.get(0).size(2))))
                        .on(ALL));
        rows.add(
                Row.of(
                                "broadcastTo",
                                d -> List.of(d.in(-3, 3, d.n(), 1)),
                                in -> in.get(0).broadcastTo(2, in.get(0).size(0), 3))
                        .on(ALL));
        rows.add(
                Row.of(
                                "expandAlong",
                                d -> List.of(d.in(-3, 3, 2, d.n())),
                                in ->
                                        in.get(0)
                                                .expandAlong(
                                                        Axes.of("x", 3, 1),
                                                        Shape.of(2, 3, in.get(0).size(1))))
                        .on(ALL));
        rows.add(matrix("tile", x -> x.tile(2, 3)));
        rows.add(matrix("tile nothing", x -> x.tile(1, 0)));
        rows.add(matrix("repeat", x -> x.repeat(3, 0)));
        rows.add(matrix("repeat last", x -> x.repeat(2, -1)));
        rows.add(
                Row.of(
                                "sumTo",
                                d -> List.of(d.in(-3, 3, 2, d.n(), 3)),
                                in -> in.get(0).sumTo(Shape.of(in.get(0).size(1), 1)))
                        .on(NUMBERS)
                        .slack(3));
    }

    private static void slices(List<Row> rows) {
        rows.add(
                matrix(
                        "slice spans",
                        x -> x.slice(List.of(Span.all(x.size(0)), new Span(2, 2, -1)))));
        rows.add(matrix("slice", x -> x.slice(1, 1, 3)));
        rows.add(matrix("slice outside", x -> x.slice(0, -2, 100)));
        rows.add(cube("slice with step", x -> x.slice(1, 0, Long.MAX_VALUE, 2)));
        rows.add(cube("slice backwards", x -> x.slice(1, -1, Long.MIN_VALUE, -2)));
        rows.add(matrix("narrow", x -> x.narrow(-1, 1, 2)));
        rows.add(matrix("select", x -> x.select(1, -2)));
        rows.add(cube("at", x -> x.at("-1, None, ..., ::-2")));
        rows.add(matrix("at rows", x -> x.at("1:, 1:3")));
        rows.add(matrix("flip", x -> x.flip(0)));
        rows.add(cube("flip all", x -> x.flip()));
        rows.add(matrix("roll", x -> x.roll(2, 0)));
        rows.add(matrix("roll back", x -> x.roll(-1, 1)));
        rows.add(matrix("shift", x -> x.shift(0, 1)));
        rows.add(matrix("shift back", x -> x.shift(0, -2)));
        rows.add(
                cube(
                        "unslice",
                        x ->
                                x.unslice(
                                        List.of(
                                                new Span(3, 2, -2),
                                                Span.all(x.size(1)),
                                                new Span(1, 3, 2)),
                                        Shape.of(5, x.size(1), 6))));
    }

    private static void pads(List<Row> rows) {
        rows.add(
                matrix(
                        "pad margins",
                        x -> x.pad(List.of(new Margin(1, 2, 0), new Margin(0, 1, 2)), 1)));
        rows.add(
                matrix(
                                "pad margins with a fraction",
                                x -> x.pad(List.of(new Margin(1, 2, 0), new Margin(0, 1, 2)), 1.5))
                        .on(DTypes.FLOATING));
        rows.add(matrix("pad with a fraction", x -> x.pad(0, 1, 2, -0.5)).on(DTypes.FLOATING));
        rows.add(matrix("pad", x -> x.pad(0, 2, 1, 1)));
        rows.add(matrix("pad negative", x -> x.pad(1, -1, -2, 0)));
        rows.add(matrix("pad mixed", x -> x.pad(1, -1, 2, 1)));
        rows.add(matrix("padReflect", x -> x.padReflect(1, 3, 2)));
        rows.add(matrix("padEdge", x -> x.padEdge(0, 2, 1)).from(1));
        rows.add(
                matrix(
                        "unpad",
                        x ->
                                x.unpad(
                                        List.of(Margin.NONE, new Margin(1, 0, 1)),
                                        Shape.of(x.size(0), 2))));
    }

    private static void joins(List<Row> rows) {
        rows.add(
                Row.of(
                                "concat",
                                d -> List.of(d.in(-3, 3, 2, d.n()), d.in(-3, 3, 2, 3)),
                                in -> in.get(0).concat(1, in.get(1)))
                        .on(ALL));
        rows.add(
                Row.of(
                                "concat several",
                                d ->
                                        List.of(
                                                d.in(-3, 3, d.n(), 2),
                                                d.as(DType.I32).in(-3, 3, 1, 2),
                                                d.in(-3, 3, d.n(), 2)),
                                in -> in.get(0).concat(0, in.subList(1, 3)))
                        .on(ALL));
        rows.add(
                Row.of(
                                "stackWith",
                                d -> List.of(d.in(-3, 3, 2, d.n()), d.in(-3, 3, 2, d.n())),
                                in -> in.get(0).stackWith(1, List.of(in.get(1))))
                        .on(ALL));
        rows.add(
                matrix(
                        "split",
                        x -> {
                            List<Node> parts = x.split(1, 1, 0, 3);
                            return parts.get(2).concat(1, List.of(parts.get(0), parts.get(1)));
                        }));
        rows.add(
                matrix(
                        "chunk",
                        x -> {
                            List<Node> parts = new ArrayList<>(x.chunk(2, 0));
                            Collections.reverse(parts);
                            return parts.get(0).concat(0, parts.subList(1, parts.size()));
                        }));
    }

    private static void windows(List<Row> rows) {
        List<Window> two =
                List.of(Window.of(2).stride(1).padding(1, 0), Window.of(2).stride(2).dilation(2));
        rows.add(
                Row.of(
                                "windows",
                                d -> List.of(d.in(-3, 3, d.n(), 4, 5)),
                                in -> in.get(0).windows(two))
                        .on(ALL));
        rows.add(
                Row.of(
                                "overlapAdd",
                                d -> List.of(d.in(-3, 3, d.n(), 3, 2, 2, 2)),
                                in ->
                                        in.get(0)
                                                .overlapAdd(
                                                        List.of(
                                                                Window.of(2),
                                                                Window.of(2).stride(2).dilation(2)),
                                                        Shape.of(in.get(0).size(0), 4, 5)))
                        .on(NUMBERS)
                        .slack(4));
    }

    private static void indexing(List<Row> rows) {
        rows.add(
                Row.of(
                                "gather",
                                d -> List.of(d.in(-3, 3, d.n(), 4), d.index(4, d.n(), 5)),
                                in -> in.get(0).gather(1, in.get(1)))
                        .on(ALL));
        rows.add(
                Row.of(
                                "gather i32",
                                d ->
                                        List.of(
                                                d.in(-3, 3, 4, d.n()),
                                                d.as(DType.I32).in(0, 3, 2, d.n())),
                                in -> in.get(0).gather(0, in.get(1)))
                        .on(ALL));
        rows.add(
                Row.of(
                                "take",
                                d -> List.of(d.in(-3, 3, 2, 4, d.n()), d.index(4, 3, 2)),
                                in -> in.get(0).take(in.get(1), 1))
                        .on(ALL));
        rows.add(
                Row.of(
                                "scatterAdd",
                                d ->
                                        List.of(
                                                d.in(-3, 3, 2, 3),
                                                d.index(3, 2, d.n()),
                                                d.in(-1, 1, 2, d.n())),
                                in -> in.get(0).scatterAdd(1, in.get(1), in.get(2)))
                        .on(NUMBERS)
                        .slack(4)
                        .note("indices repeat"));
        rows.add(
                Row.of(
                                "oneHot",
                                d -> List.of(d.index(4, 2, d.n())),
                                in -> in.get(0).oneHot(4, DType.F64))
                        .on(List.of(DType.I64))
                        .flat());
        rows.add(cube("tril", x -> x.tril(0)));
        rows.add(cube("triu", x -> x.triu(1)));
        rows.add(cube("diagonal", x -> x.diagonal()));
    }
}
