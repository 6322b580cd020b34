package dev.nacre.reference;

import dev.nacre.autodiff.Reverse;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import dev.nacre.type.DTypeException;
import dev.nacre.type.TensorType;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.random.RandomGenerator;

/// Compares derivatives with finite differences of the values, in f64 on the [Interpreter].
///
/// With `J = ∂y/∂x`, each row of the comparison is `⟨c, J·v⟩`: measured as the change of y when x moves along v, derived as `⟨Jᵀ·c, v⟩`. An operand of up to 16
/// elements is moved along every axis and an output of up to 16 elements is weighed by every unit vector, which compares the whole Jacobian; larger ones by
/// random vectors. The second order compares the derivatives of the first derivatives in the same way.
///
/// The function must be smooth within `4·10⁻³` of the operands: at a kink the two sides' mean is measured, which need not be the gradient that was chosen there.
public final class GradientCheck {
    private static final int ALL = 16;
    private static final int RANDOM_DIRECTIONS = 4;
    private static final double STEP = 0x1p-10;
    private static final double TOLERANCE = 1e-6;

    private final Function<List<Node>, List<Node>> function;
    private final List<Array> operands;
    private final Function<Source, Array> outside;
    private final int order;
    private final RandomGenerator random;
    private final List<Mismatch> found = new ArrayList<>();

    private GradientCheck(
            Function<List<Node>, List<Node>> function,
            List<Array> operands,
            Function<Source, Array> outside,
            int order,
            RandomGenerator random) {
        this.function = function;
        this.operands = operands;
        this.outside = outside;
        this.order = order;
        this.random = random;
    }

    /// A derivative that is not what was measured: of order `order`, of output number `output` by operand number `operand`.
    public record Mismatch(int order, int output, int operand, double derived, double measured) {
        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "order %d, output %d by operand %d: derived %.9g, measured %.9g",
                    order,
                    output,
                    operand,
                    derived,
                    measured);
        }
    }

    /// Compares the first and second derivatives of `function` at `operands`, and throws if they differ.
    ///
    /// @param outside the numbers of leaves that the function uses besides its operands
    /// @throws ValueException listing up to five mismatches
    public static void check(
            Function<List<Node>, List<Node>> function,
            List<Array> operands,
            Function<Source, Array> outside) {
        List<Mismatch> wrong = mismatches(function, operands, outside, 2);
        if (!wrong.isEmpty()) {
            StringBuilder text =
                    new StringBuilder(
                            "gradient check: derivatives differ from finite differences in "
                                    + wrong.size()
                                    + (wrong.size() == 1 ? " place" : " places"));
            wrong.stream().limit(5).forEach(m -> text.append("\n  ").append(m));
            throw new ValueException(text.toString());
        }
    }

    /// What differs, of orders 1 to `orders`. A higher order is looked at only if the lower ones are right.
    ///
    /// @param function from operands to outputs; outputs that are not floating are ignored
    /// @param operands where to check; floating ones must be f64, others stay fixed
    public static List<Mismatch> mismatches(
            Function<List<Node>, List<Node>> function, List<Array> operands, int orders) {
        return mismatches(function, operands, GradientCheck::none, orders);
    }

    private static Array none(Source source) {
        throw new IllegalArgumentException("no numbers for " + source.origin());
    }

    private static List<Mismatch> mismatches(
            Function<List<Node>, List<Node>> function,
            List<Array> operands,
            Function<Source, Array> outside,
            int orders) {
        for (Array x : operands) {
            if (x.dtype().isFloating() && x.dtype() != DType.F64) {
                throw new DTypeException(
                        "gradient check: operands must be f64, because "
                                + x.dtype()
                                + " is too coarse for differences");
            }
        }
        GradientCheck first =
                new GradientCheck(function, operands, outside, 1, new SplittableRandom(0));
        first.run();
        for (int order = 2; order <= orders && first.found.isEmpty(); order++) {
            first = first.next();
            first.run();
        }
        return first.found;
    }

    /// The check of the derivatives of what this one checks, by the operands and by the cotangents.
    private GradientCheck next() {
        List<TensorType> outputs = outputs(symbols()).stream().map(Node::type).toList();
        List<Array> more = new ArrayList<>(operands);
        outputs.forEach(t -> more.add(vector(t)));
        int n = operands.size();
        Function<List<Node>, List<Node>> derivative =
                in -> gradients(in.subList(0, n), in.subList(n, in.size()));
        return new GradientCheck(derivative, more, outside, order + 1, random);
    }

    private List<Node> symbols() {
        return operands.stream().map(x -> Symbol.node("x", x.type())).toList();
    }

    private List<Node> outputs(List<Node> in) {
        return function.apply(in).stream().filter(y -> y.dtype().isFloating()).toList();
    }

    /// Gradients of the operands that are floating.
    private List<Node> gradients(List<Node> in, List<Node> cotangents) {
        return Reverse.gradients(
                outputs(in), cotangents, in.stream().filter(x -> x.dtype().isFloating()).toList());
    }

    private void run() {
        List<Node> in = symbols();
        List<Node> outputs = outputs(in);
        List<Node> cotangents = outputs.stream().map(y -> Symbol.node("c", y.type())).toList();
        List<Node> gradients = gradients(in, cotangents);
        List<Integer> floating = new ArrayList<>();
        for (int k = 0; k < operands.size(); k++) {
            if (operands.get(k).dtype().isFloating()) {
                floating.add(k);
            }
        }
        List<List<Move>> moves = floating.stream().map(k -> moves(k, in, outputs)).toList();
        for (int o = 0; o < outputs.size(); o++) {
            for (Array c : directions(outputs.get(o).type())) {
                Map<Source, Array> values = values(in, operands);
                for (int i = 0; i < outputs.size(); i++) {
                    values.put(
                            source(cotangents.get(i)), i == o ? c : zeros(outputs.get(i).type()));
                }
                List<Array> derived = evaluate(gradients, values);
                for (int f = 0; f < derived.size(); f++) {
                    for (Move m : moves.get(f)) {
                        compare(
                                o,
                                floating.get(f),
                                dot(derived.get(f), m.direction),
                                dot(c, m.change.get(o)));
                    }
                }
            }
        }
    }

    /// What the outputs do when an operand moves along a direction, per unit.
    private record Move(Array direction, List<Array> change) {}

    private List<Move> moves(int operand, List<Node> in, List<Node> outputs) {
        List<Move> moves = new ArrayList<>();
        for (Array v : directions(operands.get(operand).type())) {
            List<List<Array>> y = new ArrayList<>();
            for (double h : new double[] {2 * STEP, STEP, -STEP, -2 * STEP}) {
                List<Array> moved = new ArrayList<>(operands);
                Array x = operands.get(operand);
                moved.set(operand, Array.doubles(x.type(), i -> x.number(i) + h * v.number(i)));
                y.add(evaluate(outputs, values(in, moved)));
            }
            List<Array> change = new ArrayList<>();
            for (int o = 0; o < outputs.size(); o++) {
                int k = o;
                // The difference quotient of fourth order.
                change.add(
                        Array.doubles(
                                outputs.get(o).type(),
                                i ->
                                        (8 * (y.get(1).get(k).number(i) - y.get(2).get(k).number(i))
                                                        - (y.get(0).get(k).number(i)
                                                                - y.get(3).get(k).number(i)))
                                                / (12 * STEP)));
            }
            moves.add(new Move(v, change));
        }
        return moves;
    }

    private List<Array> directions(TensorType type) {
        List<Array> directions = new ArrayList<>();
        long n = type.shape().count();
        for (int k = 0; k < (n <= ALL ? n : RANDOM_DIRECTIONS); k++) {
            int axis = k;
            directions.add(n <= ALL ? Array.doubles(type, i -> i == axis ? 1 : 0) : vector(type));
        }
        return directions;
    }

    /// Random numbers that are not small.
    private Array vector(TensorType type) {
        return Array.doubles(
                type, _ -> (random.nextBoolean() ? 1 : -1) * random.nextDouble(0.25, 1));
    }

    private static Array zeros(TensorType type) {
        return Array.doubles(type, _ -> 0);
    }

    private static Map<Source, Array> values(List<Node> in, List<Array> arrays) {
        Map<Source, Array> values = new IdentityHashMap<>();
        for (int i = 0; i < in.size(); i++) {
            values.put(source(in.get(i)), arrays.get(i));
        }
        return values;
    }

    private List<Array> evaluate(List<Node> roots, Map<Source, Array> values) {
        return Interpreter.evaluate(
                roots, s -> values.containsKey(s) ? values.get(s) : outside.apply(s));
    }

    private static Source source(Node leaf) {
        return ((Op.Leaf) leaf.op()).source();
    }

    private static double dot(Array a, Array b) {
        double sum = 0;
        for (int i = 0; i < a.count(); i++) {
            sum += a.number(i) == 0 || b.number(i) == 0 ? 0 : a.number(i) * b.number(i);
        }
        return sum;
    }

    private void compare(int output, int operand, double derived, double measured) {
        if (!(Math.abs(derived - measured)
                <= TOLERANCE
                        * Math.max(1, Math.abs(measured)))) { // so written that NaN is a mismatch
            found.add(new Mismatch(order, output, operand, derived, measured));
        }
    }
}
