package dev.nacre.optable;

import static dev.nacre.optable.DTypes.ALL;
import static dev.nacre.optable.DTypes.NUMBERS;

import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Pooling;
import dev.nacre.ir.Window;
import dev.nacre.reference.Array;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/// Rows for `Linear`.
final class LinearRows {
    private LinearRows() {}

    static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        products(rows);
        sums(rows);
        convolutions(rows);
        pooling(rows);
        return rows;
    }

    private static Row two(
            String name, Function<Draw, List<Array>> operands, BinaryOperator<Node> f) {
        return Row.of(name, operands, in -> f.apply(in.get(0), in.get(1))).on(NUMBERS).slack(8);
    }

    private static void products(List<Row> rows) {
        rows.add(
                two(
                        "matmul",
                        d -> List.of(d.in(-1, 1, 2, d.n()), d.in(-1, 1, d.n(), 3)),
                        (a, b) -> a.matmul(b)));
        rows.add(
                two(
                        "matmul rows",
                        d -> List.of(d.in(-1, 1, d.n(), 2), d.in(-1, 1, 2, 3)),
                        (a, b) -> a.matmul(b)));
        rows.add(
                two(
                        "matmul columns",
                        d -> List.of(d.in(-1, 1, 3, 2), d.in(-1, 1, 2, d.n())),
                        (a, b) -> a.matmul(b)));
        rows.add(
                two(
                        "matmul in f32 at least",
                        d -> List.of(d.in(-1, 1, d.n(), 2), d.in(-1, 1, 2, 3)),
                        (a, b) -> a.matmul(b, a.dtype().floating().arithmetic())));
        rows.add(
                two(
                        "matmul batched",
                        d -> List.of(d.in(-1, 1, d.n(), 2, 3), d.in(-1, 1, d.n(), 3, 2)),
                        (a, b) -> a.matmul(b)));
        rows.add(
                two(
                        "matmul broadcast",
                        d -> List.of(d.in(-1, 1, 2, 1, 2, 3), d.in(-1, 1, d.n(), 3, 2)),
                        (a, b) -> a.matmul(b)));
        rows.add(
                two(
                        "matmul by a matrix",
                        d -> List.of(d.in(-1, 1, 2, d.n(), 3), d.in(-1, 1, 3, 2)),
                        (a, b) -> a.matmul(b)));
        rows.add(
                two(
                        "matmul transposed",
                        d -> List.of(d.in(-1, 1, d.n(), 2), d.in(-1, 1, d.n(), 3)),
                        (a, b) -> a.transpose().matmul(b)));
        rows.add(
                Row.of(
                                "linear",
                                d ->
                                        List.of(
                                                d.in(-1, 1, 2, d.n()),
                                                d.in(-1, 1, 3, d.n()),
                                                d.in(-1, 1, 3)),
                                in -> in.get(0).linear(in.get(1), in.get(2)))
                        .on(NUMBERS)
                        .slack(8));
        rows.add(
                two(
                        "matmul row",
                        d -> List.of(d.in(-1, 1, d.n()), d.in(-1, 1, d.n(), 2)),
                        (a, b) -> a.matmul(b)));
        rows.add(
                two(
                        "matmul column",
                        d -> List.of(d.in(-1, 1, 2, d.n()), d.in(-1, 1, d.n())),
                        (a, b) -> a.matmul(b)));
        rows.add(
                two(
                        "matmul inner",
                        d -> List.of(d.in(-1, 1, d.n()), d.in(-1, 1, d.n())),
                        (a, b) -> a.matmul(b)));
    }

    private static void sums(List<Row> rows) {
        rows.add(
                two(
                        "einsum batched",
                        d -> List.of(d.in(-1, 1, d.n(), 2, 3), d.in(-1, 1, d.n(), 3, 2)),
                        (a, b) -> a.einsum("bij,bjk->bik", b)));
        rows.add(
                two(
                        "einsum outer",
                        d -> List.of(d.in(-1, 1, 2), d.in(-1, 1, d.n())),
                        (a, b) -> a.einsum("i,j->ji", b)));
        rows.add(
                Row.of(
                                "einsum of three",
                                d ->
                                        List.of(
                                                d.in(-1, 1, 2, d.n()),
                                                d.in(-1, 1, d.n(), 2),
                                                d.in(-1, 1, 2, 2)),
                                in -> in.get(0).einsum("ab,bc,cd->da", in.get(1), in.get(2)))
                        .slack(16));
        rows.add(
                Row.of(
                                "einsum diagonal",
                                d -> List.of(d.in(-1, 1, 3, d.n(), 3)),
                                in -> in.get(0).einsum("iji->j"))
                        .slack(8));
        rows.add(
                Row.of(
                                "einsum trace",
                                d -> List.of(d.in(-1, 1, d.n(), d.n())),
                                in -> in.get(0).einsum("ii"))
                        .slack(8));
        UnaryOperator<Node> heads = x -> x.rearrange("b (h w) c -> (b c) w 1 h", Map.of("h", 2));
        rows.add(
                Row.of(
                                "rearrange with sizes",
                                d -> List.of(d.in(-3, 3, d.n(), 4, 3)),
                                in -> heads.apply(in.get(0)))
                        .on(ALL));
        rows.add(
                Row.of(
                                "rearrange",
                                d -> List.of(d.in(-3, 3, 2, d.n(), 3)),
                                in -> in.get(0).rearrange("a b c -> (c a) b"))
                        .on(ALL));
    }

    private static void convolutions(List<Row> rows) {
        rows.add(
                conv(
                        "conv",
                        d -> List.of(d.in(-1, 1, 1, 2, 5, d.n() + 2), d.in(-1, 1, 2, 2, 2, 3)),
                        (x, w) ->
                                x.conv(
                                        w,
                                        List.of(
                                                Window.of(2).stride(2).padding(1, 0),
                                                Window.of(3).padding(0, 1)),
                                        1)));
        rows.add(
                conv(
                        "conv1d",
                        d -> List.of(d.in(-1, 1, d.n(), 2, 6), d.in(-1, 1, 3, 2, 3)),
                        (x, w) -> x.conv1d(w, 1, 1, 1, 1)));
        rows.add(
                conv(
                                "conv1d dilated",
                                d -> List.of(d.in(-1, 1, 1, 1, d.n() + 4), d.in(-1, 1, 2, 1, 3)),
                                (x, w) -> x.conv1d(w, 1, 0, 2, 1))
                        .from(1));
        rows.add(
                conv(
                        "conv2d",
                        d -> List.of(d.in(-1, 1, d.n(), 2, 4, 5), d.in(-1, 1, 3, 2, 3, 2)),
                        (x, w) -> x.conv2d(w, 2, 1, 1, 1)));
        rows.add(
                conv(
                        "conv2d grouped",
                        d -> List.of(d.in(-1, 1, d.n(), 4, 3, 3), d.in(-1, 1, 2, 2, 2, 2)),
                        (x, w) -> x.conv2d(w, 1, 0, 1, 2)));
        rows.add(
                conv(
                                "conv2d depthwise",
                                d ->
                                        List.of(
                                                d.in(-1, 1, 1, 3, d.n() + 1, 3),
                                                d.in(-1, 1, 3, 1, 2, 2)),
                                (x, w) -> x.conv2d(w, 1, 0, 1, 3))
                        .from(1));
        rows.add(
                conv(
                        "conv2d 1×1",
                        d -> List.of(d.in(-1, 1, d.n(), 3, 2, 2), d.in(-1, 1, 2, 3, 1, 1)),
                        (x, w) -> x.conv2d(w, 1, 0, 1, 1)));
        rows.add(
                conv(
                        "conv3d",
                        d -> List.of(d.in(-1, 1, d.n(), 1, 3, 2, 3), d.in(-1, 1, 2, 1, 2, 2, 2)),
                        (x, w) -> x.conv3d(w, 1, 0, 1, 1)));
        rows.add(
                conv(
                        "convTranspose",
                        d -> List.of(d.in(-1, 1, 1, 2, d.n() + 1), d.in(-1, 1, 2, 2, 3)),
                        (x, w) ->
                                x.convTranspose(
                                        w, List.of(Window.of(3).stride(2).padding(1, 1)), 1, 1)));
        rows.add(
                conv(
                        "convTranspose2d",
                        d -> List.of(d.in(-1, 1, d.n(), 4, 2, 3), d.in(-1, 1, 4, 1, 2, 2)),
                        (x, w) -> x.convTranspose2d(w, 2, 0, 1, 2)));
        rows.add(
                conv(
                        "kernel gradient",
                        d -> List.of(d.in(-1, 1, d.n(), 2, 5), d.in(-1, 1, d.n(), 2, 3)),
                        (x, g) ->
                                Node.of(
                                        new Op.Convolve(
                                                Op.Convolve.Kind.KERNEL,
                                                List.of(Window.of(2).stride(2).padding(1, 0)),
                                                2,
                                                Shape.of(2, 1, 2)),
                                        x,
                                        g)));
    }

    private static Row conv(
            String name, Function<Draw, List<Array>> operands, BinaryOperator<Node> f) {
        return two(name, operands, f).on(DTypes.FLOATING).slack(8);
    }

    private static void pooling(List<Row> rows) {
        List<Window> windows =
                List.of(Window.of(2).stride(1).padding(1, 0), Window.of(3).stride(2).padding(1, 1));
        rows.add(pool("maxPool", x -> x.maxPool(windows)));
        rows.add(pool("maxPool2d", x -> x.maxPool2d(2, 2, 0)));
        rows.add(pool("avgPool", x -> x.avgPool(windows, false)).slack(8));
        rows.add(pool("avgPool with padding", x -> x.avgPool(windows, true)).slack(8));
        rows.add(pool("avgPool2d", x -> x.avgPool2d(2, 1, 1)).slack(8));
        rows.add(
                pool(
                        "fused",
                        x ->
                                x.fused(
                                        new Pooling(Pooling.Kind.MAX, List.of(Window.of(2))),
                                        List.of(x))));
    }

    private static Row pool(String name, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.distinct(1, d.n(), 3, 5)), in -> f.apply(in.get(0)))
                .note("ties are avoided");
    }
}
