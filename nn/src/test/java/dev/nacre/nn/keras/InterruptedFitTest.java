package dev.nacre.nn.keras;

import static dev.nacre.nn.Activation.RELU;
import static dev.nacre.nn.keras.Fit.batchSize;
import static dev.nacre.nn.keras.Fit.callback;
import static dev.nacre.nn.keras.Fit.epochs;
import static dev.nacre.nn.keras.Fit.validationSplit;
import static dev.nacre.nn.keras.Fit.verbose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A `fit` that is interrupted, or whose callback throws, leaves the model as it was after the last batch, and another `fit` goes on from there.
class InterruptedFitTest {
    private static final int EPOCHS = 3;

    /// Where a callback throws.
    private enum Hook {
        TRAIN_BEGIN,
        EPOCH_BEGIN,
        BATCH_BEGIN,
        BATCH_END,
        EPOCH_END,
        TRAIN_END
    }

    /// Throws at the n-th call of a hook.
    private static final class Thrower implements Callback {
        final Hook where;
        final Throwable what;
        int left;

        Thrower(Hook where, int call, Throwable what) {
            this.where = where;
            this.left = call;
            this.what = what;
        }

        private void at(Hook hook) {
            if (hook == where && left-- == 0) {
                if (what instanceof Error e) {
                    throw e;
                }
                throw (RuntimeException) what;
            }
        }

        @Override
        public void onTrainBegin(Sequential model) {
            at(Hook.TRAIN_BEGIN);
        }

        @Override
        public void onEpochBegin(int epoch) {
            at(Hook.EPOCH_BEGIN);
        }

        @Override
        public void onTrainBatchBegin(int batch) {
            at(Hook.BATCH_BEGIN);
        }

        @Override
        public void onTrainBatchEnd(int batch, Map<String, Double> logs) {
            at(Hook.BATCH_END);
        }

        @Override
        public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
            at(Hook.EPOCH_END);
            return true;
        }

        @Override
        public void onTrainEnd() {
            at(Hook.TRAIN_END);
        }
    }

    /// The model after each batch.
    private static final class Recorder implements Callback {
        final Sequential model;
        final List<String> states = new ArrayList<>();

        Recorder(Sequential model) {
            this.model = model;
        }

        @Override
        public void onTrainBatchEnd(int batch, Map<String, Double> logs) {
            states.add(state(model));
        }

        @Override
        public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
            return true;
        }
    }

    private static String state(Sequential model) {
        StringBuilder out = new StringBuilder();
        model.state().forEach((k, v) -> out.append(k).append(numbers(v)));
        model.optimizer().state().forEach((k, v) -> out.append(k).append(numbers(v)));
        return out.toString();
    }

    private static String numbers(Tensor t) {
        return t.dtype().isFloating()
                ? Arrays.toString(t.toDoubleArray())
                : Arrays.toString(t.cast(dev.nacre.type.DType.I64).toLongArray());
    }

    private final Tensor x = Rng.seed(1).normal(60, 4).realize();
    private final Tensor y = x.sum(1).unsqueeze(1).realize();
    private Optional<Map<String, Tensor>> first = Optional.empty(); // what models begin with

    private Sequential model() {
        Sequential m = Sequential.of(Input.of(4), Dense.of(8, RELU), Dropout.of(0.3), Dense.of(1));
        m.compile("adam", "mse", "mae");
        m.evaluate(x, y);
        if (first.isPresent()) {
            m.load(first.get());
        }
        return m;
    }

    /// All models begin with the same numbers.
    private void begin() {
        Map<String, Tensor> values = new java.util.LinkedHashMap<>();
        model().state().forEach((k, v) -> values.put(k, v.detach().realize()));
        first = Optional.of(values);
    }

    private void fit(Sequential model, Callback... callbacks) {
        List<Fit.Option> options =
                new ArrayList<>(
                        List.of(epochs(EPOCHS), batchSize(8), verbose(0), validationSplit(0.2)));
        for (Callback c : callbacks) {
            options.add(callback(c));
        }
        model.fit(x, y, options.toArray(Fit.Option[]::new));
    }

    private List<String> uninterrupted() {
        Sequential model = model();
        Recorder all = new Recorder(model);
        String before = state(model);
        fit(model, all);
        List<String> out = new ArrayList<>(List.of(before));
        out.addAll(all.states);
        return out;
    }

    private static long preparing() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().equals("nacre-batches") && t.isAlive())
                .count();
    }

    private static void requireNoThread(long before, String what) throws InterruptedException {
        for (int i = 0; preparing() > before && i < 500; i++) {
            Thread.sleep(10);
        }
        assertTrue(preparing() <= before, what);
    }

    @ParameterizedTest
    @EnumSource(Hook.class)
    void callbacksThatThrow(Hook hook) throws InterruptedException {
        begin();
        List<String> expected = uninterrupted();
        for (int call : new int[] {0, 1, 5}) {
            Throwable what =
                    call == 1 ? new AssertionError("stop") : new IllegalStateException("stop");
            Sequential model = model();
            long threads = preparing();
            Thrower thrower = new Thrower(hook, call, what);
            Throwable seen = null;
            try {
                fit(model, thrower);
            } catch (Throwable e) {
                seen = e;
            }
            if (thrower.left >= 0) {
                continue; // the hook has fewer calls
            }
            String row = hook + ", call " + call;
            assertSame(what, seen, row);
            int steps = (int) model.optimizer().steps();
            assertEquals(expected.get(steps), state(model), row);
            requireNoThread(threads, row);
            fit(model);
            assertEquals(steps + expected.size() - 1, model.optimizer().steps(), row);
            assertTrue(Double.isFinite(model.evaluate(x, y).get("loss")), row);
        }
    }

    /// Between any two batches, while one is computed, and before the first.
    @Test
    void interrupts() throws InterruptedException {
        begin();
        List<String> expected = uninterrupted();
        int stopped = 0;
        for (int i = 0; i < 20; i++) {
            Sequential model = model();
            long threads = preparing();
            AtomicReference<Throwable> seen = new AtomicReference<>();
            boolean[] flag = new boolean[1];
            int at = i;
            Thread t =
                    new Thread(() -> {
                        try {
                            fit(model);
                        } catch (Throwable e) {
                            seen.set(e);
                        }
                        flag[0] = Thread.currentThread().isInterrupted();
                    });
            t.setDaemon(true);
            t.start();
            if (at > 0) {
                Thread.sleep(at / 10, 100_000 * (at % 10));
            }
            t.interrupt();
            t.join(20_000);
            assertFalse(t.isAlive(), "interrupt " + i);
            assertTrue(flag[0] || seen.get() == null, "interrupt " + i);
            int steps = (int) model.optimizer().steps();
            assertEquals(expected.get(steps), state(model), "interrupt " + i);
            if (seen.get() != null) {
                stopped++;
                String message =
                        assertThrows(
                                        NacreException.class,
                                        () -> {
                                            throw seen.get();
                                        })
                                .getMessage();
                assertTrue(message.startsWith("batches: interrupted while waiting"), message);
            }
            requireNoThread(threads, "interrupt " + i);
            fit(model);
            assertEquals(steps + expected.size() - 1, model.optimizer().steps());
        }
        assertTrue(stopped > 0);
    }
}
