package dev.nacre.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.ir.Body;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.reference.GradientCheck.Mismatch;
import dev.nacre.type.DType;
import dev.nacre.type.DTypeException;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import dev.nacre.type.ValueException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/// The checker must accept right derivatives and reject wrong ones.
class GradientCheckTest {

    /// A function with a derivative rule that may be wrong: (inputs, gradient of the result) → gradients of the inputs.
    private record Rule(BiFunction<List<Node>, Node, List<Node>> gradients) implements Composite {
        @Override
        public String name() {
            return "rule";
        }

        @Override
        public Optional<List<Node>> differentiate(List<Node> inputs, Node output, Node grad) {
            return Optional.of(gradients.apply(inputs, grad));
        }
    }

    private static List<Mismatch> mismatches(
            Function<List<Node>, Node> forward,
            BiFunction<List<Node>, Node, List<Node>> gradients,
            List<Array> operands) {
        return GradientCheck.mismatches(
                in -> {
                    Body body =
                            Body.of(
                                    in.stream().map(Node::type).toList(),
                                    x -> List.of(forward.apply(x)));
                    return List.of(Node.of(new Op.Fused(new Rule(gradients), body, 0), in));
                },
                operands,
                2);
    }

    private static void assertRejected(
            int order,
            Function<List<Node>, Node> forward,
            BiFunction<List<Node>, Node, List<Node>> gradients,
            List<Array> operands) {
        List<Mismatch> found = mismatches(forward, gradients, operands);
        assertFalse(found.isEmpty(), "a wrong derivative was accepted");
        assertEquals(order, found.get(0).order());
    }

    private static Array random(long seed, long... sizes) {
        TensorType type = TensorType.of(DType.F64, sizes);
        SplittableRandom random = new SplittableRandom(seed);
        double[] x = new double[Math.toIntExact(type.shape().count())];
        Arrays.setAll(x, _ -> random.nextDouble(0.3, 1.3));
        return Array.of(type, x);
    }

    private static final Function<List<Node>, Node> SIN = in -> in.get(0).sin();
    private static final Function<List<Node>, Node> PRODUCT = in -> in.get(0).matmul(in.get(1));
    private static final List<Array> SQUARES = List.of(random(1, 2, 2), random(2, 2, 2));

    private static final Function<Source, Array> NOTHING = _ -> Array.of(TensorType.of(DType.F64));

    @Test
    void rightRulesAreAccepted() {
        assertEquals(
                List.of(),
                mismatches(
                        SIN, (in, g) -> List.of(g.mul(in.get(0).cos())), List.of(random(1, 2, 3))));
        assertEquals(
                List.of(),
                mismatches(
                        SIN, (in, g) -> List.of(g.mul(in.get(0).cos())), List.of(random(1, 50))));
        assertEquals(
                List.of(),
                mismatches(
                        PRODUCT,
                        (in, g) ->
                                List.of(
                                        g.matmul(in.get(1).transpose()),
                                        in.get(0).transpose().matmul(g)),
                        SQUARES));
    }

    @Test
    void wrongSignIsRejected() {
        assertRejected(
                1, SIN, (in, g) -> List.of(g.mul(in.get(0).cos()).neg()), List.of(random(1, 2, 3)));
    }

    @Test
    void factorTwoIsRejected() {
        assertRejected(
                1,
                SIN,
                (in, g) -> List.of(g.mul(in.get(0).cos()).mul(2)),
                List.of(random(1, 2, 3)));
    }

    @Test
    void onePerMilleIsRejected() {
        assertRejected(
                1,
                SIN,
                (in, g) -> List.of(g.mul(in.get(0).cos()).mul(1.001)),
                List.of(random(1, 2, 3)));
    }

    @Test
    void transposedFactorIsRejected() {
        assertRejected(
                1,
                PRODUCT,
                (in, g) -> List.of(g.matmul(in.get(1)), in.get(0).transpose().matmul(g)),
                SQUARES);
        assertRejected(
                1,
                PRODUCT,
                (in, g) -> List.of(g.matmul(in.get(1).transpose()), in.get(0).matmul(g)),
                SQUARES);
        assertRejected(
                1, in -> in.get(0).transpose(), (_, g) -> List.of(g), List.of(random(1, 3, 3)));
    }

    @Test
    void exchangedOperandsAreRejected() {
        assertRejected(
                1,
                PRODUCT,
                (in, g) ->
                        List.of(in.get(0).transpose().matmul(g), g.matmul(in.get(1).transpose())),
                SQUARES);
    }

    @Test
    void missingTermIsRejected() {
        assertRejected(
                1,
                in -> in.get(0).mul(in.get(0).exp()),
                (in, g) -> List.of(g.mul(in.get(0).exp())),
                List.of(random(1, 4)));
    }

    @Test
    void missingOperandIsRejected() {
        assertRejected(
                1,
                in -> in.get(0).mul(in.get(1)),
                (in, g) -> List.of(g.mul(in.get(1)), g.zerosLike()),
                SQUARES);
    }

    @Test
    void droppedBroadcastIsRejected() {
        Function<List<Node>, Node> add = in -> in.get(0).add(in.get(1));
        List<Array> operands = List.of(random(1, 4, 3), random(2, 3));
        assertEquals(List.of(), mismatches(add, (in, g) -> List.of(g, g.sum(0)), operands));
        assertRejected(1, add, (in, g) -> List.of(g, g.select(0, 0)), operands);
        assertRejected(1, add, (in, g) -> List.of(g, g.mean(0)), operands);
    }

    @Test
    void shiftedElementsAreRejected() {
        assertRejected(
                1,
                in -> in.get(0).roll(1, 0),
                (_, g) -> List.of(g.roll(1, 0)),
                List.of(random(1, 5)));
    }

    /// Too large for the whole Jacobian: one element of fifty is off by half.
    @Test
    void oneWrongElementOfManyIsRejected() {
        assertRejected(
                1,
                SIN,
                (in, g) ->
                        List.of(
                                g.mul(in.get(0).cos())
                                        .mul(
                                                g.iota(50, DType.F64)
                                                        .eq(31)
                                                        .cast(DType.F64)
                                                        .mul(0.5)
                                                        .add(1))),
                List.of(random(1, 50)));
    }

    /// A rule that is right but hides its own dependence on the operand.
    @Test
    void wrongSecondOrderIsRejected() {
        assertRejected(
                2,
                SIN,
                (in, g) -> List.of(g.mul(in.get(0).detach().cos())),
                List.of(random(1, 2, 3)));
        assertRejected(
                2,
                SIN,
                (in, g) -> List.of(g.detach().mul(in.get(0).cos())),
                List.of(random(1, 2, 3)));
    }

    @Test
    void notANumberIsRejected() {
        assertRejected(
                1,
                SIN,
                (in, g) -> List.of(g.mul(in.get(0).cos()).mul(Double.NaN)),
                List.of(random(1, 2)));
        assertRejected(
                1,
                SIN,
                (in, g) -> List.of(g.fullLike(Double.POSITIVE_INFINITY)),
                List.of(random(1, 2)));
    }

    @Test
    void outputsAreCheckedOneByOne() {
        List<Mismatch> found =
                GradientCheck.mismatches(
                        in ->
                                List.of(
                                        in.get(0).exp(),
                                        in.get(0).argmax(0),
                                        in.get(0).detach().exp()),
                        List.of(random(1, 2)),
                        2);
        assertEquals(
                List.of(1, 1),
                found.stream().map(Mismatch::output).toList(),
                "floating output number 1, at both elements");
        assertTrue(
                found.stream()
                        .allMatch(m -> m.order() == 1 && m.operand() == 0 && m.derived() == 0));
    }

    @Test
    void messageNamesOrderAndOperand() {
        Array x = Array.of(TensorType.of(DType.F64), 0.5);
        ValueException e =
                assertThrows(
                        ValueException.class,
                        () ->
                                GradientCheck.check(
                                        in -> List.of(in.get(0).detach().mul(3)),
                                        List.of(x),
                                        NOTHING));
        assertEquals(
                """
                gradient check: derivatives differ from finite differences in 1 place
                  order 1, output 0 by operand 0: derived 0.00000000, measured 3.00000000\
                """,
                e.getMessage());
        GradientCheck.check(in -> List.of(in.get(0).mul(3)), List.of(x), NOTHING);
    }

    @Test
    void leavesFromOutsideStayFixed() {
        Array x = Array.of(TensorType.of(DType.F64), 0.5);
        Node weight = Symbol.node("weight", TensorType.of(DType.F64));
        GradientCheck.check(
                in -> List.of(in.get(0).mul(weight).exp()),
                List.of(x),
                _ -> Array.of(TensorType.of(DType.F64), 2));
        ValueException e =
                assertThrows(
                        ValueException.class,
                        () ->
                                GradientCheck.check(
                                        in -> List.of(in.get(0).detach().mul(weight)),
                                        List.of(x),
                                        _ -> Array.of(TensorType.of(DType.F64), 2)));
        assertTrue(e.getMessage().endsWith("measured 2.00000000"), e.getMessage());
    }

    @Test
    void coarseTypesAreRefused() {
        Array x = Array.of(TensorType.of(DType.F32), 0.5);
        DTypeException e =
                assertThrows(
                        DTypeException.class,
                        () ->
                                GradientCheck.check(
                                        in -> List.of(in.get(0).exp()), List.of(x), NOTHING));
        assertEquals(
                "gradient check: operands must be f64, because f32 is too coarse for differences",
                e.getMessage());
        Array b = Array.of(new TensorType(DType.BF16, Shape.SCALAR), 0.5);
        e =
                assertThrows(
                        DTypeException.class,
                        () ->
                                GradientCheck.check(
                                        in -> List.of(in.get(0).exp()), List.of(b), NOTHING));
        assertEquals(
                "gradient check: operands must be f64, because bf16 is too coarse for differences",
                e.getMessage());
    }
}
