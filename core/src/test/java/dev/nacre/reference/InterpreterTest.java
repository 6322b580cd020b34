package dev.nacre.reference;

import static dev.nacre.reference.Graphs.run;
import static dev.nacre.reference.Graphs.run1;
import static dev.nacre.reference.Graphs.vector;
import static dev.nacre.reference.Graphs.wholes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Symbol;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import dev.nacre.type.ValueException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Meanings that are easy to get wrong.
class InterpreterTest {
    private static final double NAN = Double.NaN;
    private static final double INF = Double.POSITIVE_INFINITY;

    // ----------------------------------------------------------------------------------------------- rounding

    @Test
    void valuesAreRoundedAfterEveryOp() {
        Array x = Array.of(TensorType.of(DType.F16, 1), 2048);
        assertEquals(2048, run1(n -> n.add(1).add(1), x).number(0), "2049 is not an f16");
        Array b = Array.of(TensorType.of(DType.BF16, 1), 256);
        assertEquals(256, run1(n -> n.add(1).add(1), b).number(0));
        Array f = Array.of(TensorType.of(DType.F32, 1), 1 << 24);
        assertEquals(1 << 24, run1(n -> n.add(1).add(1), f).number(0));
        assertEquals((float) 0.1, run1(n -> n.zerosLike().add(0.1), f).number(0));
    }

    /// The nearest bfloat16 of a float, ties to even, by rounding the binary digits.
    @Test
    void bfloat16RoundsToNearest() {
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 2000; i++) {
            float x = Float.intBitsToFloat(random.nextInt());
            if (Math.abs(x) < 1e-30 || Math.abs(x) > 1e30 || Float.isNaN(x)) {
                continue;
            }
            int e = Math.getExponent(x) - 7;
            BigDecimal unit =
                    e < 0 ? BigDecimal.ONE.divide(BigDecimal.TWO.pow(-e)) : BigDecimal.TWO.pow(e);
            BigDecimal digits = new BigDecimal(x).divide(unit, 0, RoundingMode.HALF_EVEN);
            assertEquals(digits.multiply(unit).doubleValue(), DType.BF16.round(x));
        }
        assertEquals(INF, DType.BF16.round(INF));
        assertEquals(INF, DType.BF16.round(Float.MAX_VALUE));
        assertEquals(NAN, DType.BF16.round(NAN));
    }

    @Test
    void integersWrap() {
        assertArrayEquals(
                new long[] {4, 255}, run1(n -> n.add(5), wholes(DType.U8, 255, 250)).toLongs());
        assertArrayEquals(new long[] {-128}, run1(n -> n.neg(), wholes(DType.I8, -128)).toLongs());
        assertArrayEquals(
                new long[] {Integer.MIN_VALUE},
                run1(n -> n.add(1), wholes(DType.I32, Integer.MAX_VALUE)).toLongs());
        assertArrayEquals(
                new long[] {Long.MIN_VALUE},
                run1(n -> n.add(1), wholes(DType.I64, Long.MAX_VALUE)).toLongs());
        assertArrayEquals(
                new long[] {Long.MAX_VALUE - 1},
                run1(n -> n.sub(1), wholes(DType.I64, Long.MAX_VALUE)).toLongs(),
                "exact in 64 bits");
        assertArrayEquals(
                new long[] {251, 0}, run1(n -> n.not(), wholes(DType.U8, 4, 255)).toLongs());
        assertArrayEquals(
                new long[] {1, 0}, run1(n -> n.not(), wholes(DType.BOOL, 0, 1)).toLongs());
    }

    @Test
    void shiftsBeyondTheWidth() {
        Array x = wholes(DType.I32, 5, -5, 5, -5, 5, -5);
        Array by = wholes(DType.I32, 1, 1, 40, 40, -1, -1);
        assertArrayEquals(
                new long[] {10, -10, 0, 0, 0, 0},
                run(in -> in.get(0).shiftLeft(in.get(1)), x, by).toLongs());
        assertArrayEquals(
                new long[] {2, -3, 0, -1, 0, -1},
                run(in -> in.get(0).shiftRight(in.get(1)), x, by).toLongs());
    }

    @Test
    void integerDivision() {
        Array a = wholes(DType.I32, 7, -7, 7, -7, 7, Integer.MIN_VALUE);
        Array b = wholes(DType.I32, 2, 2, -2, -2, 0, -1);
        assertArrayEquals(
                new long[] {3, -4, -4, 3, 0, Integer.MIN_VALUE},
                run(in -> in.get(0).floorDiv(in.get(1)), a, b).toLongs());
        assertArrayEquals(
                new long[] {1, 1, -1, -1, 0, 0},
                run(in -> in.get(0).mod(in.get(1)), a, b).toLongs());
        assertEquals(TensorType.of(DType.F32, 6), run(in -> in.get(0).div(in.get(1)), a, b).type());
    }

    @Test
    void comparisonsWithNumbersOutOfRange() {
        Array x = wholes(DType.U8, 0, 44, 255);
        assertArrayEquals(new long[] {1, 1, 1}, run1(n -> n.lt(300), x).toLongs());
        assertArrayEquals(
                new long[] {0, 0, 0}, run1(n -> n.eq(300), x).toLongs(), "300 wraps to 44");
        assertArrayEquals(new long[] {1, 1, 1}, run1(n -> n.gt(-1), x).toLongs());
        assertArrayEquals(new long[] {1, 1, 1}, run1(n -> n.lt(1e300), x).toLongs());
        assertArrayEquals(new long[] {0, 44, 200}, run1(n -> n.clamp(-1, 200), x).toLongs());
        assertArrayEquals(new long[] {20, 44, 255}, run1(n -> n.clamp(20, 1e9), x).toLongs());
        assertEquals(DType.U8, run1(n -> n.clamp(20, INF), x).dtype());
    }

    // -------------------------------------------------------------------------------------------------- casts

    @Test
    void castsToIntegersTruncate() {
        Array x = vector(1.9, -1.9, 0.5, -0.5, 300, -1, 3e9, 1e30, -1e30, NAN, INF);
        assertArrayEquals(
                new long[] {
                    1, -1, 0, 0, 300, -1, (int) 3e9, (int) 1e30, (int) -1e30, (int) NAN, (int) INF
                },
                run1(n -> n.cast(DType.I32), x).toLongs());
        assertArrayEquals(
                new long[] {
                    1,
                    -1,
                    0,
                    0,
                    300,
                    -1,
                    3000000000L,
                    Long.MAX_VALUE,
                    Long.MIN_VALUE,
                    0,
                    Long.MAX_VALUE
                },
                run1(n -> n.cast(DType.I64), x).toLongs());
        assertArrayEquals(
                new long[] {1, 0, 0, 0, 255, 0, 255, 255, 0, 0, 255},
                run1(n -> n.cast(DType.U8), x).toLongs());
    }

    @Test
    void castsToBoolCompareWithZero() {
        assertArrayEquals(
                new long[] {1, 0, 0, 1, 1},
                run1(n -> n.cast(DType.BOOL), vector(0.5, 0, -0.0, NAN, -3)).toLongs());
        assertArrayEquals(
                new long[] {1, 0},
                run1(n -> n.cast(DType.BOOL), wholes(DType.I64, 256, 0)).toLongs());
    }

    @Test
    void castsFromIntegersRoundOnce() {
        long x =
                (1L << 54)
                        + (1L << 30)
                        + 1; // just above the middle of two floats: through a double it would
        // become the tie
        assertEquals((float) x, run1(n -> n.cast(DType.F32), wholes(DType.I64, x)).number(0));
        assertEquals(
                (double) (Long.MAX_VALUE - 1),
                run1(n -> n.cast(DType.F64), wholes(DType.I64, Long.MAX_VALUE - 1)).number(0));
    }

    @Test
    void castsToNarrowFloatsOverflowToInfinity() {
        assertArrayEquals(
                new double[] {65504, INF, -INF, NAN},
                run1(n -> n.cast(DType.F16), vector(65519, 65520, -1e10, NAN)).toDoubles());
    }

    // ----------------------------------------------------------------------------------------
    // special numbers

    @Test
    void notANumberPropagates() {
        Array x = vector(1, NAN, 3);
        assertEquals(NAN, run1(n -> n.max(), x).number(0));
        assertEquals(NAN, run1(n -> n.min(), x).number(0));
        assertEquals(NAN, run1(n -> n.sum(), x).number(0));
        assertArrayEquals(new double[] {2, NAN, 3}, run1(n -> n.maximum(2), x).toDoubles());
        assertArrayEquals(new double[] {1, NAN, 2}, run1(n -> n.minimum(2), x).toDoubles());
        assertArrayEquals(new double[] {1, NAN, 3}, run1(n -> n.relu(), x).toDoubles());
        assertArrayEquals(new double[] {1, NAN, 1}, run1(n -> n.sign(), x).toDoubles());
        assertArrayEquals(new double[] {1, NAN, 2}, run1(n -> n.clamp(0, 2), x).toDoubles());
        assertArrayEquals(new long[] {0, 1, 0}, run1(n -> n.isNan(), x).toLongs());
        assertArrayEquals(
                new long[] {0, 0, 1, 1}, run1(n -> n.isInf(), vector(1, NAN, INF, -INF)).toLongs());
        assertArrayEquals(
                new long[] {1, 0, 0, 0},
                run1(n -> n.isFinite(), vector(1, NAN, INF, -INF)).toLongs());
        assertArrayEquals(
                new long[] {0, 0}, run1(n -> n.isNan(), wholes(DType.I32, 1, 2)).toLongs());
    }

    @Test
    void roundingToWholeNumbers() {
        Array x = vector(0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6);
        assertArrayEquals(
                new double[] {0, 2, 2, -0.0, -2, 2, -3}, run1(n -> n.round(), x).toDoubles());
        assertArrayEquals(
                new double[] {0, 1, 2, -0.0, -1, 2, -2}, run1(n -> n.trunc(), x).toDoubles());
        assertArrayEquals(
                new double[] {0, 1, 2, -1, -2, 2, -3}, run1(n -> n.floor(), x).toDoubles());
        assertArrayEquals(
                new double[] {1, 2, 3, -0.0, -1, 3, -2}, run1(n -> n.ceil(), x).toDoubles());
    }

    // ------------------------------------------------------------------------------------------------ sorting

    @Test
    void sortIsStableWithNanLast() {
        Array x = vector(2, NAN, 1, 2, -0.0, 0.0, NAN, -INF, INF);
        assertArrayEquals(
                new long[] {7, 4, 5, 2, 0, 3, 8, 1, 6},
                run1(n -> n.argsort(0, false), x).toLongs());
        assertArrayEquals(
                new long[] {1, 6, 8, 0, 3, 2, 4, 5, 7}, run1(n -> n.argsort(0, true), x).toLongs());
    }

    @Test
    void sortOfIntegersIsExact() {
        Array x = wholes(DType.I64, Long.MAX_VALUE, Long.MAX_VALUE - 1, Long.MIN_VALUE);
        assertArrayEquals(new long[] {2, 1, 0}, run1(n -> n.argsort(0, false), x).toLongs());
        assertArrayEquals(new long[] {0}, run1(n -> n.argmax(0), x).toLongs());
    }

    @Test
    void argmaxTakesTheFirst() {
        assertEquals(1, run1(n -> n.argmax(0), vector(1, 3, 3, 2)).whole(0));
        assertEquals(0, run1(n -> n.argmin(0), vector(1, 3, 1, 2)).whole(0));
        assertEquals(
                1,
                run1(n -> n.argmax(0), vector(1, NAN, INF, NAN)).whole(0),
                "NaN counts as the largest");
        assertEquals(
                1,
                run1(n -> n.argmin(0), vector(1, NAN, -INF, NAN)).whole(0),
                "and as the smallest");
        assertEquals(0, run1(n -> n.argmax(0), vector(-0.0, 0.0)).whole(0));
        assertEquals(0, run1(n -> n.argmax(0), vector(-INF, -INF)).whole(0));
    }

    // --------------------------------------------------------------------------------------------
    // narrow floats

    /// In f16 the sum, the count and the squares overflow; the results do not.
    @Test
    void momentsOfNarrowFloatsDoNotOverflow() {
        Array x = run1(n -> n.mod(2).mul(600).cast(DType.F16), Graphs.counted(70_000));
        assertEquals(300, run1(n -> n.mean(), x).number(0));
        assertEquals(300, run1(n -> n.std(Correction.NONE), x).number(0), 0.25);
        assertEquals(
                300 * 300,
                run1(n -> n.cast(DType.F64).variance(Correction.NONE), x).number(0),
                1e-6);
        assertEquals(1, run1(n -> n.layerNorm(1, 1e-5).abs().max(), x).number(0));
        assertEquals(Math.sqrt(2), run1(n -> n.rmsNorm(1, 1e-5).max(), x).number(0), 1e-3);
    }

    // ----------------------------------------------------------------------------------------------- indexing

    @Test
    void indicesOutOfRangeAreErrors() {
        Array x = Array.of(TensorType.of(DType.F32, 10), new double[10]);
        String ending = " is out of range for axis 0 of size 10";
        for (long i : new long[] {12, 10, -1, Long.MAX_VALUE}) {
            Array index = wholes(DType.I64, i);
            ValueException e =
                    assertThrows(
                            ValueException.class,
                            () -> run(in -> in.get(0).gather(0, in.get(1)), x, index));
            assertEquals("gather: index " + i + ending, e.getMessage());
            e =
                    assertThrows(
                            ValueException.class,
                            () ->
                                    run(
                                            in ->
                                                    in.get(0)
                                                            .scatterAdd(
                                                                    0,
                                                                    in.get(1),
                                                                    in.get(0).narrow(0, 0, 1)),
                                            x,
                                            index));
            assertEquals("scatter_add: index " + i + ending, e.getMessage());
        }
    }

    @Test
    void labelsOutOfRangeGiveNan() {
        Array logits = Graphs.random(1, 4, 3);
        Array labels = wholes(DType.I64, 0, 3, -1, 2);
        double[] loss = run(in -> in.get(0).crossEntropy(in.get(1), 0), logits, labels).toDoubles();
        assertArrayEquals(
                new boolean[] {false, true, true, false},
                new boolean[] {
                    Double.isNaN(loss[0]),
                    Double.isNaN(loss[1]),
                    Double.isNaN(loss[2]),
                    Double.isNaN(loss[3])
                });
    }

    /// More classes than the labels' type can number.
    @Test
    void narrowLabels() {
        Array labels = wholes(DType.U8, 3, 255);
        double[] hot = run1(n -> n.oneHot(300, DType.F64), labels).toDoubles();
        assertEquals(2, Arrays.stream(hot).sum());
        assertEquals(1, hot[3]);
        assertEquals(1, hot[300 + 255]);
        Array logits = Graphs.random(1, 2, 300);
        double[] wide =
                run(in -> in.get(0).crossEntropy(in.get(1), 0), logits, wholes(DType.I64, 3, 255))
                        .toDoubles();
        assertArrayEquals(
                wide, run(in -> in.get(0).crossEntropy(in.get(1), 0), logits, labels).toDoubles());
    }

    // ------------------------------------------------------------------------------------------------- random

    /// The known answers published with the authors' library Random123 (file `kat_vectors`), their counter and key as (block, stream, seed).
    @Test
    void philoxKnownAnswers() {
        assertArrayEquals(
                new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, Philox.block(0, 0, 0));
        assertArrayEquals(
                new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                Philox.block(-1, -1, -1));
        assertArrayEquals(
                new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
                Philox.block(0x299f31d0_a4093822L, 0x03707344_13198a2eL, 0x85a308d3_243f6a88L));
    }

    @Test
    void randomBitsAreWordsOfBlocks() {
        long seed = 0x0123456789abcdefL;
        long stream = -77;
        Array bits = run1(n -> n.randomBits(Shape.of(3, 5)), wholes(DType.I64, seed, stream));
        for (int i = 0; i < 15; i++) {
            assertEquals(Philox.block(seed, stream, i / 4)[i % 4], bits.whole(i));
        }
        Array prefix = run1(n -> n.randomBits(Shape.of(2)), wholes(DType.I64, seed, stream));
        assertArrayEquals(Arrays.copyOf(bits.toLongs(), 2), prefix.toLongs());
    }

    @Test
    void dropoutKeepsTheShareItShould() {
        Array x = Array.of(TensorType.of(DType.F64, 4000), Graphs.counted(4000).toDoubles());
        Array bits = run1(n -> n.randomBits(Shape.of(4000)), wholes(DType.I64, 5, 0));
        double[] y = run(in -> in.get(0).onesLike().dropout(0.25, in.get(1)), x, bits).toDoubles();
        double kept = Arrays.stream(y).filter(v -> v != 0).count() / 4000.0;
        assertEquals(0.75, kept, 4 * Math.sqrt(0.25 * 0.75 / 4000));
        assertEquals(1 / 0.75, Arrays.stream(y).max().orElseThrow());
        assertArrayEquals(
                x.toDoubles(), run(in -> in.get(0).dropout(0, in.get(1)), x, bits).toDoubles());
    }

    // --------------------------------------------------------------------------------------------------- empty

    @Test
    void emptyOperands() {
        Array x = Graphs.f64(new long[] {0, 3});
        assertArrayEquals(new double[] {0, 0, 0}, run1(n -> n.sum(0), x).toDoubles());
        assertArrayEquals(new double[] {1, 1, 1}, run1(n -> n.prod(0), x).toDoubles());
        assertArrayEquals(new double[] {0}, run1(n -> n.sum(), x).toDoubles());
        assertArrayEquals(new long[] {0, 0, 0}, run1(n -> n.any(0), x).toLongs());
        assertArrayEquals(new long[] {1, 1, 1}, run1(n -> n.all(0), x).toLongs());
        assertArrayEquals(new double[] {}, run1(n -> n.max(1), x).toDoubles());
        assertArrayEquals(
                new double[4],
                run(
                                in -> in.get(0).matmul(in.get(1)),
                                Graphs.f64(new long[] {2, 0}),
                                Graphs.f64(new long[] {0, 2}))
                        .toDoubles());
        assertEquals(
                TensorType.of(DType.F64, 0, 12),
                run1(n -> n.flatten(1), Graphs.f64(new long[] {0, 3, 4})).type());
        assertEquals(
                TensorType.of(DType.F64, 0, 2, 1, 1),
                run1(n -> n.maxPool2d(2, 2, 0), Graphs.f64(new long[] {0, 2, 2, 3})).type());
    }

    // -------------------------------------------------------------------------------------------------- leaves

    @Test
    void leavesMustHaveTheirType() {
        Node x = Symbol.node("x", TensorType.of(DType.F32, 2));
        IllegalStateException e =
                assertThrows(
                        IllegalStateException.class,
                        () -> Interpreter.evaluate(List.of(x), _ -> Graphs.vector(1, 2)));
        assertEquals("leaf: computed f64[2] where f32[2] was inferred", e.getMessage());
        assertThrows(IllegalArgumentException.class, () -> Interpreter.evaluate(x));
        assertEquals(2.5, Interpreter.evaluate(Node.of(Op.Constant.of(2.5, DType.F32))).number(0));
    }
}
