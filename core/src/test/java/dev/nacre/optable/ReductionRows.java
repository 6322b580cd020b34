package dev.nacre.optable;

import static dev.nacre.optable.DTypes.ALL;
import static dev.nacre.optable.DTypes.NUMBERS;

import dev.nacre.ir.Node;
import dev.nacre.ir.Reduction;
import dev.nacre.type.Axes;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/// Rows for `Reductions`.
final class ReductionRows {
    private ReductionRows() {}

    static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        sums(rows);
        moments(rows);
        extremes(rows);
        running(rows);
        sorting(rows);
        return rows;
    }

    /// A function of one operand `[2, n, 3]` of numbers around 1.
    private static Row cube(String name, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.in(-2, 3, 2, d.n(), 3)), in -> f.apply(in.get(0)));
    }

    /// A function of one operand `[n, 4]` without ties.
    private static Row distinct(String name, UnaryOperator<Node> f) {
        return Row.of(name, d -> List.of(d.distinct(d.n(), 4)), in -> f.apply(in.get(0)))
                .on(ALL)
                .note("ties are avoided");
    }

    private static void sums(List<Row> rows) {
        rows.add(
                cube("reduce", x -> x.reduce(Reduction.SUM, Axes.range(0, 2)))
                        .on(NUMBERS)
                        .slack(8));
        rows.add(cube("sum all", x -> x.sum()).on(ALL).slack(8));
        rows.add(cube("sum first", x -> x.sum(0)).on(ALL).slack(4));
        rows.add(cube("sum middle", x -> x.sum(1)).on(ALL).slack(8));
        rows.add(cube("sum last", x -> x.sum(-1)).on(ALL).slack(4));
        rows.add(cube("sum outer", x -> x.sum(2, 0)).on(ALL).slack(8));
        rows.add(
                Row.of("prod", d -> List.of(d.in(-2, 2, d.n(), 3)), in -> in.get(0).prod(-1))
                        .on(ALL)
                        .slack(4));
        rows.add(
                Row.of("prod all", d -> List.of(d.off0(0.8, 1.2, 2, d.n())), in -> in.get(0).prod())
                        .on(ALL)
                        .slack(16));
        rows.add(
                Row.of(
                                "prod outer",
                                d -> List.of(d.off0(0.8, 1.2, 2, 3, d.n())),
                                in -> in.get(0).prod(0, 2))
                        .on(ALL)
                        .slack(16));
        rows.add(cube("any", x -> x.trunc().any(1)).on(ALL).flat());
        rows.add(cube("all", x -> x.trunc().all(0, 2)).on(ALL).flat());
        rows.add(cube("logSumExp", x -> x.logSumExp(1)).from(1).on(NUMBERS).slack(4));
        rows.add(cube("logSumExp all", x -> x.mul(4).logSumExp()).from(1).on(NUMBERS).slack(8));
        rows.add(cube("norm 1", x -> x.norm(1, 0)).slack(4).note("kinks at 0"));
        rows.add(cube("norm 2", x -> x.norm(2, 1)).from(1).slack(4).note("no derivative at 0"));
        rows.add(
                Row.of("norm 3", d -> List.of(d.off0(0.2, 2, 2, d.n())), in -> in.get(0).norm(3, 0))
                        .slack(8));
        rows.add(
                distinct("norm max", x -> x.add(100).norm(Double.POSITIVE_INFINITY, 1))
                        .on(DTypes.FLOATING));
    }

    private static void moments(List<Row> rows) {
        rows.add(cube("mean", x -> x.mean(1)).from(1).slack(8));
        rows.add(cube("mean all", x -> x.mean()).from(1).slack(8));
        rows.add(cube("variance", x -> x.variance(0, 2)).slack(16));
        rows.add(cube("variance biased", x -> x.variance(Correction.NONE)).from(1).slack(16));
        rows.add(cube("extent", x -> x.extent(Axes.range(0, 2), DType.F64).mul(x.sum())).slack(64));
        rows.add(cube("std", x -> x.std(-1)).slack(16));
        rows.add(cube("std biased", x -> x.std(Correction.NONE, 0)).slack(16));
    }

    private static void extremes(List<Row> rows) {
        rows.add(distinct("max", x -> x.max(1)));
        rows.add(distinct("max first", x -> x.max(0)).from(1));
        rows.add(distinct("max all", x -> x.max()).from(1));
        rows.add(distinct("min", x -> x.min(-1)));
        rows.add(distinct("argmax", x -> x.argmax(1)).flat());
        rows.add(distinct("argmax first", x -> x.argmax(0)).flat().from(1));
        rows.add(distinct("argmin", x -> x.argmin(-1)).flat());
        rows.add(
                Row.of(
                                "argmax of ties",
                                d -> List.of(d.in(0, 2, d.n(), 5)),
                                in -> in.get(0).round().argmax(1))
                        .on(ALL)
                        .flat());
    }

    private static void running(List<Row> rows) {
        rows.add(
                Row.of(
                                "recurrence",
                                d -> List.of(d.in(-1, 1, 2, d.n()), d.in(-1, 1, 2, d.n())),
                                in -> in.get(1).recurrence(in.get(0), 1, false))
                        .on(NUMBERS)
                        .slack(8));
        rows.add(
                Row.of(
                                "recurrence reversed",
                                d -> List.of(d.in(-1, 1, d.n(), 2), d.in(-1, 1, d.n(), 2)),
                                in -> in.get(1).recurrence(in.get(0), 0, true))
                        .on(NUMBERS)
                        .slack(8));
        rows.add(cube("cumsum", x -> x.cumsum(1)).on(ALL).slack(8));
        rows.add(cube("cumsum last", x -> x.cumsum(-1)).on(ALL).slack(4));
        rows.add(
                Row.of(
                                "cumprod",
                                d -> List.of(d.off0(0.8, 1.2, d.n(), 2)),
                                in -> in.get(0).cumprod(0))
                        .on(ALL)
                        .slack(16));
        rows.add(
                Row.of(
                                "atEdge",
                                d -> List.of(d.in(-1, 1, 2, d.n())),
                                in -> in.get(0).atEdge(1, true))
                        .on(ALL)
                        .flat());
        rows.add(
                Row.of(
                                "productOfOthers",
                                d -> List.of(d.off0(0.8, 1.2, 2, d.n())),
                                in -> in.get(0).productOfOthers(Axes.range(0, 2)))
                        .slack(16));
    }

    private static void sorting(List<Row> rows) {
        rows.add(distinct("argsort", x -> x.argsort(1, false)).flat());
        rows.add(distinct("argsort descending", x -> x.argsort(0, true)).flat());
        rows.add(
                Row.of(
                                "argsort of ties",
                                d -> List.of(d.in(0, 2, d.n(), 5)),
                                in -> in.get(0).round().argsort(1, true))
                        .on(ALL)
                        .flat());
        rows.add(distinct("sort", x -> x.sort(0, false)));
        rows.add(distinct("sort descending", x -> x.sort(1, true)));
        rows.add(distinct("topk values", x -> x.topk(2, 1).values()));
        rows.add(distinct("topk indices", x -> x.topk(2, 1).indices().cast(DType.F32)).flat());
    }
}
