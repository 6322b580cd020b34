package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.type.DType;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Whoever reads a variable while a function changes it sees one value or the other.
@Timeout(20)
class WholeValuesTest {
    private static final long N = 1 << 17;

    private static final long NANOS = 200_000_000;

    /// All ways to read, each giving the least and the greatest of elements that are all equal.
    private enum Reader {
        FLOATS {
            @Override
            double[] read(Model m) {
                float[] a = m.a.toFloatArray();
                return range(a[0], a);
            }
        },
        DOUBLES {
            @Override
            double[] read(Model m) {
                double[] a = m.a.toDoubleArray();
                return range((float) a[0], floats(a));
            }
        },
        ANOTHER_TYPE {
            @Override
            double[] read(Model m) {
                long[] a = m.a.toLongArray();
                float[] f = new float[a.length];
                for (int i = 0; i < f.length; i++) {
                    f[i] = a[i];
                }
                return range(f[0], f);
            }
        },
        SEGMENT {
            @Override
            double[] read(Model m) {
                float[] a = m.a.toSegment().toArray(ValueLayout.JAVA_FLOAT);
                return range(a[0], a);
            }
        },
        EXPRESSION {
            @Override
            double[] read(Model m) {
                Tensor x = m.a.add(0.0);
                return new double[] {x.min().item(), x.max().item()};
            }
        },
        COPY {
            @Override
            double[] read(Model m) {
                float[] a = Variable.of("copy", m.a).toFloatArray();
                return range(a[0], a);
            }
        },
        SET_TO {
            @Override
            double[] read(Model m) {
                m.other.set(m.a);
                float[] a = m.other.toFloatArray();
                return range(a[0], a);
            }
        },
        PRINTING {
            @Override
            double[] read(Model m) {
                float[] all =
                        floats(
                                NUMBER.matcher(m.a.toString())
                                        .results()
                                        .mapToDouble(r -> Double.parseDouble(r.group()))
                                        .toArray());
                return range(all[0], all);
            }
        },
        FUNCTION_THAT_READS_IT {
            @Override
            double[] read(Model m) {
                List<Tensor> r = m.bounds.call();
                return new double[] {r.get(0).item(), r.get(1).item()};
            }
        },
        INPUT_OF_A_FUNCTION {
            @Override
            double[] read(Model m) {
                List<Tensor> r = m.boundsOf.call(m.a);
                return new double[] {r.get(0).item(), r.get(1).item()};
            }
        },
        /// What one function changes together is seen together.
        TWO_VARIABLES {
            @Override
            double[] read(Model m) {
                List<Tensor> r = m.both.call();
                return new double[] {r.get(0).item(), r.get(1).item()};
            }
        },
        /// Weights that are packed once for each change, beside a variable that is read at each call.
        PACKED_AND_READ {
            @Override
            double[] read(Model m) {
                float[] y = m.layer.apply(m.x).toFloatArray();
                return range(0, y);
            }
        },
        SNAPSHOT {
            @Override
            double[] read(Model m) {
                List<Tensor> all = Variable.snapshot(List.of(m.a, m.b));
                return new double[] {all.get(0).min().item(), all.get(1).max().item()};
            }
        },
        /// Kept by a function of inputs between its calls, and made again when the variable changes.
        STEADY {
            @Override
            double[] read(Model m) {
                float[] a = m.steady.apply(Tensor.of(0f)).toFloatArray();
                return range(a[0], a);
            }
        };

        private static final Pattern NUMBER = Pattern.compile("\\d+\\.");

        abstract double[] read(Model m);

        private static float[] floats(double[] a) {
            float[] f = new float[a.length];
            for (int i = 0; i < f.length; i++) {
                f[i] = (float) a[i];
            }
            return f;
        }

        private static double[] range(float first, float[] values) {
            float low = first;
            float high = first;
            for (float v : values) {
                low = Math.min(low, v);
                high = Math.max(high, v);
            }
            return new double[] {low, high};
        }
    }

    /// Two variables whose elements are all one number, the number of steps taken.
    private static final class Model {
        final Variable a = Variable.of("a", Tensor.zeros(N));
        final Variable b = Variable.of("b", Tensor.zeros(N));
        final Variable other = Variable.of("other", Tensor.zeros(N));
        final Variable w = Variable.of("w", Tensor.zeros(64, 32));
        final Variable c = Variable.of("c", Tensor.zeros(32));
        final Tensor x = Tensor.ones(48, 64).mul(1.0 / 64).realize();
        final Function step =
                Function.of(() -> {
                    a.set(a.add(1));
                    b.set(b.add(1));
                    w.set(w.add(1));
                    c.set(c.add(1));
                    return Tensor.of(0f);
                });
        final Function bounds = Function.ofMany(_ -> List.of(a.min(), a.max()));
        final Function boundsOf = Function.ofMany(in -> List.of(in.get(0).min(), in.get(0).max()));
        final Function both = Function.ofMany(_ -> List.of(a.min(), b.max()));
        final Function layer = Function.of((Tensor in) -> in.matmul(w).sub(c)); // zeros
        final Function steady =
                Function.of((Tensor x) -> a.mul(2).cast(DType.F64).sqrt().add(x.cast(DType.F64)));
    }

    @ParameterizedTest
    @EnumSource
    void oneValueOrTheOther(Reader reader) throws InterruptedException {
        Model m = new Model();
        m.step.call();
        reader.read(m);
        AtomicBoolean done = new AtomicBoolean();
        Thread writer =
                Thread.ofPlatform()
                        .start(() -> {
                            while (!done.get()) {
                                m.step.call();
                            }
                        });
        int reads = 0;
        try {
            for (long end = System.nanoTime() + NANOS; System.nanoTime() < end; reads++) {
                double[] range = reader.read(m);
                assertEquals(range[0], range[1], "at read " + reads);
            }
        } finally {
            done.set(true);
            writer.join();
        }
    }
}
