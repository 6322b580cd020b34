package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Margin;
import dev.nacre.ir.Span;
import dev.nacre.ir.Window;
import dev.nacre.type.Axes;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/// Absurd numbers in every public function of tensors that takes numbers, found by reflection: a result, or an error of ours, soon, and the process lives on.
class SizesTest {
    private static final long[] LONGS = {
        Long.MIN_VALUE,
        Integer.MIN_VALUE,
        -2,
        -1,
        0,
        1,
        2,
        100_000_000,
        Integer.MAX_VALUE,
        1L << 31,
        1L << 32,
        (1L << 61) + 1,
        1L << 62,
        Long.MAX_VALUE
    };
    private static final double[] DOUBLES = {
        Double.NaN,
        Double.POSITIVE_INFINITY,
        Double.NEGATIVE_INFINITY,
        -1e300,
        -1,
        -0.0,
        0,
        0.5,
        1,
        1e10,
        1e300
    };

    /// Results of more elements are not computed: their type was checked, and memory is there or not.
    private static final long MOST = 1 << 22;

    private static final List<Tensor> OPERANDS =
            List.of(
                    Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 1, 2, 4).realize(),
                    Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 1, 2, 2, 2).realize(),
                    Tensor.of(new float[] {1, 2, 3}).realize(),
                    Tensor.of(new int[] {0, 1, 2, 1}, 2, 2).realize(),
                    Tensor.zeros(2, 0).realize());

    /// Those of each kind, and the operands that most functions take, for every run.
    private static final long[] FEW = {Long.MIN_VALUE, -1, 0, Integer.MAX_VALUE, (1L << 61) + 1};

    @TestFactory
    Stream<DynamicTest> everyFunction() {
        return everyFunction(FEW, OPERANDS.subList(1, 3), 1);
    }

    @TestFactory
    @Tag("nightly")
    Stream<DynamicTest> everyFunctionAndNumber() {
        return everyFunction(LONGS, OPERANDS, 2);
    }

    private static Stream<DynamicTest> everyFunction(
            long[] longs, List<Tensor> operands, int usual) {
        return Arrays.stream(Tensor.class.getMethods())
                .filter(m ->
                        m.getDeclaringClass() != Object.class && !m.isSynthetic() && !m.isBridge())
                .filter(m -> Stream.of(m.getParameterTypes()).anyMatch(SizesTest::isNumber))
                .filter(m -> !m.getName().startsWith("of"))
                .sorted(Comparator.comparing(Method::toString))
                .map(m ->
                        DynamicTest.dynamicTest(
                                m.getName() + Arrays.toString(m.getParameterTypes()),
                                () -> tried(m, longs, operands, usual)));
    }

    private static boolean isNumber(Class<?> type) {
        return type == long.class
                || type == int.class
                || type == double.class
                || type == long[].class
                || type == int[].class
                || type == Shape.class
                || type == Map.class;
    }

    private static void tried(Method m, long[] longs, List<Tensor> operands, int usuals)
            throws Exception {
        List<Tensor> targets =
                Modifier.isStatic(m.getModifiers()) ? operands.subList(0, 1) : operands;
        int absurd = (int) Stream.of(m.getParameterTypes()).filter(SizesTest::isNumber).count();
        for (Tensor x : targets) {
            for (int which = -1; which < absurd; which++) { // −1: all at once
                for (int value = 0; value < longs.length; value++) {
                    for (int usual = 0; usual < usuals; usual++) {
                        soon(m, x, arguments(m, x, which, longs[value], value, usual));
                    }
                }
            }
        }
    }

    /// One absurd number, or all of them, among usual ones.
    private static Object[] arguments(
            Method m, Tensor x, int which, long absurdNumber, int value, int usual) {
        Class<?>[] types = m.getParameterTypes();
        Object[] out = new Object[types.length];
        int number = 0;
        for (int i = 0; i < types.length; i++) {
            boolean absurd = isNumber(types[i]) && (number == which || which < 0);
            number += isNumber(types[i]) ? 1 : 0;
            long n = absurd ? absurdNumber : usual;
            if (types[i] == long.class) {
                out[i] = n;
            } else if (types[i] == int.class) {
                out[i] = Math.clamp(n, Integer.MIN_VALUE, Integer.MAX_VALUE);
            } else if (types[i] == double.class) {
                out[i] = absurd ? DOUBLES[value % DOUBLES.length] : 0.5 + usual;
            } else if (types[i] == long[].class) {
                long[] sizes = new long[x.rank()];
                Arrays.fill(sizes, absurd && which < 0 ? n : 1);
                if (absurd && sizes.length > 0) {
                    sizes[usual % sizes.length] = n;
                }
                out[i] = sizes;
            } else if (types[i] == Shape.class) {
                out[i] = absurd ? Shape.of(n, 4) : x.shape();
            } else if (types[i] == int[].class) {
                out[i] = new int[] {Math.clamp(n, Integer.MIN_VALUE, Integer.MAX_VALUE)};
            } else if (types[i] == Map.class) {
                out[i] = Map.of("h", Math.clamp(n, Integer.MIN_VALUE, Integer.MAX_VALUE));
            } else {
                out[i] = other(types[i], m, x);
            }
        }
        return out;
    }

    private static Object other(Class<?> type, Method m, Tensor x) {
        if (type == boolean.class) {
            return false;
        }
        if (type == DType.class) {
            return DType.F32;
        }
        if (type == String.class) {
            return m.getName().equals("rearrange") ? "a b (h w) -> a b h w" : "x";
        }
        if (type == Binary.class) {
            return Binary.SUB;
        }
        if (type == Correction.class) {
            return Correction.NONE;
        }
        if (type == Axes.class) {
            return Axes.of("x", x.rank(), 0);
        }
        if (type == Tensor[].class) {
            return new Tensor[] {x, x};
        }
        if (type == List.class) {
            return switch (m.getName()) {
                case "slice", "unslice" ->
                        List.of(new Span(0, 1, 1), new Span(0, 2, 1), new Span(1, 2, 2));
                case "pad", "unpad" -> List.of(Margin.NONE, new Margin(1, 0, 1), Margin.NONE);
                case "conv", "convTranspose", "windows", "maxPool", "avgPool", "overlapAdd" ->
                        List.of(Window.of(2));
                default -> List.of(x);
            };
        }
        if (type.isAssignableFrom(Tensor.class)) {
            return m.getName().startsWith("conv") ? x : OPERANDS.get(3);
        }
        return null;
    }

    /// Calls it and computes what it gives.
    private static void soon(Method m, Tensor x, Object[] arguments) throws Exception {
        String what = m.getName() + " of " + x.type() + " with " + Arrays.deepToString(arguments);
        var executor = Executors.newSingleThreadExecutor();
        try {
            executor.submit(() -> call(m, x, arguments)).get(5, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError(what + " takes too long", e);
        } catch (java.util.concurrent.ExecutionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof InvocationTargetException i) {
                cause = i.getCause();
            }
            Throwable found = cause;
            assertTrue(
                    found instanceof NacreException,
                    () -> {
                        StringBuilder text = new StringBuilder(what + ": " + found);
                        for (StackTraceElement f : Arrays.copyOf(found.getStackTrace(), 6)) {
                            text.append("\n    ").append(f);
                        }
                        return text.toString();
                    });
        } finally {
            executor.shutdownNow();
        }
    }

    private static Object call(Method m, Tensor x, Object[] arguments) throws Exception {
        Object result = m.invoke(x, arguments);
        List<Object> parts = new ArrayList<>();
        parts.add(result);
        if (result instanceof Collection<?> c) {
            parts.addAll(c);
        }
        if (result instanceof dev.nacre.ir.Reductions.TopK<?> t) {
            parts.add(t.values());
            parts.add(t.indices());
        }
        for (Object p : parts) {
            if (p instanceof Tensor t && t.shape().isKnown() && t.shape().count() <= MOST) {
                t.realize();
            }
        }
        return result;
    }

    /// Negative sizes, which stand for none: that of an unknown size is another number, and belongs to whoever declared it.
    @TestFactory
    Stream<DynamicTest> negative() {
        Tensor x = OPERANDS.get(2);
        Rng rng = Rng.seed(1);
        List<Named> named = new ArrayList<>();
        for (long n : new long[] {-1, -2, Integer.MIN_VALUE}) {
            Shape shape = Shape.of(n);
            named.add(new Named("broadcastTo " + n, () -> Tensor.ones(1).broadcastTo(n)));
            named.add(new Named("broadcastTo 3, " + n, () -> x.unsqueeze(1).broadcastTo(3, n)));
            named.add(
                    new Named(
                            "expandAlong " + n,
                            () -> x.expandAlong(Axes.of("x", 2, 1), Shape.of(3, n))));
            named.add(new Named("zeros " + n, () -> Tensor.zeros(n)));
            named.add(new Named("bits " + n, () -> rng.bits(shape)));
            named.add(new Named("uniform " + n, () -> rng.uniform(shape)));
            named.add(new Named("normal " + n, () -> rng.normal(shape)));
            named.add(new Named("bernoulli " + n, () -> rng.bernoulli(0.5, shape)));
            named.add(new Named("integers " + n, () -> rng.integers(3, shape)));
        }
        return named.stream()
                .map(t ->
                        DynamicTest.dynamicTest(
                                t.name,
                                () -> {
                                    String said =
                                            assertThrows(ShapeException.class, t.code::run)
                                                    .getMessage();
                                    assertTrue(said.contains("must not be negative"), said);
                                }));
    }

    /// Orders hold places in ints.
    @TestFactory
    Stream<DynamicTest> sorting() {
        Tensor x = Tensor.zeros(1L << 33);
        return Stream.of(
                        new Named("sort", () -> x.sort(0, true).realize()),
                        new Named("argsort", () -> x.argsort(0, false).realize()),
                        new Named("topk", () -> x.topk(2, 0).values().realize()),
                        new Named("permutation", () -> Rng.seed(1).permutation(1L << 33).realize()))
                .map(t ->
                        DynamicTest.dynamicTest(
                                t.name, () -> assertThrows(ShapeException.class, t.code::run)));
    }

    private record Named(String name, Runnable code) {}

    /// What the table above does not reach: windows and spans with numbers of their own.
    @TestFactory
    Stream<DynamicTest> windows() {
        return windows(new long[] {-1, 0, 100_000_000, Integer.MAX_VALUE, 1L << 62});
    }

    @TestFactory
    @Tag("nightly")
    Stream<DynamicTest> windowsOfAllNumbers() {
        return windows(LONGS);
    }

    private static Stream<DynamicTest> windows(long[] longs) {
        List<Named> named = new ArrayList<>();
        Tensor image = Tensor.ones(1, 1, 8, 8).realize();
        Tensor kernel = Tensor.ones(1, 1, 3, 3).realize();
        Tensor line = Tensor.ones(1, 1, 64).realize();
        Tensor short1 = Tensor.ones(1, 1, 3).realize();
        for (long n : longs) {
            Window[] all = {
                new Window(3, n, 1, 0, 0),
                new Window(3, 1, n, 0, 0),
                new Window(3, 1, 1, n, 0),
                new Window(3, 1, 1, 0, n),
                new Window(3, 1, 1, n, n),
                new Window(3, n, 1, n, n),
                new Window(n, 1, 1, 0, 0),
                new Window(n, n, 1, n / 2, n / 2),
                new Window(3, n, n, n, n)
            };
            for (Window w : all) {
                List<Window> two = List.of(w, w);
                named.add(
                        new Named("conv " + w, () -> gradient(image, x -> x.conv(kernel, two, 1))));
                named.add(
                        new Named(
                                "conv 1 " + w,
                                () -> gradient(line, x -> x.conv(short1, List.of(w), 1))));
                named.add(
                        new Named(
                                "transposed " + w,
                                () -> gradient(image, x -> x.convTranspose(kernel, two, 1, 0))));
                named.add(new Named("max " + w, () -> gradient(image, x -> x.maxPool(two))));
                named.add(new Named("mean " + w, () -> gradient(image, x -> x.avgPool(two, true))));
                named.add(
                        new Named(
                                "mean inside " + w,
                                () -> gradient(image, x -> x.avgPool(two, false))));
                named.add(new Named("windows " + w, () -> gradient(image, x -> x.windows(two))));
            }
            for (Span s :
                    List.of(
                            new Span(n, 1, 1),
                            new Span(0, n, 1),
                            new Span(0, 1, n),
                            new Span(0, 2, n),
                            new Span(7, 2, n),
                            new Span(n, n, n),
                            new Span(1, n, 1 << 30))) {
                named.add(
                        new Named(
                                "slice " + s,
                                () ->
                                        gradient(
                                                image,
                                                x ->
                                                        x.slice(
                                                                List.of(
                                                                        Span.all(1),
                                                                        Span.all(1),
                                                                        s,
                                                                        Span.all(8))))));
            }
            for (Margin g :
                    List.of(
                            new Margin(n, 0, 0),
                            new Margin(0, n, 0),
                            new Margin(0, 0, n),
                            new Margin(n, n, n))) {
                named.add(
                        new Named(
                                "pad " + g,
                                () ->
                                        gradient(
                                                image,
                                                x ->
                                                        x.pad(
                                                                List.of(
                                                                        Margin.NONE,
                                                                        Margin.NONE,
                                                                        g,
                                                                        Margin.NONE),
                                                                0))));
            }
            named.add(new Named("at " + n, () -> line.at("..., " + n).realize()));
            named.add(new Named("at range " + n, () -> line.at("..., " + n + "::" + n).realize()));
            named.add(new Named("at too many digits", () -> line.at("..., 99999999999999999999")));
        }
        return named.stream()
                .map(x ->
                        DynamicTest.dynamicTest(
                                x.name,
                                () -> {
                                    long start = System.nanoTime();
                                    try {
                                        x.code.run();
                                    } catch (NacreException e) {
                                        // as it should be
                                    }
                                    double seconds = (System.nanoTime() - start) * 1e-9;
                                    assertTrue(seconds < 5, () -> seconds + " s");
                                }));
    }

    private static void gradient(Tensor x, java.util.function.UnaryOperator<Tensor> f) {
        Variable v = Variable.of("x", x);
        Tensor y = f.apply(v);
        if (y.shape().count() <= MOST) {
            Tensor.realize(y, Gradients.of(y.sum(), v).of(v));
        }
    }
}
