package dev.nacre.cpu.onednn;

import static dev.nacre.cpu.onednn.DataType.BF16;
import static dev.nacre.cpu.onednn.DataType.F32;
import static dev.nacre.cpu.onednn.Direction.BACKWARD_DATA;
import static dev.nacre.cpu.onednn.Direction.BACKWARD_WEIGHTS;
import static dev.nacre.cpu.onednn.Direction.FORWARD;
import static dev.nacre.cpu.onednn.Direction.INFERENCE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ConvolutionTest {
    @BeforeAll
    static void library() {
        assumeTrue(OneDnn.get().isPresent());
    }

    /// A convolution over any number of spatial axes, by definition.
    record Geometry(
            long batch,
            long groups,
            long inputs,
            long outputs,
            long[] image,
            long[] kernel,
            Window window) {
        static Geometry of(
                long batch, long groups, long inputs, long outputs, long[] image, long[] kernel) {
            return new Geometry(
                    batch, groups, inputs, outputs, image, kernel, Window.of(image.length));
        }

        Geometry window(Window window) {
            return new Geometry(batch, groups, inputs, outputs, image, kernel, window);
        }

        int axes() {
            return image.length;
        }

        long[] src() {
            return join(new long[] {batch, inputs}, image);
        }

        long[] dst() {
            var sizes = new long[axes()];
            for (int axis = 0; axis < axes(); axis++)
                sizes[axis] = window.output(axis, image[axis], kernel[axis]);
            return join(new long[] {batch, outputs}, sizes);
        }

        long[] weights() {
            var channels = new long[] {outputs / groups, inputs / groups};
            return join(groups == 1 ? channels : join(new long[] {groups}, channels), kernel);
        }

        /// Calls for every product of the sum: source index, weights index, destination index.
        void forEachProduct(Products products) {
            Cells.forEach(
                    dst(),
                    out ->
                            Cells.forEach(
                                    kernel,
                                    tap -> {
                                        var in = new long[2 + axes()];
                                        in[0] = out[0];
                                        for (int axis = 0; axis < axes(); axis++) {
                                            in[2 + axis] =
                                                    out[2 + axis] * window.strides().get(axis)
                                                            + tap[axis]
                                                                    * window.dilations().get(axis)
                                                            - window.low().get(axis);
                                            if (in[2 + axis] < 0 || in[2 + axis] >= image[axis])
                                                return;
                                        }
                                        long perGroup = outputs / groups;
                                        long group = out[1] / perGroup;
                                        for (long i = 0; i < inputs / groups; i++) {
                                            in[1] = group * (inputs / groups) + i;
                                            var channels =
                                                    groups == 1
                                                            ? new long[] {out[1], i}
                                                            : new long[] {
                                                                group, out[1] % perGroup, i
                                                            };
                                            products.visit(in, join(channels, tap), out);
                                        }
                                    }));
        }

        @Override
        public String toString() {
            return "batch "
                    + batch
                    + ", groups "
                    + groups
                    + ", "
                    + Arrays.toString(src())
                    + " by "
                    + Arrays.toString(weights())
                    + ", "
                    + window;
        }
    }

    interface Products {
        void visit(long[] src, long[] weights, long[] dst);
    }

    static long[] join(long[] a, long[] b) {
        var all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    static MemoryDesc image(DataType type, boolean channelsLast, long... dims) {
        return channelsLast ? MemoryDesc.channelsLast(type, dims) : MemoryDesc.dense(type, dims);
    }

    static List<Geometry> geometries() {
        var all = new ArrayList<Geometry>();
        // one axis
        all.add(Geometry.of(2, 1, 3, 5, new long[] {19}, new long[] {4}));
        all.add(
                Geometry.of(3, 1, 16, 33, new long[] {50}, new long[] {5})
                        .window(Window.of(1).strides(2).dilations(2).low(3).high(1)));
        all.add(
                Geometry.of(1, 1, 8, 8, new long[] {400}, new long[] {3})
                        .window(Window.of(1).padding(1)));
        // two
        all.add(Geometry.of(1, 1, 1, 1, new long[] {5, 5}, new long[] {3, 3}));
        all.add(Geometry.of(2, 1, 5, 7, new long[] {9, 11}, new long[] {3, 2}));
        all.add(
                Geometry.of(2, 1, 17, 19, new long[] {13, 12}, new long[] {3, 3})
                        .window(Window.of(2).padding(1, 1)));
        all.add(
                Geometry.of(3, 1, 3, 32, new long[] {25, 23}, new long[] {7, 7})
                        .window(Window.of(2).strides(2, 2).padding(3, 3)));
        all.add(
                Geometry.of(2, 1, 16, 32, new long[] {14, 15}, new long[] {3, 3})
                        .window(Window.of(2).low(2, 0).high(1, 2).strides(2, 1)));
        all.add(
                Geometry.of(2, 1, 16, 16, new long[] {17, 17}, new long[] {3, 3})
                        .window(Window.of(2).dilations(2, 3).padding(2, 3)));
        all.add(Geometry.of(4, 1, 33, 65, new long[] {8, 8}, new long[] {1, 1}));
        all.add(
                Geometry.of(2, 1, 32, 64, new long[] {9, 9}, new long[] {1, 1})
                        .window(Window.of(2).strides(2, 2)));
        all.add(
                Geometry.of(1, 1, 24, 64, new long[] {40, 20}, new long[] {3, 3})
                        .window(Window.of(2).padding(1, 1)));
        all.add(
                Geometry.of(1, 1, 24, 48, new long[] {41, 37}, new long[] {5, 3})
                        .window(Window.of(2).padding(2, 1).strides(3, 2)));
        all.add(
                Geometry.of(1, 1, 32, 48, new long[] {42, 20}, new long[] {1, 1})
                        .window(Window.of(2).strides(2, 2)));
        all.add(
                Geometry.of(5, 1, 16, 128, new long[] {14, 14}, new long[] {3, 3})
                        .window(Window.of(2).padding(1, 1)));
        // groups and depthwise
        all.add(Geometry.of(2, 2, 6, 8, new long[] {9, 9}, new long[] {3, 3}));
        all.add(
                Geometry.of(2, 4, 32, 64, new long[] {12, 12}, new long[] {3, 3})
                        .window(Window.of(2).padding(1, 1)));
        all.add(
                Geometry.of(2, 32, 32, 32, new long[] {15, 15}, new long[] {3, 3})
                        .window(Window.of(2).strides(2, 2).padding(1, 1)));
        all.add(Geometry.of(2, 5, 5, 10, new long[] {8, 8}, new long[] {3, 3}));
        // three
        all.add(Geometry.of(2, 1, 4, 6, new long[] {6, 7, 8}, new long[] {2, 3, 3}));
        all.add(
                Geometry.of(1, 1, 16, 16, new long[] {16, 10, 10}, new long[] {3, 3, 3})
                        .window(Window.of(3).padding(1, 1, 1).strides(2, 1, 2)));
        return all;
    }

    /// Random values that bf16 has too, so that one oracle serves both types.
    private static Cells random(MemoryDesc desc, long seed) {
        var exact = Cells.random(MemoryDesc.dense(BF16, desc.dims()), seed);
        var cells = Cells.zeros(desc);
        cells.forEach(index -> cells.set(index, exact.get(index)));
        return cells;
    }

    private static Cells sums(long[] dims) {
        return Cells.zeros(MemoryDesc.dense(DataType.F64, dims));
    }

    private static void add(Cells sums, long[] index, double value) {
        sums.set(index, sums.get(index) + value);
    }

    private static final List<DataType> TYPES = List.of(F32, BF16);
    private static final boolean[] BOTH = {false, true};

    @ParameterizedTest
    @MethodSource("geometries")
    void forward(Geometry g) {
        var exactSrc = random(MemoryDesc.dense(F32, g.src()), 1);
        var exactWeights = random(MemoryDesc.dense(F32, g.weights()), 2);
        var sums = sums(g.dst());
        g.forEachProduct((in, w, out) -> add(sums, out, exactSrc.get(in) * exactWeights.get(w)));
        for (var type : TYPES) {
            for (boolean last : BOTH) {
                for (boolean any : BOTH) {
                    var src = random(image(type, last, g.src()), 1);
                    var weights = random(MemoryDesc.dense(type, g.weights()), 2);
                    var bias = random(MemoryDesc.dense(F32, g.outputs()), 3);
                    var dst = Cells.zeros(image(type, last, g.dst()));
                    var open = any ? weights.desc.any() : weights.desc;
                    var spec =
                            Convolution.of(INFERENCE, src.desc, open, dst.desc, g.window())
                                    .bias(bias.desc);
                    var primitive = Run.run(spec, src, weights, bias, dst);
                    Run.check(
                            primitive.toString(),
                            dst,
                            1000,
                            out -> sums.get(out) + bias.get(out[1]));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("geometries")
    void gradientOfTheInput(Geometry g) {
        var exactDst = random(MemoryDesc.dense(F32, g.dst()), 3);
        var exactWeights = random(MemoryDesc.dense(F32, g.weights()), 2);
        var sums = sums(g.src());
        g.forEachProduct((in, w, out) -> add(sums, in, exactDst.get(out) * exactWeights.get(w)));
        for (var type : TYPES) {
            for (boolean last : BOTH) {
                for (boolean any : BOTH) {
                    var src = Cells.zeros(image(type, last, g.src()));
                    var weights = random(MemoryDesc.dense(type, g.weights()), 2);
                    var dst = random(image(type, last, g.dst()), 3);
                    var open = any ? weights.desc.any() : weights.desc;
                    var spec = Convolution.of(BACKWARD_DATA, src.desc, open, dst.desc, g.window());
                    var primitive = Run.run(spec, src, weights, dst);
                    Run.check(primitive.toString(), src, 1000, sums::get);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("geometries")
    void gradientOfTheWeights(Geometry g) {
        var exactSrc = random(MemoryDesc.dense(F32, g.src()), 1);
        var exactDst = random(MemoryDesc.dense(F32, g.dst()), 3);
        var sums = sums(g.weights());
        g.forEachProduct((in, w, out) -> add(sums, w, exactDst.get(out) * exactSrc.get(in)));
        var biases = new double[(int) g.outputs()];
        exactDst.forEach(out -> biases[(int) out[1]] += exactDst.get(out));
        double terms = g.batch() * Arrays.stream(g.dst()).skip(2).reduce(1, (a, b) -> a * b);
        for (var type : TYPES) {
            for (boolean last : BOTH) {
                for (var result :
                        List.of(
                                MemoryDesc.dense(F32, g.weights()),
                                MemoryDesc.dense(type, g.weights()),
                                MemoryDesc.any(type, g.weights()))) {
                    var src = random(image(type, last, g.src()), 1);
                    var weights = Cells.zeros(MemoryDesc.dense(result.type(), g.weights()));
                    var bias = Cells.zeros(MemoryDesc.dense(F32, g.outputs()));
                    var dst = random(image(type, last, g.dst()), 3);
                    var spec =
                            Convolution.of(
                                    BACKWARD_WEIGHTS, src.desc, result, dst.desc, g.window());
                    var primitive = Run.run(spec.bias(bias.desc), src, weights, bias, dst);
                    // partial sums may be of the type of the result
                    double slack = result.type() == F32 ? terms : 1e4 * terms;
                    Run.check(primitive.toString(), weights, slack, sums::get);
                    Run.check("bias of " + primitive, bias, slack, index -> biases[(int) index[0]]);
                    Run.run(spec, src, weights, dst);
                    Run.check("no bias: " + primitive, weights, slack, sums::get);
                }
            }
        }
    }

    @Test
    void openImagesAreChannelsLast() {
        var g =
                Geometry.of(3, 1, 16, 32, new long[] {12, 10}, new long[] {3, 3})
                        .window(Window.of(2).padding(1, 1));
        var src = random(MemoryDesc.dense(F32, g.src()), 1);
        var weights = random(MemoryDesc.dense(F32, g.weights()), 2);
        var dst = Cells.zeros(MemoryDesc.dense(F32, g.dst()));
        var sums = sums(g.dst());
        g.forEachProduct((in, w, out) -> add(sums, out, src.get(in) * weights.get(w)));
        var spec =
                Convolution.of(
                        INFERENCE, src.desc.any(), weights.desc.any(), dst.desc.any(), g.window());
        var primitive = Run.run(spec, src, weights, dst);
        assertEquals(MemoryDesc.channelsLast(F32, g.src()), primitive.desc(Slot.Role.SRC));
        Run.check("open", dst, 300, sums::get);
    }

    @Test
    void postOps() {
        for (boolean last : new boolean[] {false, true}) {
            for (long batch : new long[] {1, 6}) {
                var g =
                        Geometry.of(batch, 1, 16, 48, new long[] {24, 12}, new long[] {3, 3})
                                .window(Window.of(2).padding(1, 1));
                var src = Cells.random(image(F32, last, g.src()), 1);
                var weights = Cells.random(MemoryDesc.dense(F32, g.weights()), 2);
                var dst = Cells.zeros(image(F32, last, g.dst()));
                var residual = Cells.random(dst.desc, 4);
                var scale = Cells.random(MemoryDesc.dense(F32, 1, 48, 1, 1), 5);
                var sums = Cells.zeros(MemoryDesc.dense(DataType.F64, g.dst()));
                g.forEachProduct((in, w, out) ->
                        sums.set(out, sums.get(out) + src.get(in) * weights.get(w)));
                var attributes = Attributes.NONE.mul(scale.desc).add(residual.desc).relu();
                var spec =
                        Convolution.of(
                                        INFERENCE,
                                        src.desc,
                                        weights.desc.any(),
                                        dst.desc,
                                        g.window())
                                .attributes(attributes);
                var primitive = Run.run(spec, src, weights, dst, scale, residual);
                Run.check(
                        primitive.toString(),
                        dst,
                        300,
                        out ->
                                Math.max(
                                        0,
                                        sums.get(out) * scale.get(0, out[1], 0, 0)
                                                + residual.get(out)));
            }
        }
    }

    @Test
    void usualChannelsLastConvolutionsAreFast() {
        for (var type : List.of(F32, BF16)) {
            for (var direction : List.of(FORWARD, BACKWARD_DATA, BACKWARD_WEIGHTS)) {
                for (long batch : new long[] {1, 8}) {
                    var src = image(type, true, batch, 64, 28, 28);
                    var weights = MemoryDesc.dense(type, 64, 64, 3, 3);
                    var spec =
                            Convolution.of(
                                    direction, src, weights, src, Window.of(2).padding(1, 1));
                    var primitive = Run.LIBRARY.primitive(spec);
                    assertFalse(primitive.implementation().contains("ref:"), primitive.toString());
                }
            }
        }
    }
}
