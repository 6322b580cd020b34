package dev.nacre.cpu.onednn;

import static dev.nacre.cpu.onednn.DataType.BF16;
import static dev.nacre.cpu.onednn.DataType.F32;
import static dev.nacre.cpu.onednn.Direction.BACKWARD_DATA;
import static dev.nacre.cpu.onednn.Direction.FORWARD;
import static dev.nacre.cpu.onednn.Direction.INFERENCE;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PoolingTest {
    @BeforeAll
    static void library() {
        assumeTrue(OneDnn.get().isPresent());
    }

    record Geometry(long batch, long channels, long[] image, long[] kernel, Window window) {
        long[] src() {
            return ConvolutionTest.join(new long[] {batch, channels}, image);
        }

        long[] dst() {
            var sizes = new long[image.length];
            for (int axis = 0; axis < sizes.length; axis++)
                sizes[axis] = window.output(axis, image[axis], kernel[axis]);
            return ConvolutionTest.join(new long[] {batch, channels}, sizes);
        }

        /// The elements under the window of one output element.
        List<long[]> under(long[] out) {
            var taps = new ArrayList<long[]>();
            Cells.forEach(
                    kernel,
                    tap -> {
                        var in = out.clone();
                        for (int axis = 0; axis < image.length; axis++) {
                            in[2 + axis] =
                                    out[2 + axis] * window.strides().get(axis)
                                            + tap[axis] * window.dilations().get(axis)
                                            - window.low().get(axis);
                            if (in[2 + axis] < 0 || in[2 + axis] >= image[axis]) return;
                        }
                        taps.add(in);
                    });
            return taps;
        }

        double divisor(Pooling.Mode mode, List<long[]> under) {
            return mode == Pooling.Mode.MEAN
                    ? under.size()
                    : Arrays.stream(kernel).reduce(1, (a, b) -> a * b);
        }
    }

    static List<Geometry> geometries() {
        return List.of(
                new Geometry(
                        2, 3, new long[] {11}, new long[] {3}, Window.of(1).strides(2).padding(1)),
                new Geometry(
                        2, 17, new long[] {9, 10}, new long[] {2, 2}, Window.of(2).strides(2, 2)),
                new Geometry(
                        3,
                        16,
                        new long[] {13, 12},
                        new long[] {3, 3},
                        Window.of(2).strides(2, 2).padding(1, 1)),
                new Geometry(
                        1,
                        64,
                        new long[] {63, 61},
                        new long[] {3, 3},
                        Window.of(2).strides(2, 2).padding(1, 1)),
                new Geometry(
                        2,
                        32,
                        new long[] {57, 38},
                        new long[] {3, 2},
                        Window.of(2).low(2, 0).high(0, 1)),
                new Geometry(
                        2, 8, new long[] {15, 15}, new long[] {3, 3}, Window.of(2).dilations(2, 2)),
                new Geometry(
                        2,
                        5,
                        new long[] {6, 7, 8},
                        new long[] {2, 3, 2},
                        Window.of(3).strides(2, 1, 2)));
    }

    @ParameterizedTest
    @MethodSource("geometries")
    void means(Geometry g) {
        for (var mode : List.of(Pooling.Mode.MEAN, Pooling.Mode.MEAN_WITH_PADDING)) {
            for (var type : List.of(F32, BF16)) {
                for (boolean last : new boolean[] {false, true}) {
                    var src = Cells.random(ConvolutionTest.image(type, last, g.src()), 1);
                    var dst = Cells.zeros(ConvolutionTest.image(type, last, g.dst()));
                    var spec =
                            Pooling.of(INFERENCE, mode, src.desc, dst.desc, g.window(), g.kernel());
                    Run.run(spec, src, dst);
                    Run.check(
                            spec.toString(),
                            dst,
                            30,
                            out -> {
                                var under = g.under(out);
                                return under.stream().mapToDouble(src::get).sum()
                                        / g.divisor(mode, under);
                            });
                    var gradient = Cells.random(dst.desc, 2);
                    var result = Cells.zeros(src.desc);
                    var sums = Cells.zeros(MemoryDesc.dense(DataType.F64, g.src()));
                    gradient.forEach(out -> {
                        var under = g.under(out);
                        double share = gradient.get(out) / g.divisor(mode, under);
                        for (var in : under) sums.set(in, sums.get(in) + share);
                    });
                    Run.run(spec.direction(BACKWARD_DATA), result, gradient);
                    Run.check("gradient of " + spec, result, type == F32 ? 30 : 3e7, sums::get);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("geometries")
    void maxima(Geometry g) {
        for (var type : List.of(F32, BF16)) {
            for (boolean last : new boolean[] {false, true}) {
                var src = Cells.random(ConvolutionTest.image(type, last, g.src()), 1);
                var dst = Cells.zeros(ConvolutionTest.image(type, last, g.dst()));
                var spec =
                        Pooling.of(
                                FORWARD,
                                Pooling.Mode.MAX,
                                src.desc,
                                dst.desc,
                                g.window(),
                                g.kernel());
                var forward = Run.LIBRARY.primitive(spec);
                var workspace = Cells.zeros(forward.desc(Slot.Role.WORKSPACE));
                Run.run(forward, src, dst, workspace);
                Run.check(
                        spec.toString(),
                        dst,
                        1,
                        out -> g.under(out).stream().mapToDouble(src::get).max().orElseThrow());
                Run.run(spec.direction(INFERENCE), src, dst);
                Run.check(
                        "inference of " + spec,
                        dst,
                        1,
                        out -> g.under(out).stream().mapToDouble(src::get).max().orElseThrow());
                var gradient = Cells.random(dst.desc, 2);
                var result = Cells.zeros(src.desc);
                var sums = Cells.zeros(MemoryDesc.dense(DataType.F64, g.src()));
                gradient.forEach(out -> {
                    long[] best = g.under(out).getFirst(); // the first of equals
                    for (var in : g.under(out)) if (src.get(in) > src.get(best)) best = in;
                    sums.set(best, sums.get(best) + gradient.get(out));
                });
                var backward = Run.LIBRARY.primitive(spec.direction(BACKWARD_DATA));
                Run.run(backward, result, gradient, workspace);
                Run.check("gradient of " + spec, result, type == F32 ? 10 : 3e7, sums::get);
            }
        }
    }
}
