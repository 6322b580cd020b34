package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import dev.nacre.type.TensorType;
import dev.nacre.type.ValueException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Tensors as users make, read and index them.
class TensorTest {
    private static void assertMessage(
            Class<? extends NacreException> type, String text, Executable mistake) {
        assertEquals(text, assertThrows(type, mistake).getMessage());
    }

    private static void assertInts(Tensor actual, long[] sizes, int... expected) {
        assertEquals(Shape.of(sizes), actual.shape());
        assertArrayEquals(expected, actual.toIntArray());
    }

    // ------------------------------------------------------------------------------------------
    // creation

    @Test
    void numbersOfEachJavaTypeHaveTheirOwnDType() {
        assertEquals(
                "f32[] f64[] i32[] i64[] bool[]",
                String.join(
                        " ",
                        List.of(
                                Tensor.of(1f).type().toString(),
                                Tensor.of(1.0).type().toString(),
                                Tensor.of(1).type().toString(),
                                Tensor.of(1L).type().toString(),
                                Tensor.of(true).type().toString())));
        assertEquals(0.1f, Tensor.of(0.1f).item());
        assertEquals(0.1, Tensor.of(0.1).item());
        assertEquals(-7, Tensor.of(-7).item());
        assertArrayEquals(
                new long[] {Long.MIN_VALUE + 1}, Tensor.of(Long.MIN_VALUE + 1).toLongArray());
        assertEquals(1, Tensor.of(true).item());
    }

    @Test
    void arraysAreCopiedInRowMajorOrder() {
        float[] values = {1, 2, 3, 4, 5, 6};
        Tensor x = Tensor.of(values, 2, 3);
        values[0] = 99;
        assertEquals(TensorType.of(DType.F32, 2, 3), x.type());
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, x.toFloatArray());
        assertArrayEquals(
                new double[] {1.5, -2}, Tensor.of(new double[] {1.5, -2}).toDoubleArray());
        assertArrayEquals(
                new long[] {Long.MAX_VALUE, -1},
                Tensor.of(new long[] {Long.MAX_VALUE, -1}, 2, 1).toLongArray());
        assertArrayEquals(new int[] {3, -4}, Tensor.of(new int[] {3, -4}).toIntArray());
        assertArrayEquals(
                new boolean[] {true, false, true},
                Tensor.of(new boolean[] {true, false, true}).toBooleanArray());
        assertArrayEquals(
                new float[] {1, 2, 3, 4}, Tensor.of(new float[][] {{1, 2}, {3, 4}}).toFloatArray());
        assertEquals(Shape.of(0), Tensor.of(new float[0]).shape());
        assertEquals(Shape.of(2, 0), Tensor.of(new int[0], 2, 0).shape());
        assertArrayEquals(new int[0], Tensor.of(new int[0], 2, 0).toIntArray());
    }

    @Test
    void bytesAreSignedOrPixels() {
        byte[] bytes = {0, 127, -128, -1};
        assertEquals(DType.I8, Tensor.of(bytes).dtype());
        assertArrayEquals(new int[] {0, 127, -128, -1}, Tensor.of(bytes).toIntArray());
        assertEquals(DType.U8, Tensor.ofUnsigned(bytes, 2, 2).dtype());
        assertArrayEquals(
                new int[] {0, 127, 128, 255}, Tensor.ofUnsigned(bytes, 2, 2).toIntArray());
        assertEquals(255, Tensor.ofUnsigned(bytes).select(0, -1).item());
    }

    @Test
    void filledTensorsHaveEveryDType() {
        for (DType t : DType.values()) {
            assertEquals(TensorType.of(t, 2, 3), Tensor.full(1, t, 2, 3).type());
            assertArrayEquals(
                    new double[] {1, 1, 1, 1, 1, 1}, Tensor.ones(t, 2, 3).toDoubleArray());
            assertArrayEquals(new float[] {0, 0}, Tensor.zeros(t, 2).toFloatArray());
        }
        assertArrayEquals(new float[] {2.5f, 2.5f}, Tensor.full(2.5, DType.F32, 2).toFloatArray());
        assertEquals(TensorType.of(DType.F32, 2), Tensor.zeros(2).type());
        assertEquals(TensorType.of(DType.F32), Tensor.ones().type());
        assertEquals(0, Tensor.zeros(3, 0).toFloatArray().length);
    }

    @Test
    void sequences() {
        assertArrayEquals(new long[] {0, 1, 2, 3}, Tensor.arange(4).toLongArray());
        assertEquals(DType.I64, Tensor.arange(4).dtype());
        assertEquals(0, Tensor.arange(0).toLongArray().length);
        assertArrayEquals(new float[] {1, 1.5f, 2, 2.5f}, Tensor.arange(1, 3, 0.5).toFloatArray());
        assertArrayEquals(new float[] {3, 2, 1}, Tensor.arange(3, 0, -1).toFloatArray());
        assertEquals(0, Tensor.arange(3, 3, 1).toFloatArray().length);
        assertArrayEquals(
                new float[] {-1, -0.5f, 0, 0.5f, 1}, Tensor.linspace(-1, 1, 5).toFloatArray());
        assertArrayEquals(new float[] {7}, Tensor.linspace(7, 9, 1).toFloatArray());
        assertArrayEquals(new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1}, Tensor.eye(3).toFloatArray());
    }

    @Test
    void joins() {
        Tensor a = Tensor.of(new int[] {1, 2});
        Tensor b = Tensor.of(new int[] {3, 4});
        assertInts(Tensor.stack(0, List.of(a, b)), new long[] {2, 2}, 1, 2, 3, 4);
        assertInts(Tensor.stack(-1, List.of(a, b)), new long[] {2, 2}, 1, 3, 2, 4);
        assertInts(Tensor.concat(0, a, b, a), new long[] {6}, 1, 2, 3, 4, 1, 2);
        assertEquals(DType.F32, Tensor.concat(0, a, Tensor.ones(1)).dtype());
        assertMessage(
                ShapeException.class,
                "stack: needs at least one tensor",
                () -> Tensor.stack(0, List.of()));
        assertMessage(
                ShapeException.class, "concat: needs at least one tensor", () -> Tensor.concat(0));
    }

    @Test
    void arraysThatDoNotFitAreRefused() {
        assertMessage(
                ShapeException.class,
                "of: [2, 2] needs 4 values, but got 3",
                () -> Tensor.of(new float[3], 2, 2));
        assertMessage(
                ShapeException.class,
                "of: row 1 has 1 elements, but row 0 has 2",
                () -> Tensor.of(new float[][] {{1, 2}, {3}}));
        assertMessage(
                ShapeException.class,
                "of: f32[3] needs 12 bytes, but got 8",
                () -> Tensor.of(TensorType.of(DType.F32, 3), MemorySegment.ofArray(new float[2])));
        assertMessage(
                ShapeException.class,
                "of: sizes must not be negative, but are [-1, 3]",
                () -> Tensor.of(new float[3], -1, 3));
        assertMessage(
                ShapeException.class,
                "full: sizes must not be negative, but are [2, -1]",
                () -> Tensor.zeros(2, -1));
        assertMessage(
                ShapeException.class,
                "arange: n must not be negative, but is -1",
                () -> Tensor.arange(-1));
        assertMessage(
                ValueException.class,
                "arange: needs finite numbers and a step other than 0, but got 0.0, 1.0, 0.0",
                () -> Tensor.arange(0, 1, 0));
        assertMessage(
                ShapeException.class,
                "linspace: n must not be negative, but is -2",
                () -> Tensor.linspace(0, 1, -2));
    }

    // ----------------------------------------------------------------------------------------
    // conversion

    @Test
    void segmentsCarryRawElements() {
        Tensor x =
                Tensor.of(TensorType.of(DType.I32, 3), MemorySegment.ofArray(new int[] {7, 8, 9}));
        assertArrayEquals(new int[] {7, 8, 9}, x.toIntArray());
        MemorySegment out = x.add(1).toSegment();
        assertEquals(12, out.byteSize());
        assertTrue(out.isReadOnly());
        assertEquals(9, out.getAtIndex(ValueLayout.JAVA_INT, 1));
        assertArrayEquals(
                new short[] {0x3F80, (short) 0xC000},
                Tensor.of(new float[] {1, -2})
                        .cast(DType.BF16)
                        .toSegment()
                        .toArray(ValueLayout.JAVA_SHORT));
        assertArrayEquals(
                new short[] {0x3C00, (short) 0xC000},
                Tensor.of(new float[] {1, -2})
                        .cast(DType.F16)
                        .toSegment()
                        .toArray(ValueLayout.JAVA_SHORT));
        assertEquals(0, Tensor.zeros(0).toSegment().byteSize());
    }

    @Test
    void alignedNativeMemoryIsUsedInPlace() {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment m = arena.allocate(64, 64);
            m.set(ValueLayout.JAVA_FLOAT, 4, 5f);
            TensorType type = TensorType.of(DType.F32, 2);
            Tensor x = Tensor.ofMapped(type, m);
            assertEquals(m.address(), x.value().address());
            assertArrayEquals(new float[] {0, 5}, x.toFloatArray());
            assertEquals(10, x.sum().mul(2).item());
            Tensor y = Tensor.ofMapped(type, m.asSlice(4));
            assertFalse(m.address() + 4 == y.value().address(), "not aligned: must be copied");
            assertArrayEquals(new float[] {5, 0}, y.toFloatArray());
        }
        assertMessage(
                ShapeException.class,
                "ofMapped: f32[3] needs 12 bytes, but got 8",
                () ->
                        Tensor.ofMapped(
                                TensorType.of(DType.F32, 3), MemorySegment.ofArray(new float[2])));
    }

    @Test
    void readingConverts() {
        Tensor x = Tensor.of(new double[] {0, 1.9, -1.9, 300});
        assertArrayEquals(new int[] {0, 1, -1, 300}, x.toIntArray());
        assertArrayEquals(new long[] {0, 1, -1, 300}, x.toLongArray());
        assertArrayEquals(new float[] {0, 1.9f, -1.9f, 300}, x.toFloatArray());
        assertArrayEquals(new boolean[] {false, true, true, true}, x.toBooleanArray());
        assertArrayEquals(new int[] {1, 0}, Tensor.of(new boolean[] {true, false}).toIntArray());
    }

    @Test
    void itemNeedsOneElement() {
        assertEquals(4, Tensor.of(new float[] {4}).item());
        assertEquals(4, Tensor.of(new float[] {4}, 1, 1).item());
        assertMessage(
                ShapeException.class,
                """
                item: needs exactly one element
                  x  f32[2]  result of mul\
                """,
                () -> Tensor.ones(2).mul(Tensor.of(new float[] {2, 3})).item());
    }

    @Test
    void everyResultIsRealizedOnce() {
        Tensor x = Tensor.of(new float[] {1, 2}).mul(3);
        assertFalse(x.isRealized());
        Tensor y = x.add(1);
        Tensor.realize(x, y);
        assertTrue(x.isRealized() && y.isRealized());
        long address = x.value().address();
        assertEquals(address, x.realize().value().address());
        assertArrayEquals(new float[] {4, 7}, y.toFloatArray());
    }

    @Test
    void aSymbolHasNoNumbers() {
        Tensor x = Tensor.symbol("x", DType.F32, 2);
        assertMessage(
                NacreException.class,
                "input 'x' has no value: pass it to a Function that names it as an input",
                x::toFloatArray);
        assertMessage(
                NacreException.class,
                "input 'x' has no value: pass it to a Function that names it as an input",
                () -> x.exp().sum().item());
        assertEquals("input 'x' f32[?, 3]", Tensor.symbol("x", DType.F32, Shape.ANY, 3).toString());
    }

    // ------------------------------------------------------------------------------------------
    // indexing

    /// Elements are their own positions in row-major order.
    private static Tensor counted(long... sizes) {
        long n = LongStream.of(sizes).reduce(1, (a, b) -> a * b);
        return Tensor.arange(n).cast(DType.I32).reshape(sizes).realize();
    }

    @Test
    void oneAxisAtATime() {
        Tensor x = counted(3, 4);
        assertInts(x.select(0, 1), new long[] {4}, 4, 5, 6, 7);
        assertInts(x.select(0, -1), new long[] {4}, 8, 9, 10, 11);
        assertInts(x.select(-1, -4), new long[] {3}, 0, 4, 8);
        assertInts(x.slice(1, 1, 3), new long[] {3, 2}, 1, 2, 5, 6, 9, 10);
        assertInts(x.slice(1, -3, -1), new long[] {3, 2}, 1, 2, 5, 6, 9, 10);
        assertInts(x.slice(0, 0, 100, 2), new long[] {2, 4}, 0, 1, 2, 3, 8, 9, 10, 11);
        assertInts(x.slice(0, -1, Long.MIN_VALUE, -2), new long[] {2, 4}, 8, 9, 10, 11, 0, 1, 2, 3);
        assertInts(x.slice(0, 2, 1), new long[] {0, 4});
        assertInts(x.narrow(1, 2, 2), new long[] {3, 2}, 2, 3, 6, 7, 10, 11);
        assertInts(x.flip(1), new long[] {3, 4}, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8);
        assertInts(x.flip(), new long[] {3, 4}, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        assertInts(x.roll(1, 1), new long[] {3, 4}, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10);
    }

    @Test
    void positionsThatAreData() {
        Tensor x = counted(3, 4);
        assertInts(
                x.take(Tensor.of(new long[] {2, 0, 2}), 0),
                new long[] {3, 4},
                8,
                9,
                10,
                11,
                0,
                1,
                2,
                3,
                8,
                9,
                10,
                11);
        assertInts(
                x.take(Tensor.of(new int[] {3, 0, 1, 1}, 2, 2), -1),
                new long[] {3, 2, 2},
                3,
                0,
                1,
                1,
                7,
                4,
                5,
                5,
                11,
                8,
                9,
                9);
        assertInts(x.take(Tensor.of(1L), 0), new long[] {4}, 4, 5, 6, 7);
        assertInts(x.gather(1, Tensor.of(new long[] {0, 3, 1}, 3, 1)), new long[] {3, 1}, 0, 7, 9);
        assertInts(
                x.gather(0, Tensor.of(new long[] {2, 1, 0, 2}, 1, 4)),
                new long[] {1, 4},
                8,
                5,
                2,
                11);
    }

    /// What Python's `range(*slice(start, stop, step).indices(n))` gives.
    private static List<Integer> range(Integer start, Integer stop, int step, int n) {
        int low = step > 0 ? 0 : -1;
        int high = step > 0 ? n : n - 1;
        int from =
                start == null
                        ? step > 0 ? low : high
                        : Math.clamp(start < 0 ? start + n : start, low, high);
        int to =
                stop == null
                        ? step > 0 ? high : low
                        : Math.clamp(stop < 0 ? stop + n : stop, low, high);
        List<Integer> out = new ArrayList<>();
        for (int i = from; step > 0 ? i < to : i > to; i += step) {
            out.add(i);
        }
        return out;
    }

    private static final long[] SIZES = {4, 6, 5};

    /// A random index on three axes, as text, and the positions it means.
    private record Drawn(String text, List<List<Integer>> positions, long[] shape) {
        static Drawn of(Random random) {
            List<String> items = new ArrayList<>();
            List<List<Integer>> positions = new ArrayList<>();
            List<Long> shape = new ArrayList<>();
            int given = random.nextInt(4);
            int rest = random.nextInt(given + 1); // axes before the dots
            boolean dots = random.nextBoolean();
            for (int i = 0; i <= given; i++) {
                if (i == rest && (dots || given == 0)) {
                    items.add("...");
                }
                if (i == (dots || given == 0 ? rest : given)) {
                    for (int left = SIZES.length - given; left > 0; left--) {
                        int n = (int) SIZES[positions.size()];
                        positions.add(IntStream.range(0, n).boxed().toList());
                        shape.add((long) n);
                    }
                }
                if (i < given) {
                    item(random, items, positions, shape);
                }
            }
            if (random.nextInt(3) == 0) {
                items.add(0, random.nextBoolean() ? "None" : "newaxis");
                shape.add(0, 1L);
            }
            return new Drawn(
                    String.join(random.nextBoolean() ? "," : ", ", items),
                    positions,
                    shape.stream().mapToLong(s -> s).toArray());
        }

        private static void item(
                Random random,
                List<String> items,
                List<List<Integer>> positions,
                List<Long> shape) {
            int n = (int) SIZES[positions.size()];
            if (random.nextInt(3) == 0) {
                int at = random.nextInt(-n, n);
                items.add(Integer.toString(at));
                positions.add(List.of(at < 0 ? at + n : at));
                return;
            }
            Integer start = random.nextInt(3) == 0 ? null : random.nextInt(-n - 2, n + 3);
            Integer stop = random.nextInt(3) == 0 ? null : random.nextInt(-n - 2, n + 3);
            int step = new int[] {1, 2, 3, 7, -1, -2, -4}[random.nextInt(7)];
            boolean plain = step == 1 && random.nextBoolean();
            items.add(
                    (start == null ? "" : start)
                            + ":"
                            + (stop == null ? "" : stop)
                            + (plain ? "" : ":" + step));
            List<Integer> here = range(start, stop, step, n);
            positions.add(here);
            shape.add((long) here.size());
        }
    }

    @Test
    void indicesAsTextMeanWhatPlainLoopsMean() {
        Tensor x = counted(SIZES);
        Random random = new Random(11);
        for (int trial = 0; trial < 400; trial++) {
            Drawn d = Drawn.of(random);
            List<Integer> expected = new ArrayList<>();
            for (int i : d.positions.get(0)) {
                for (int j : d.positions.get(1)) {
                    for (int k : d.positions.get(2)) {
                        expected.add((i * 6 + j) * 5 + k);
                    }
                }
            }
            Tensor actual = x.at(d.text);
            assertEquals(Shape.of(d.shape), actual.shape(), d.text);
            assertEquals(expected, IntStream.of(actual.toIntArray()).boxed().toList(), d.text);
        }
    }

    @Test
    void indicesAsText() {
        Tensor x = counted(3, 4);
        assertInts(x.at("1"), new long[] {4}, 4, 5, 6, 7);
        assertInts(x.at(" -1 , +2 "), new long[] {}, 10);
        assertInts(x.at("::2, 1:3"), new long[] {2, 2}, 1, 2, 9, 10);
        assertInts(x.at("..., None, ::-3"), new long[] {3, 1, 2}, 3, 0, 7, 4, 11, 8);
        assertInts(x.at("2:0:-1, 0"), new long[] {2}, 8, 4);
        assertInts(x.at("5:, :"), new long[] {0, 4});
        assertEquals(Shape.of(1, 3, 4), x.at("None").shape());
        assertEquals(Shape.of(1), Tensor.of(3f).at("None").shape());
        assertEquals(3, Tensor.of(3f).at("...").item());
        Tensor any = Tensor.symbol("x", DType.F32, Shape.ANY, 6);
        assertEquals("[?, 2, 1]", any.at(":, ::3, None").shape().toString());
    }

    @Test
    void indicesThatAreWrong() {
        Tensor x = counted(3, 4);
        assertMessage(
                ShapeException.class,
                """
                at: position 3 is out of range for axis 0 of size 3; position -5 is out of range for axis 1 of size 4
                  x  i32[3, 4]  result of reshape\
                """,
                () -> x.at("3, -5"));
        assertMessage(
                ShapeException.class,
                """
                at: 3 positions and ranges for 2 axes
                  x  i32[3, 4]  result of reshape\
                """,
                () -> x.at("0, :, None, 1"));
        String hint =
                "\n  hint: items are positions (-1), ranges (start:stop:step, each part optional), '...' and 'None', with commas between them";
        assertMessage(
                ShapeException.class,
                "at: cannot read 'a:2' in \"0, a:2\"" + hint,
                () -> x.at("0, a:2"));
        assertMessage(ShapeException.class, "at: cannot read '' in \"\"" + hint, () -> x.at(""));
        assertMessage(
                ShapeException.class, "at: cannot read '' in \"1,\"" + hint, () -> x.at("1,"));
        assertMessage(
                ShapeException.class, "at: cannot read '1.5' in \"1.5\"" + hint, () -> x.at("1.5"));
        assertMessage(
                ShapeException.class,
                "at: cannot read '[1:2]' in \"[1:2]\"\n  hint: leave out the brackets, at(\"1:2\");"
                        + " several positions of an axis are taken by x.take(Tensor.of(new long[] {0, 1}), axis)",
                () -> x.at("[1:2]"));
        assertTrue(
                assertThrows(ShapeException.class, () -> x.at("(0, 1)"))
                        .getMessage()
                        .contains("leave out the brackets, at(\"0, 1\")"));
        for (String list : List.of("[0,1], :", ":, [0, 2]", "[[0,1]]", "[0], [1]")) {
            String message = assertThrows(ShapeException.class, () -> x.at(list)).getMessage();
            assertEquals(
                    "several positions of an axis are taken by x.take(Tensor.of(new long[] {0, 1}), axis)",
                    message.substring(message.indexOf("several")));
        }
        assertMessage(
                ShapeException.class, "at: the step must not be 0, as in '::0'", () -> x.at("::0"));
        assertMessage(
                ShapeException.class,
                "at: '...' may occur only once in \"..., ...\"",
                () -> x.at("..., ..."));
        assertMessage(
                ShapeException.class,
                """
                at: the size of axis 0 must be known, but is given only when the function is called
                  x  f32[?]  input 'x'\
                """,
                () -> Tensor.symbol("x", DType.F32, Shape.ANY).at("1:"));
    }

    @Test
    void anIndexHasAGradient() {
        Variable x = Variable.of("x", Tensor.arange(6).cast(DType.F32).reshape(2, 3));
        x.at("1, ::-2").mul(Tensor.of(new float[] {10, 20})).sum().backward();
        assertArrayEquals(new float[] {0, 0, 0, 20, 0, 10}, x.grad().orElseThrow().toFloatArray());
    }

    // ---------------------------------------------------------------------------------------- bad
    // values

    @Test
    void anIndexOutOfRangeIsFoundWhenItIsRead() {
        Tensor x = counted(3, 4);
        Tensor picked = x.gather(1, Tensor.of(new long[] {0, 4, -1}, 3, 1));
        assertMessage(
                ValueException.class,
                "gather: index 4 is out of range for axis 1 of size 4",
                picked::toIntArray);
        assertMessage(
                ValueException.class,
                "gather: index -1 is out of range for axis 0 of size 3",
                () -> x.take(Tensor.of(new int[] {-1}), 0).realize());
        assertMessage(
                ValueException.class,
                "scatter_add: index 9 is out of range for axis 0 of size 3",
                () ->
                        Tensor.zeros(3)
                                .scatterAdd(0, Tensor.of(new long[] {1, 9}), Tensor.ones(2))
                                .realize());
        assertInts(
                x.take(Tensor.of(new int[] {1}), 0),
                new long[] {1, 4},
                4,
                5,
                6,
                7); // the engine goes on
    }

    @Test
    void operandsOfAWrongProductAreNamed() {
        Variable weight = Variable.zeros("head.weight", 100, 10);
        Tensor x = Tensor.symbol("x", DType.F32, 128, 784);
        assertMessage(
                ShapeException.class,
                """
                matmul: a.size(-1) must equal b.size(-2), but 784 ≠ 100
                  a  f32[128, 784]  input 'x'
                  b  f32[100, 10]   parameter head.weight
                  hint: b.transpose() is [10, 100]; did the layer before change its width?\
                """,
                () -> x.matmul(weight));
        Variable mean = Variable.of("running_mean", Tensor.zeros(3), false);
        assertMessage(
                ShapeException.class,
                """
                add: shapes do not broadcast: a.size(-1) is 2 and b.size(-1) is 3
                  a  f32[2]  tensor
                  b  f32[3]  variable running_mean\
                """,
                () -> Tensor.of(new float[] {1, 2}).add(mean));
    }

    @Test
    void theFirstFrameOfAnErrorIsTheUsers() {
        NacreException e =
                assertThrows(NacreException.class, () -> Tensor.ones(2).matmul(Tensor.ones(3)));
        assertEquals(TensorTest.class.getName(), e.getStackTrace()[0].getClassName());
        NacreException late =
                assertThrows(
                        ValueException.class,
                        () -> Tensor.ones(2).gather(0, Tensor.of(new long[] {5})).realize());
        assertEquals(TensorTest.class.getName(), late.getStackTrace()[0].getClassName());
    }
}
