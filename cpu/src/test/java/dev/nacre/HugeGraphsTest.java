package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The time to compile a graph grows with its size, whatever its form: four times the nodes take about four times as long, not sixteen times.
class HugeGraphsTest {
    /// Enough that what grows with the square shows.
    private static final int COUNT = 600;

    private static final int TIMES = 4;

    /// Of the times' ratio, where a linear one is [#TIMES] and a square one its square.
    private static final double LIMIT = 9;

    enum Form {
        CONCAT_OF_VALUES(n -> Tensor.concat(0, filled(n))),
        CONCAT_OF_SUMS(n -> Tensor.concat(0, sums(n))),
        STACK(n -> Tensor.stack(0, List.of(filled(n)))),
        SUM_OF_VALUES(n -> sum(filled(n))),
        TREE(n -> tree(sums(n))),
        CHAIN(n -> repeated(n, (x, i) -> i % 2 == 0 ? x.sin() : x.mul(0.5))),
        SLICES(n -> {
            Tensor x = Tensor.arange(n + 8).cast(DType.F32).realize();
            for (int i = 0; i < n; i++) {
                x = x.slice(0, 1, x.size(0));
            }
            return x;
        }),
        PRODUCTS(n -> {
            Tensor w = Tensor.full(0.25, DType.F32, 4, 4).realize();
            Tensor x = w;
            for (int i = 0; i < n; i++) {
                x = x.matmul(w);
            }
            return x.sum();
        }),
        OPERANDS_OF_EINSUM(n -> {
            Tensor[] all = filled(n);
            return all[0].einsum("a" + ",a".repeat(n - 1) + "->a", Arrays.copyOfRange(all, 1, n));
        }),
        GRADIENT_OF_A_CHAIN(n -> {
            Variable w = Variable.of("w", Tensor.ones(3));
            Tensor y = repeated(n / 8, (x, _) -> x.mul(w).sin()).sum();
            return Gradients.of(y, w).of(w);
        }),
        GRADIENTS_BY_VARIABLES(n -> {
            Variable[] all = variables(n / 4);
            Tensor loss = Tensor.of(0f);
            for (Variable w : all) {
                loss = loss.add(w.square().sum());
            }
            Gradients g = Gradients.of(loss, all);
            return sum(Arrays.stream(all).map(g::of).toArray(Tensor[]::new));
        }),
        UPDATES(n -> {
            Variable[] all = variables(n);
            Variable.update(
                    List.of(all),
                    () -> {
                        for (Variable w : all) {
                            w.set(w.mul(0.5).add(1));
                        }
                    });
            return all[n - 1].detach();
        }),
        OUTPUTS(n -> {
            Tensor[] all = sums(n);
            Tensor.realize(all);
            return all[n - 1];
        });

        private final IntFunction<Tensor> of;

        Form(IntFunction<Tensor> of) {
            this.of = of;
        }
    }

    private interface Step {
        Tensor of(Tensor x, int i);
    }

    private static Tensor repeated(int n, Step step) {
        Tensor x = Tensor.of(new float[] {1, 2, 3}).realize();
        for (int i = 0; i < n; i++) {
            x = step.of(x, i);
        }
        return x;
    }

    private static Tensor[] filled(int n) {
        Tensor[] out = new Tensor[n];
        for (int i = 0; i < n; i++) {
            out[i] = Tensor.of(new float[] {i % 7, i % 3, 1});
        }
        return out;
    }

    /// Of one tensor and numbers of which there are few, so that few loops are generated.
    private static Tensor[] sums(int n) {
        Tensor x = Tensor.of(new float[] {1, 2, 3});
        Tensor[] out = new Tensor[n];
        for (int i = 0; i < n; i++) {
            out[i] = x.add(Tensor.of(new float[] {i, i % 5, 2}));
        }
        return out;
    }

    private static Variable[] variables(int n) {
        Tensor one = Tensor.ones(3).realize();
        Variable[] out = new Variable[n];
        for (int i = 0; i < n; i++) {
            out[i] = Variable.of("w" + i, one);
        }
        return out;
    }

    private static Tensor sum(Tensor[] all) {
        Tensor out = all[0];
        for (int i = 1; i < all.length; i++) {
            out = out.add(all[i]);
        }
        return out;
    }

    private static Tensor tree(Tensor[] all) {
        List<Tensor> now = List.of(all);
        while (now.size() > 1) {
            List<Tensor> next = new ArrayList<>();
            for (int i = 0; i < now.size(); i += 2) {
                next.add(i + 1 < now.size() ? now.get(i).add(now.get(i + 1)) : now.get(i));
            }
            now = next;
        }
        return now.getFirst();
    }

    /// Processor time of this thread, so that other processes do not count.
    private static long time(Form form, int n) {
        var threads = ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadCpuTime();
        form.of.apply(n).realize();
        return threads.getCurrentThreadCpuTime() - before;
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void timeGrowsWithTheSize(Form form) {
        time(form, COUNT / 4); // loads classes
        List<String> ratios = new ArrayList<>();
        for (int attempt = 0; attempt < 3; attempt++) { // the JIT and the collector may disturb one
            // numbers of their own for each, so that no plan is found
            long few = time(form, COUNT + 8 * attempt);
            long many = time(form, TIMES * COUNT + 8 * attempt);
            ratios.add("%.1f of %.3f s".formatted((double) many / few, many / 1e9));
            if (many <= LIMIT * few + 20_000_000L) {
                return;
            }
        }
        assertTrue(false, form + " takes so many times as long: " + ratios);
    }

    @Tag("nightly")
    @ParameterizedTest
    @EnumSource(
            value = Form.class,
            names = {"CHAIN", "TREE", "GRADIENT_OF_A_CHAIN"})
    void aMillionNodesAreComputed(Form form) {
        int n = form == Form.TREE ? 333_333 : 1_000_000; // of which each makes several
        assertEquals(0, form.of.apply(n).isNan().cast(DType.I32).sum().item());
    }
}
