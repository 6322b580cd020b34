package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Absurd numbers in everything that makes a layer, found by reflection: a layer, or an error of ours, soon.
class LayerSizesTest {
    private static final List<Class<?>> LAYERS =
            List.of(
                    AdaptiveAvgPool2d.class,
                    AvgPool2d.class,
                    BatchNorm1d.class,
                    BatchNorm2d.class,
                    Conv1d.class,
                    Conv2d.class,
                    Conv3d.class,
                    ConvTranspose2d.class,
                    Dropout.class,
                    Embedding.class,
                    GRU.class,
                    GRUCell.class,
                    GroupNorm.class,
                    KeyValueCache.class,
                    LSTM.class,
                    LSTMCell.class,
                    LayerNorm.class,
                    LearnedPositions.class,
                    Linear.class,
                    MaxPool2d.class,
                    MultiheadAttention.class,
                    RMSNorm.class,
                    RNN.class,
                    RNNCell.class,
                    TransformerDecoderLayer.class,
                    TransformerEncoderLayer.class);
    private static final long[] LONGS = {
        Long.MIN_VALUE, -1, 0, 1, Integer.MAX_VALUE, 1L << 40, (1L << 61) + 1, Long.MAX_VALUE
    };
    private static final double[] DOUBLES = {
        Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -1, 0, 0.5, 1, 1e300
    };

    @TestFactory
    Stream<DynamicTest> everyLayer() {
        return LAYERS.stream()
                .flatMap(layer ->
                        Arrays.stream(layer.getMethods())
                                .filter(m ->
                                        Modifier.isStatic(m.getModifiers())
                                                && m.getName().equals("of")
                                                && Arrays.stream(m.getParameterTypes())
                                                        .anyMatch(LayerSizesTest::isNumber))
                                .map(m ->
                                        DynamicTest.dynamicTest(
                                                layer.getSimpleName()
                                                        + Arrays.toString(m.getParameterTypes()),
                                                () -> tried(m))));
    }

    private static boolean isNumber(Class<?> c) {
        return c == long.class || c == int.class || c == double.class || c == long[].class;
    }

    private static void tried(Method m) {
        int count =
                (int) Arrays.stream(m.getParameterTypes()).filter(LayerSizesTest::isNumber).count();
        for (int which = -1; which < count; which++) {
            for (int value = 0; value < LONGS.length; value++) {
                Object[] arguments = arguments(m, which, value);
                String what = m + " with " + Arrays.deepToString(arguments);
                assertTimeoutPreemptively(
                        Duration.ofSeconds(10), () -> tried(m, arguments, what), what);
            }
        }
    }

    private static void tried(Method m, Object[] arguments, String what)
            throws IllegalAccessException {
        try {
            m.invoke(null, arguments);
        } catch (InvocationTargetException e) {
            Throwable cause = e.getCause();
            assertTrue(cause instanceof NacreException, () -> what + ": " + cause);
        }
    }

    private static Object[] arguments(Method m, int which, int value) {
        Class<?>[] types = m.getParameterTypes();
        Object[] out = new Object[types.length];
        int number = 0;
        for (int i = 0; i < types.length; i++) {
            boolean absurd = isNumber(types[i]) && (number == which || which < 0);
            number += isNumber(types[i]) ? 1 : 0;
            long n = absurd ? LONGS[value] : 4;
            if (types[i] == long.class) {
                out[i] = n;
            } else if (types[i] == int.class) {
                out[i] = Math.clamp(absurd ? n : 2, Integer.MIN_VALUE, Integer.MAX_VALUE);
            } else if (types[i] == double.class) {
                out[i] = absurd ? DOUBLES[value] : 0.5;
            } else if (types[i] == long[].class) {
                out[i] = new long[] {n};
            } else if (types[i] == Rng.class) {
                out[i] = Rng.seed(1);
            } else if (types[i] == boolean.class) {
                out[i] = false;
            } else if (types[i] == Initializer.class) {
                out[i] = Initializer.normal(0, 1);
            } else {
                out[i] = Tensor.ones(4);
            }
        }
        return out;
    }

    /// Pooling is checked where it is used, too.
    @TestFactory
    Stream<DynamicTest> pooling() {
        Tensor x = Tensor.ones(1, 2, 5, 6).realize();
        Tensor wide = Tensor.ones(1, 1, 1, (1 << 24) + 1); // is not computed
        return Arrays.stream(LONGS)
                .mapToObj(n ->
                        DynamicTest.dynamicTest(
                                "" + n,
                                () -> {
                                    for (Tensor t : List.of(x, wide)) {
                                        soon(() -> new AdaptiveAvgPool2d(n, 2).forward(t));
                                        soon(() -> new AdaptiveAvgPool2d(1, n).forward(t));
                                        soon(() -> MaxPool2d.of(n).forward(t));
                                        soon(() -> AvgPool2d.of(n).forward(t));
                                    }
                                }));
    }

    private static void soon(java.util.concurrent.Callable<Tensor> code) {
        assertTimeoutPreemptively(
                Duration.ofSeconds(10),
                () -> {
                    try {
                        code.call();
                    } catch (NacreException e) {
                        assertTrue(e.getMessage().contains(":"));
                    }
                });
    }
}
