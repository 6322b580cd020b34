package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Memory;
import dev.nacre.compile.Plan;
import dev.nacre.compile.View;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.ir.Attention;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// What the compiler makes of a few models. Each plan is compared with the one stored in `src/test/resources/plans`; after a change that is meant, write them
/// anew with `./mvnw -pl core,cpu test -Dtest=PlanTest -Dsurefire.failIfNoSpecifiedTests=false -Dnacre.snapshots=write`, and look at the difference before
/// committing it.
class PlanTest {
    private static Tensor f32(String name, long... sizes) {
        return Tensor.symbol(name, DType.F32, sizes);
    }

    private static Plan plan(Tensor... outputs) {
        return Engine.planOf(List.of(outputs).stream().map(Tensor::node).toList());
    }

    private static long loops(Plan plan) {
        return plan.kernels().stream().filter(Loop.class::isInstance).count();
    }

    private static void assertStored(String name, Plan plan) throws IOException {
        assertStored(name, plan.explain());
    }

    private static void assertStored(String name, String plan) throws IOException {
        String text = plan.replace("\r\n", "\n");
        String file = "plans/" + name + ".txt";
        if (System.getProperty("nacre.snapshots", "").equals("write")) {
            Path path = Path.of("src/test/resources").resolve(file);
            Files.createDirectories(path.getParent());
            Files.writeString(path, text);
            return;
        }
        try (InputStream in = PlanTest.class.getResourceAsStream("/" + file)) {
            assertTrue(
                    in != null,
                    () -> "no stored plan " + file + "; write it with -Dnacre.snapshots=write");
            assertEquals(
                    new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n"),
                    text,
                    "-Dnacre.snapshots=write stores the new plan");
        }
    }

    @Test
    void elementwiseChainIsOneLoop() throws IOException {
        Tensor x = f32("x", 64, 256);
        Plan p = plan(x.mul(f32("w", 256)).add(f32("b", 256)).gelu().mul(x.sigmoid()));
        assertEquals(1, p.kernels().size());
        assertEquals(1, loops(p));
        assertStored("elementwise", p);
    }

    @Test
    void linearWithReluIsOneLibraryCall() throws IOException {
        Plan p = plan(f32("x", 32, 100).matmul(f32("w", 100, 64)).add(f32("b", 64)).relu());
        assertEquals(1, p.kernels().size());
        assertTrue(
                p.kernels().getFirst() instanceof Kernel.Contraction c
                        && c.epilogue().bias().isPresent()
                        && c.epilogue().activation().isPresent());
        assertStored("linear_relu", p);
        Tensor w = f32("w", 64, 100); // PyTorch's layout
        Plan transposed = plan(f32("x", 32, 100).matmul(w.transpose()).add(f32("b", 64)).relu());
        assertEquals(1, transposed.kernels().size());
        Plan images = plan(f32("x", 8, 16, 100).matmul(f32("w", 100, 64)).add(f32("b", 64)).relu());
        assertEquals(1, images.kernels().size());
    }

    @Test
    void residualsAreAddedWhereTheProductIs() {
        Tensor x = f32("x", 2, 16, 8, 8);
        Tensor w = f32("w", 16, 16, 3, 3);
        Tensor h = x.conv2d(w, 1, 1, 1, 1).add(f32("b", 16).reshape(16, 1, 1)).relu();
        Plan block = plan(h.conv2d(w, 1, 1, 1, 1).add(h).relu());
        assertEquals(
                2, block.kernels().stream().filter(Kernel.Convolution.class::isInstance).count());
        assertTrue(block.explain().contains("+ tensor relu"), block::explain);
        Tensor t = f32("t", 4, 8, 64);
        Plan layer = plan(t.matmul(f32("v", 64, 64)).add(f32("c", 64)).add(t));
        assertEquals(1, layer.kernels().size(), layer::explain);
        assertTrue(layer.explain().contains("+ bias + tensor"), layer::explain);
    }

    @Test
    void crossEntropyForwardAndBackwardIsThreeLoops() throws IOException {
        Tensor logits = f32("logits", 128, 10);
        Tensor labels = Tensor.symbol("labels", DType.I64, 128);
        Tensor loss = logits.crossEntropy(labels, 0).mean();
        Plan p = plan(loss, Gradients.of(loss, logits).of(logits));
        assertTrue(loops(p) <= 3, p::explain);
        assertStored("cross_entropy", p);
    }

    @Test
    void layerNormIsOneLoop() throws IOException {
        Plan p =
                plan(
                        f32("x", 32, 128)
                                .layerNorm(1, 1e-5)
                                .mul(f32("scale", 128))
                                .add(f32("shift", 128)));
        assertEquals(1, p.kernels().size());
        assertEquals(1, loops(p));
        assertStored("layer_norm", p);
    }

    /// One product and one loop per step, forth and back; the other products are outside.
    @Test
    void recurrentNetwork() throws IOException {
        Tensor w = f32("w", 3, 16);
        Tensor u = f32("u", 4, 16);
        Tensor b = f32("b", 16);
        Tensor zero = Tensor.zeros(2, 4);
        Tensor h =
                Scan.over(f32("x", 9, 2, 3))
                        .from(zero, zero)
                        .run((x, s) -> {
                            Tensor sum = x.get(0).matmul(w).add(b).add(s.get(0).matmul(u));
                            List<Tensor> gates = sum.chunk(4, 1);
                            Tensor kept = s.get(1).mul(gates.get(1).sigmoid());
                            Tensor added = gates.get(0).sigmoid().mul(gates.get(2).tanh());
                            Tensor c = kept.add(added);
                            Tensor next = gates.get(3).sigmoid().mul(c.tanh());
                            return Scan.step(next, c).giving(next);
                        })
                        .outputs()
                        .getFirst();
        Tensor loss = h.square().sum();
        Gradients g = Gradients.of(loss, w, u, b);
        assertStored("lstm", plan(loss, g.of(w), g.of(u), g.of(b)));
    }

    @Test
    void allUpdatesOfAdamAreOneLoop() throws IOException {
        Nets.Net net = Nets.mlp();
        Plan p = net.step(Nets.adam(net.parameters(), 1e-3)).plan(net.x(), net.y());
        List<Loop> updates =
                p.kernels().stream()
                        .filter(Loop.class::isInstance)
                        .map(Loop.class::cast)
                        .filter(l -> l.instances().size() > 1)
                        .toList();
        assertEquals(1, updates.size(), p::explain);
        assertEquals(net.parameters().size(), updates.getFirst().instances().size());
        assertEquals(
                3 * net.parameters().size(),
                updates.getFirst().writes().size(),
                "both moments and the parameter");
        assertStored("mlp_adam_step", p);
    }

    @Test
    void convolutionalStep() throws IOException {
        Nets.Net net = Nets.convolutional();
        assertStored(
                "conv_sgd_step", net.step(Nets.sgd(net.parameters(), 0.1)).plan(net.x(), net.y()));
    }

    /// Images lie with their channels as neighbours from the first convolution to the last, on the way back too; only what is given and asked for is row-major.
    /// The same in bf16, where weights lie as PyTorch's do: they are rounded as they lie, the bias is the product's, and no gradient is widened or moved but by its update.
    @Test
    void attentionLayerInBf16() throws IOException {
        Tensor x = f32("x", 2, 64, 32);
        Variable w = Variable.of("w", Rng.seed(1).normal(96, 32).realize());
        Variable b = Variable.of("b", Tensor.zeros(96));
        Variable out = Variable.of("out", Rng.seed(2).normal(32, 32).realize());
        Tensor y =
                Precision.BF16.in(() -> {
                    List<Tensor> p =
                            x.matmul(w.transpose()).add(b).chunk(3, -1).stream()
                                    .map(t -> t.reshape(2, 64, 2, 16).permute(0, 2, 1, 3))
                                    .toList();
                    return p.get(0)
                            .scaledDotProductAttention(p.get(1), p.get(2), Attention.FULL)
                            .permute(0, 2, 1, 3)
                            .reshape(2, 64, 32)
                            .matmul(out.transpose());
                });
        Gradients g = Gradients.of(y.square().mean(), w, b, out);
        List<Tensor> next = Stream.of(w, b, out).map(v -> v.sub(g.of(v).mul(0.1))).toList();
        assertStored("attention_bf16_step", plan(next.toArray(Tensor[]::new)));
    }

    /// Heads side by side are written to their places at once.
    @Test
    void mergedAxesAreJoinedBeforeTheyAreMerged() {
        Tensor a = f32("a", 2, 3, 8, 4);
        Tensor b = f32("b", 2, 2, 8, 4);
        List<Tensor> parts = Stream.of(a, b).map(t -> t.permute(0, 2, 1, 3).flatten(2)).toList();
        Plan p = plan(Tensor.concat(2, parts.toArray(Tensor[]::new)));
        assertEquals(
                2,
                p.kernels().stream()
                        .map(Loop.class::cast)
                        .mapToInt(l -> l.instances().size())
                        .sum(),
                p::explain);
        Rng rng = Rng.seed(3);
        Tensor x = rng.normal(Shape.of(2, 3, 8, 4)).realize();
        Tensor y = rng.normal(Shape.of(2, 2, 8, 4)).realize();
        Tensor whole = Tensor.concat(1, x, y).permute(0, 2, 1, 3).flatten(2);
        assertArrayEquals(
                whole.toFloatArray(),
                Tensor.concat(2, x.permute(0, 2, 1, 3).flatten(2), y.permute(0, 2, 1, 3).flatten(2))
                        .toFloatArray());
    }

    @Test
    void imagesStayChannelsLast() throws IOException {
        assumeTrue(OneDnn.get().isPresent());
        Tensor x = f32("x", 4, 3, 12, 12);
        Tensor first = f32("first", 16, 3, 3, 3);
        Tensor w = f32("w", 16, 16, 3, 3);
        Tensor h = x.conv2d(first, 1, 1, 1, 1);
        Tensor c = h.sub(h.mean(0, 2, 3).reshape(16, 1, 1));
        Tensor n =
                c.mul(h.variance(Correction.NONE, 0, 2, 3).add(1e-5).rsqrt().reshape(16, 1, 1))
                        .relu();
        Tensor out = n.conv2d(w, 1, 1, 1, 1).add(n).relu().maxPool2d(2, 2, 0);
        Tensor loss = out.conv2d(w, 2, 1, 1, 1).mean(2, 3).square().mean();
        Gradients g = Gradients.of(loss, first, w);
        Plan p = plan(loss, g.of(first), g.of(w));
        List<View> images =
                p.kernels().stream()
                        .flatMap(k -> Stream.concat(k.reads().stream(), k.writes().stream()))
                        .filter(v -> v.rank() == 4 && v.sizes()[0] == 4 && v.sizes()[1] == 16)
                        .toList();
        assertTrue(images.size() > 10, p::explain);
        assertTrue(images.stream().allMatch(v -> v.strides()[1] <= 1), p::explain);
        assertTrue(!p.explain().contains("copy"), p::explain);
        assertStored("images", p);
    }

    /// The eager loop reaches the plan that a function has.
    @Test
    void attention() throws IOException {
        Tensor q = f32("q", 2, 4, 16, 8);
        Tensor k = f32("k", 2, 4, 16, 8);
        Tensor v = f32("v", 2, 4, 16, 8);
        Plan p = plan(q.matmul(k.transpose()).mul(1 / Math.sqrt(8)).softmax(-1).matmul(v));
        assertEquals(1, loops(p), p::explain);
        assertEquals(3, p.kernels().size(), p::explain);
        assertStored("attention", p);
    }

    // ---------------------------------------------------------------------------------------
    // steady state

    @Test
    void aStepInAFunctionAllocatesNothingAfterTheFirst() {
        for (Nets.Net net : List.of(Nets.mlp(), Nets.convolutional())) {
            Function step = net.step(Nets.adam(net.parameters(), 1e-3));
            step.apply(net.x(), net.y()); // parameters were read to trace
            step.apply(net.x(), net.y());
            long before = Memory.allocations();
            long plans = Engine.compiled();
            for (int i = 0; i < 100; i++) {
                step.apply(net.x(), net.y());
            }
            // a thousand results of one number share a block
            assertTrue(
                    Memory.allocations() - before <= 1,
                    () -> Memory.allocations() - before + " blocks in 100 steps");
            assertEquals(plans, Engine.compiled());
        }
    }

    /// A convolution, batch normalisation by running statistics and relu: weights when they change, then one convolution.
    @Test
    void normalisationInInference() throws IOException {
        Rng rng = Rng.seed(1);
        Variable w = Variable.of("w", rng.normal(Shape.of(8, 3, 3, 3)));
        Variable mean = Variable.of("mean", rng.normal(8), false);
        Variable variance = Variable.of("variance", rng.uniform(8), false);
        Variable gain = Variable.of("gain", rng.normal(8));
        Variable bias = Variable.of("bias", rng.normal(8));
        Function f =
                Function.of((Tensor x) -> {
                    Tensor scale = variance.add(1e-5).rsqrt().mul(gain).reshape(8, 1, 1);
                    return x.conv2d(w, 1, 1, 1, 1)
                            .sub(mean.reshape(8, 1, 1))
                            .mul(scale)
                            .add(bias.reshape(8, 1, 1))
                            .relu();
                });
        String plan = f.explain(Tensor.zeros(2, 3, 16, 16));
        assertTrue(plan.contains("[PlanTest.java:"), plan);
        assertStored("conv_norm_inference", plan.replaceAll(" {2}\\[\\w+\\.java:[^]]*]", ""));
    }

    /// Outside a function somebody may still hold the old parameters, so they get new memory; nothing else does, and no step is compiled again.
    @Test
    void anEagerStepAllocatesItsParameters() {
        Nets.Net net = Nets.mlp();
        Nets.Optimizer adam = Nets.adam(net.parameters(), 1e-3);
        for (int i = 0; i < 3; i++) {
            Nets.eagerStep(net, adam);
        }
        long before = Memory.allocations();
        long plans = Engine.compiled();
        for (int i = 0; i < 50; i++) {
            Nets.eagerStep(net, adam);
        }
        long blocks = Memory.allocations() - before;
        assertTrue(
                blocks <= 50 * 2 + 1,
                () -> blocks + " blocks in 50 steps"); // two parameters are larger than what
        // shares a block
        assertEquals(plans, Engine.compiled());
    }
}
