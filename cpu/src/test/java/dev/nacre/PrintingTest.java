package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Tensors print as NumPy prints them, and their type: `printing/numpy.txt` says what the former is, and how it was found.
class PrintingTest {
    private static final float NAN = Float.NaN;
    private static final float INF = Float.POSITIVE_INFINITY;

    private static Tensor f32(double... values) {
        return Tensor.of(values).cast(DType.F32);
    }

    private static Tensor f64(double... values) {
        return Tensor.of(values);
    }

    private static Tensor f16(double... values) {
        return Tensor.of(values).cast(DType.F16);
    }

    private static Tensor count(int n, DType t) {
        return Tensor.arange(n).cast(t);
    }

    private static Tensor f32Scalar(double value) {
        return Tensor.of((float) value);
    }

    private static Map<String, Tensor> tensors() {
        Map<String, Tensor> t = new HashMap<>();
        positional(t);
        scientific(t);
        special(t);
        exact(t);
        layout(t);
        summaries(t);
        scalars(t);
        return t;
    }

    private static void positional(Map<String, Tensor> t) {
        t.put("floats", f32(1, 2.5, -3));
        t.put("whole floats", f32(1, 2, 3));
        t.put("eighths", count(12, DType.F32).reshape(3, 4).div(8));
        t.put("thirds", count(6, DType.F32).reshape(2, 3).div(3));
        t.put("thirds in f64", count(6, DType.F64).reshape(2, 3).div(3));
        t.put("f32 a million", f32(999999, 1000));
        t.put("half below a thousand", f16(999, 0.5));
        t.put("ratio of just a thousand", f64(0.001, 1.0));
        t.put("tiny rounded", f64(0.00012345678912, 0.1));
        t.put("carry", f64(0.999999999, 0.5));
        t.put("tie", f64(0.1234567850, 1.5));
        t.put("sixteen digits", f64(0.1 + 0.2, 1 / 3.0));
    }

    private static void scientific(Map<String, Tensor> t) {
        t.put("f32 from a million", f32(1e6, 2e6));
        t.put("half from a thousand", f16(1001, 0.5));
        t.put("digits behind the shortest", f32(1e-5, 123456.789));
        t.put("exponents of two lengths", f64(1e-300, 1));
        t.put("f32 ten thousandth", f32(1e-4, 0.05));
        t.put("nine digits", f64(123456.789, 0.5));
        t.put("eight digits of f64", f64(Math.PI, Math.E * 100, -1e-3));
        t.put("pi in f32", f32(Math.PI, Math.E * 100, -1e-3));
        t.put("half", f16(0.1, 65504, -2.5));
        t.put("scientific", f32(1e-5, 1, 1000));
        t.put("scientific large", f32(1e8, 1));
        t.put("scientific f64", f64(1e-10, 123456789.0));
        t.put("scientific three digits", f64(1e-300, 1e300));
        t.put("scientific signs", f32(-1.5e-7, 2e-7));
        t.put("scientific ratio", f64(0.001, 1.001));
        t.put("rounds to zero", f64(1e-4, 0.12345678912345));
        t.put("carry in scientific", f64(9.999999999e-6, 1.0));
        t.put("smallest f32", f32(1.4e-45, 3.4028235e38));
        t.put("smallest f64", f64(Double.MIN_VALUE, Double.MAX_VALUE));
        t.put("seven nines", f64(99999999.0, 1));
        t.put("whole numbers long", f32(12345678.0, 1234567.0));
        t.put("whole and eighth", f64(1000000.125, 2));
    }

    private static void special(Map<String, Tensor> t) {
        t.put("scientific with nan", f32(NAN, 1e-9, INF, -INF, 0));
        t.put("nan and inf", f32(NAN, 1.5, INF, -INF));
        t.put("nan and inf only", f32(NAN, INF, -INF));
        t.put("nan alone", f32(NAN));
        t.put("nan and whole", f32(NAN, 1, 2));
        t.put("inf and small", f32(INF, 0.25));
        t.put("minus inf wide", f64(-INF, 100.25));
        t.put("zero", f32(0.0));
        t.put("minus zero", f32(-0.0, 0.0));
        t.put("minus zero and fraction", f32(-0.0, 0.5));
    }

    private static void exact(Map<String, Tensor> t) {
        t.put("ints", Tensor.of(new int[] {1, -20, 300, 4}, 2, 2));
        t.put("longs", Tensor.of(new long[] {Long.MIN_VALUE, Long.MAX_VALUE}));
        t.put("bytes", Tensor.of(new byte[] {-128, 127, 0}));
        t.put("pixels", Tensor.ofUnsigned(new byte[] {0, (byte) 128, (byte) 255}));
        t.put("bools", Tensor.of(new boolean[] {true, false, false, false}, 2, 2));
        t.put("true only", Tensor.of(new boolean[] {true, true}));
    }

    private static void layout(Map<String, Tensor> t) {
        t.put("column", f32(1.5, 2.25).reshape(2, 1));
        t.put("cube", Tensor.arange(12).reshape(2, 2, 3));
        t.put("four axes", count(8, DType.F32).reshape(2, 1, 2, 2).sub(2.5));
        t.put("empty", Tensor.zeros(0));
        t.put("empty rows", Tensor.zeros(2, 0));
        t.put("empty columns", Tensor.zeros(DType.I64, 0, 3));
        t.put("long line", Tensor.arange(30));
        t.put("long line of floats", count(25, DType.F32).div(4));
        t.put("long rows", Tensor.arange(60).reshape(2, 30).mul(100));
        t.put("wrapped cube", count(48, DType.F64).reshape(2, 2, 12).div(7));
    }

    private static void summaries(Map<String, Tensor> t) {
        t.put("summary", Tensor.arange(1001));
        t.put("summary matrix", count(10000, DType.F32).reshape(100, 100));
        t.put("summary narrow", count(2000, DType.F32).reshape(1000, 2).div(4));
        t.put("summary wide", Tensor.arange(2000).reshape(2, 1000));
        t.put("summary cube", Tensor.arange(8000).reshape(20, 20, 20));
        t.put("summary hides", Tensor.arange(2000).eq(1000).where(Tensor.of(1e20f), Tensor.of(1f)));
        t.put("summary of bools", Tensor.arange(1500).mod(2).eq(0));
        t.put("summary small axis", Tensor.arange(1400).reshape(7, 200));
        t.put("summary six", Tensor.arange(1200).reshape(6, 200));
        t.put(
                "summary of long words",
                count(3000, DType.F64).reshape(3, 1000).sub(1500.5).mul(Math.PI));
        t.put("summary of very long words", Tensor.of(-Long.MAX_VALUE).broadcastTo(7, 143));
    }

    private static void scalars(Map<String, Tensor> t) {
        t.put("f32 scalar", f32Scalar(0.1));
        t.put("f64 scalar", Tensor.of(0.1));
        t.put("whole scalar", f32Scalar(3));
        t.put("large scalar", Tensor.of(1e16));
        t.put("larger scalar f32", f32Scalar(1e20));
        t.put("below large scalar", Tensor.of(123456789012345.0));
        t.put("f32 sixteen million", f32Scalar(16777216));
        t.put("f32 large scalar", f32Scalar(123456789));
        t.put("f32 ten thousandth scalar", f32Scalar(1e-4));
        t.put("f32 million scalar", f32Scalar(1e6));
        t.put("f32 below a million scalar", f32Scalar(999999));
        t.put("small scalar", Tensor.of(1e-5));
        t.put("smaller scalar f32", f32Scalar(1.5e-7));
        t.put("less small scalar", Tensor.of(0.00012));
        t.put("nan scalar", f32Scalar(NAN));
        t.put("inf scalar", f32Scalar(-INF));
        t.put("minus zero scalar", Tensor.of(-0.0));
        t.put("half scalar", Tensor.of(0.1f).cast(DType.F16));
        t.put("half large scalar", Tensor.of(65504f).cast(DType.F16));
        t.put("half thousand scalar", Tensor.of(1000f).cast(DType.F16));
        t.put("smallest scalar", Tensor.of(Double.MIN_VALUE));
        t.put("two thirds scalar", Tensor.of(2 / 3.0));
        t.put("int scalar", Tensor.of(-7L));
        t.put("bool scalar", Tensor.of(true));
    }

    private static Map<String, String> expected() throws IOException {
        try (InputStream in = PrintingTest.class.getResourceAsStream("/printing/numpy.txt")) {
            String[] cases = new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n== ");
            Map<String, String> out = new LinkedHashMap<>();
            for (String text : Arrays.asList(cases).subList(1, cases.length)) {
                String[] parts = text.stripTrailing().split("\n", 3);
                out.put(parts[0], parts[2]);
            }
            return out;
        }
    }

    static Stream<Arguments> cases() throws IOException {
        Map<String, Tensor> tensors = tensors();
        Map<String, String> expected = expected();
        assertEquals(expected.keySet(), tensors.keySet());
        return expected.entrySet().stream()
                .map(e -> Arguments.of(e.getKey(), e.getValue(), tensors.get(e.getKey())));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void asNumPy(String name, String expected, Tensor x) {
        assertEquals(expected + " " + x.type(), x.toString());
    }

    @Test
    void aThousandElementsArePrintedInFull() {
        String all = Tensor.arange(1000).toString();
        assertFalse(all.contains("..."));
        assertTrue(all.endsWith("] i64[1000]"));
        String numbers = all.substring(0, all.length() - " i64[1000]".length());
        assertTrue(numbers.lines().allMatch(line -> line.length() <= 75));
        assertEquals(1000, numbers.replaceAll("[\\[\\]\n]", " ").strip().split(" +").length);
    }

    /// NumPy has no bfloat16; its numbers print with the digits that tell them apart.
    @Test
    void bfloat16() {
        assertEquals(
                "[0.1  2.5  3.14] bf16[3]", f32(0.1, 2.5, Math.PI).cast(DType.BF16).toString());
        assertEquals("0.1 bf16[]", Tensor.of(0.1f).cast(DType.BF16).toString());
    }

    @Test
    void whatHasNoNumbersPrintsAsItsType() {
        Tensor x = Tensor.symbol("x", DType.F32, 2, 3);
        assertEquals("input 'x' f32[2, 3]", x.toString());
        assertEquals("result of relu f32[2, 3]", x.relu().toString());
        assertEquals("result of sum f32[]", x.relu().sum().toString());
        Tensor any = Tensor.symbol("y", DType.I64, dev.nacre.type.Shape.ANY);
        assertEquals("result of add i64[?]", any.add(1).toString());
        Variable w = Variable.of("w", Tensor.ones(2));
        Function.of(
                        (Tensor t) -> {
                            assertEquals("w f32[2]", w.toString());
                            assertEquals("result of mul f32[2]", t.mul(w).toString());
                            assertEquals("Rng", Rng.seed(1).toString());
                            return t;
                        })
                .apply(Tensor.ones(2));
    }

    @Test
    void variablesPrintInOneLine() {
        assertEquals("w f32[2, 2] [0. 0. 0. 0.]", Variable.zeros("w", 2, 2).toString());
        assertEquals("s f64[] 0.5", Variable.of("s", Tensor.of(0.5)).toString());
        assertEquals("e f32[0, 3] []", Variable.zeros("e", 0, 3).toString());
        Variable many = Variable.of("fc.weight", Tensor.arange(100).reshape(10, 10), false);
        assertEquals("fc.weight i64[10, 10] [ 0 1 2 ... 97 98 99]", many.toString());
        many.set(many.add(1)); // computed when it is read
        assertEquals("fc.weight i64[10, 10] [ 1 2 3 ... 98 99 100]", many.toString());
    }

    /// Nothing of the engine prints its numbers by being mentioned.
    @Test
    void handles() {
        Variable w = Variable.of("w", Tensor.ones(3));
        assertEquals("w f32[3] becomes result of mul", w.to(w.mul(2)).toString());
        assertEquals("Gradients[f32[3]]", Gradients.of(w.square().sum(), w).toString());
        Function f = Function.of((Tensor a, Tensor b) -> a.add(b));
        assertEquals("Function of 2 tensors, not compiled yet", f.toString());
        f.apply(Tensor.ones(3), Tensor.of(1f));
        assertEquals("Function of 2 tensors, compiled for [f32[3], f32[]]", f.toString());
        Tensor x = Tensor.symbol("x", DType.F32, 3);
        assertEquals(
                "Function of input 'x', not compiled yet",
                Function.of(List.of(x), List.of(x.mul(2))).toString());
        Rng rng = Rng.seed(42);
        assertEquals("Rng(seed 42, 0 draws)", rng.toString());
        rng.bits(dev.nacre.type.Shape.of(2)).realize();
        assertEquals("Rng(seed 42, 1 draw)", rng.toString());
    }
}
