package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.ir.Graph;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Loops whose expressions would become longer with every step: they take as many plans after a hundred steps as after twenty, and give the numbers of a loop that computes everything at once.
class GrowthTest {
    private static final int SETTLED = 24;
    private static final int STEPS = 100;

    private static Variable variable(String name, int seed, long... sizes) {
        return Variable.of(name, Rng.seed(seed).normal(sizes).mul(0.3));
    }

    private static Tensor input(int step) {
        return Rng.seed(100 + step).normal(3, 4).realize();
    }

    private static void descend(Variable... variables) {
        Variable.update(
                List.of(variables),
                () -> {
                    for (Variable v : variables) {
                        v.set(v.sub(v.grad().orElseThrow().mul(0.01)));
                    }
                });
    }

    /// What a loop carries from step to step.
    ///
    /// @param careful whether it computes at once all that it carries, as a user had to so far
    private abstract static class Steps {
        final boolean careful;
        final Variable body = variable("body", 1, 4, 6);
        final Variable head = variable("head", 2, 6, 2);
        int step;

        Steps(boolean careful) {
            this.careful = careful;
        }

        Tensor hidden() {
            return input(step++).matmul(body).tanh();
        }

        Tensor carried(Tensor t) {
            return careful ? t.detach().realize() : t;
        }

        abstract float[] next();
    }

    private enum Kind {
        FORGOTTEN_ZERO_GRAD {
            @Override
            Steps steps(boolean careful) {
                return new Steps(careful) {
                    @Override
                    float[] next() {
                        hidden().matmul(head).square().mean().backward();
                        if (careful) {
                            Tensor.realize(body.grad().orElseThrow(), head.grad().orElseThrow());
                        }
                        descend(body, head);
                        return body.toFloatArray();
                    }
                };
            }
        },
        GRADIENTS_OF_WHAT_IS_NOT_OPTIMIZED {
            @Override
            Steps steps(boolean careful) {
                return new Steps(careful) {
                    @Override
                    float[] next() {
                        head.zeroGrad();
                        hidden().matmul(head).square().mean().backward();
                        if (careful) {
                            body.grad().orElseThrow().realize();
                        }
                        descend(head);
                        return step < STEPS
                                ? head.toFloatArray()
                                : body.grad().orElseThrow().toFloatArray();
                    }
                };
            }
        },
        CARRIED_STATE {
            @Override
            Steps steps(boolean careful) {
                return new Steps(careful) {
                    Tensor state = Tensor.zeros(3, 6);

                    @Override
                    float[] next() {
                        state = carried(state.mul(0.9).add(hidden()).tanh());
                        return state.matmul(head).toFloatArray();
                    }
                };
            }
        },
        TWO_CARRIED_STATES_OF_CONSTANTS {
            @Override
            Steps steps(boolean careful) {
                return new Steps(careful) {
                    final Variable w = Variable.of("w", Rng.seed(3).normal(6, 6).mul(0.3), false);
                    Tensor a = Tensor.ones(3, 6);
                    Tensor b = Tensor.zeros(3, 6);

                    @Override
                    float[] next() {
                        step++;
                        Tensor next = carried(a.matmul(w).sigmoid().mul(b).add(a.tanh()));
                        b = carried(b.add(next.exp()).softmax(-1));
                        a = next;
                        return a.add(b.log()).toFloatArray();
                    }
                };
            }
        },
        READ_AFTER_THE_STEP {
            @Override
            Steps steps(boolean careful) {
                return new Steps(careful) {
                    @Override
                    float[] next() {
                        body.zeroGrad();
                        head.zeroGrad();
                        Tensor scores = hidden().matmul(head);
                        if (careful) {
                            scores.realize();
                        }
                        scores.square().mean().backward();
                        descend(body, head);
                        return scores.softmax(-1)
                                .log()
                                .add(scores.gt(0).cast(DType.F32))
                                .toFloatArray();
                    }
                };
            }
        },
        SUM_THAT_NOBODY_READS {
            @Override
            Steps steps(boolean careful) {
                return new Steps(careful) {
                    Tensor sum = Tensor.of(0f);

                    @Override
                    float[] next() {
                        body.zeroGrad();
                        head.zeroGrad();
                        Tensor scores = hidden().matmul(head);
                        scores.square().mean().backward();
                        descend(body, head);
                        sum = carried(sum.add(scores.detach().max()));
                        return step < STEPS ? new float[0] : sum.reshape(1).toFloatArray();
                    }
                };
            }
        },
        MEAN_OF_WEIGHTS {
            @Override
            Steps steps(boolean careful) {
                return new Steps(careful) {
                    Tensor mean = Tensor.zeros(4, 6);

                    @Override
                    float[] next() {
                        body.zeroGrad();
                        hidden().square().mean().backward();
                        descend(body);
                        mean = carried(mean.mul(0.9).add(body.detach().mul(0.1)));
                        return step < STEPS ? new float[0] : mean.toFloatArray();
                    }
                };
            }
        };

        abstract Steps steps(boolean careful);
    }

    @ParameterizedTest
    @EnumSource
    void plansRepeat(Kind kind) {
        Steps lazy = kind.steps(false);
        Steps careful = kind.steps(true);
        List<float[]> numbers = new ArrayList<>();
        long plans = 0;
        for (int i = 0; i < STEPS; i++) {
            numbers.add(lazy.next());
            if (i + 1 == SETTLED) {
                plans = Engine.compiled();
            }
        }
        long later = Engine.compiled();
        int extra = numbers.getLast().length > 0 && numbers.getFirst().length == 0 ? 1 : 0;
        extra += kind == Kind.GRADIENTS_OF_WHAT_IS_NOT_OPTIMIZED ? 1 : 0; // the last read
        assertTrue(later <= plans + extra, plans + " plans, then " + later);
        for (int i = 0; i < STEPS; i++) {
            float[] expected = careful.next();
            assertArrayEquals(expected, numbers.get(i), 2e-5f, "step " + i);
        }
    }

    /// A step computes what is new in it, not what the step before has computed: its graph has as many nodes as one that starts from numbers.
    @Test
    void nothingIsComputedTwice() {
        Variable w = variable("w", 1, 6, 6);
        Tensor lazy = Tensor.ones(3, 6).realize();
        for (int i = 0; i < 10; i++) {
            lazy = lazy.matmul(w).tanh();
            lazy.sum().item();
        }
        Tensor fresh = Tensor.ones(3, 6).realize().matmul(w).tanh();
        assertEquals(
                Graph.cut(List.of(fresh.matmul(w).sum().node())).size() - 2,
                Graph.cut(List.of(lazy.matmul(w).sum().node())).size());
    }

    /// Whether somebody has read the terms makes no difference to a logarithm.
    @Test
    void keptValuesCostNoDigits() {
        Tensor x = Tensor.of(new float[] {0, -200}).realize();
        for (int i = 0; i < 12; i++) {
            Tensor p = x.add(i).softmax(-1);
            p.max().item();
            p.min().item();
            assertEquals(-200, p.log().min().item(), 1e-3);
            Tensor s = x.add(-i).sigmoid();
            s.max().item();
            s.sum().item();
            assertEquals(-200 - i, s.log().min().item(), 1e-3);
        }
    }

    // -------------------------------------------------------------------------------- words

    private static List<String> warnings(Runnable code) {
        List<String> out = new ArrayList<>();
        Handler listener =
                new Handler() {
                    @Override
                    public void publish(LogRecord r) {
                        out.add(r.getMessage());
                    }

                    @Override
                    public void flush() {}

                    @Override
                    public void close() {}
                };
        Logger logger = Logger.getLogger("dev.nacre");
        logger.addHandler(listener);
        logger.setUseParentHandlers(false);
        try {
            code.run();
        } finally {
            logger.removeHandler(listener);
            logger.setUseParentHandlers(true);
        }
        return out;
    }

    /// The line after the one that asks.
    private static String nextLine() {
        int here =
                StackWalker.getInstance()
                        .walk(f -> f.skip(1).findFirst())
                        .orElseThrow()
                        .getLineNumber();
        return "GrowthTest.java:" + (here + 1);
    }

    @Test
    void aDerivativeByAllStepsIsNamed() {
        Variable w = variable("w", 1, 6, 6);
        String[] here = {""};
        List<String> said =
                warnings(() -> {
                    Tensor state = Tensor.ones(3, 6).realize();
                    for (int i = 0; i < 16; i++) {
                        w.zeroGrad();
                        here[0] = nextLine();
                        state = state.matmul(w).tanh();
                        state.square().mean().backward();
                        descend(w);
                    }
                });
        assertEquals(1, said.size(), said.toString());
        assertTrue(said.getFirst().contains(here[0]), said + " " + here[0]);
        assertTrue(said.getFirst().contains("detach()"), said.toString());
    }

    @Test
    void aStateCarriedOverAThousandStepsIsNamed() {
        Variable w = variable("w", 1, 2, 2);
        String[] here = {""};
        List<String> said =
                warnings(() -> {
                    Tensor state = Tensor.ones(1, 2).realize();
                    for (int i = 0; i < 1030; i++) {
                        state = state.matmul(w).tanh();
                        here[0] = nextLine();
                        state.sum().item();
                    }
                });
        assertEquals(1, said.size(), said.toString());
        assertTrue(said.getFirst().contains(here[0]), said + " " + here[0]);
    }

    /// What is carried on while nothing at all is computed.
    private enum Unread {
        COUNTER {
            @Override
            Tensor first() {
                return Tensor.of(0L);
            }

            @Override
            Tensor next(Tensor t, int step) {
                return t.add(1L);
            }
        },
        TRANSPOSED {
            @Override
            Tensor first() {
                return Rng.seed(1).normal(3, 5).realize();
            }

            @Override
            Tensor next(Tensor t, int step) {
                return t.transpose();
            }
        },
        REPLACED {
            @Override
            Tensor first() {
                return Tensor.zeros(8).realize();
            }

            @Override
            Tensor next(Tensor t, int step) {
                Tensor place = Tensor.arange(8).eq((long) (step % 8));
                return place.where(Tensor.of((float) step), t);
            }
        };

        abstract Tensor first();

        abstract Tensor next(Tensor t, int step);
    }

    @ParameterizedTest
    @EnumSource
    void whatNobodyReadsIsComputedNowAndThen(Unread kind) {
        int steps = 160_000;
        Tensor lazy = kind.first();
        Tensor computed = kind.first();
        for (int i = 0; i < steps; i++) {
            lazy = kind.next(lazy, i);
            if (i >= steps - 16) { // what is before makes no difference
                computed = kind.next(computed, i);
            }
        }
        int nodes = Graph.cut(List.of(lazy.node())).size();
        assertTrue(nodes < 140_000, () -> nodes + " nodes are waiting");
        Tensor expected = kind == Unread.COUNTER ? Tensor.of((long) steps) : computed;
        assertArrayEquals(
                expected.cast(DType.F64).toDoubleArray(), lazy.cast(DType.F64).toDoubleArray());
    }

    @Test
    void ordinaryLoopsSayNothing() {
        for (Kind kind : Kind.values()) {
            assertEquals(
                    List.of(),
                    warnings(() -> {
                        Steps s = kind.steps(false);
                        for (int i = 0; i < 40; i++) {
                            s.next();
                        }
                    }));
        }
    }
}
