package dev.nacre.nn.parity;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.ir.Attention;
import dev.nacre.nn.Activation;
import dev.nacre.nn.AttentionMask;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.MultiheadAttention;
import dev.nacre.nn.RotaryEmbedding;
import dev.nacre.nn.TransformerDecoderLayer;
import dev.nacre.nn.TransformerEncoderLayer;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.MultiheadAttentionImpl;
import org.bytedeco.pytorch.MultiheadAttentionOptions;
import org.bytedeco.pytorch.TransformerDecoderLayerImpl;
import org.bytedeco.pytorch.TransformerDecoderLayerOptions;
import org.bytedeco.pytorch.TransformerEncoderLayerImpl;
import org.bytedeco.pytorch.TransformerEncoderLayerOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.kGELU;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Attention and the layers made of it against libtorch's functions and modules of the same names: values, and gradients by inputs and all parameters.
class TransformerParityTest {
    private final Rng rng = Rng.seed(11);

    private Tensor normal(long... sizes) {
        return rng.normal(Shape.of(sizes)).realize();
    }

    // ------------------------------------------------------------------------------------ the
    // function

    private record Case(
            String name, long[] q, long[] k, Attention how, Optional<long[]> mask, boolean bool) {}

    @TestFactory
    Stream<DynamicTest> scaledDotProduct() {
        long[] four = {2, 3, 5, 8};
        return Stream.of(
                        new Case("full", four, four, Attention.FULL, Optional.empty(), false),
                        new Case(
                                "cross",
                                four,
                                new long[] {2, 3, 7, 8},
                                Attention.FULL,
                                Optional.empty(),
                                false),
                        new Case("causal", four, four, Attention.CAUSAL, Optional.empty(), false),
                        new Case(
                                "causal with more keys",
                                four,
                                new long[] {2, 3, 7, 8},
                                Attention.CAUSAL,
                                Optional.empty(),
                                false),
                        new Case(
                                "scaled",
                                four,
                                four,
                                Attention.FULL.scale(0.3),
                                Optional.empty(),
                                false),
                        new Case(
                                "bias",
                                four,
                                four,
                                Attention.FULL,
                                Optional.of(new long[] {3, 5, 5}),
                                false),
                        new Case(
                                "bool mask",
                                four,
                                four,
                                Attention.FULL,
                                Optional.of(new long[] {5, 5}),
                                true),
                        new Case(
                                "grouped queries",
                                new long[] {2, 6, 5, 8},
                                new long[] {2, 2, 5, 8},
                                Attention.CAUSAL,
                                Optional.empty(),
                                false))
                .map(c -> DynamicTest.dynamicTest(c.name, () -> check(c)));
    }

    private void check(Case c) {
        List<Tensor> in = new ArrayList<>(List.of(normal(c.q), normal(c.k), normal(c.k)));
        c.mask.ifPresent(m -> in.add(c.bool ? normal(m).gt(-0.5).realize() : normal(m)));
        boolean grouped = c.q[1] != c.k[1];
        Torch.compare(
                c.name,
                Closeness.NORMALISATION,
                in,
                x ->
                        x.get(0)
                                .scaledDotProductAttention(
                                        x.get(1),
                                        x.get(2),
                                        c.how,
                                        c.mask.map(_ -> x.get(3)),
                                        Optional.empty()),
                x ->
                        torch.scaled_dot_product_attention(
                                x.get(0),
                                x.get(1),
                                x.get(2),
                                c.mask.isPresent() ? Torch.optional(x.get(3)) : Torch.none(),
                                0,
                                c.how.causal(),
                                c.how.scale().isPresent()
                                        ? new DoubleOptional(c.how.scale().getAsDouble())
                                        : new DoubleOptional(),
                                grouped));
    }

    /// A query that sees nothing gets zeros, and no gradient.
    @Test
    void nothingToSee() {
        Tensor mask = Tensor.of(new boolean[] {true, false, false, false}, 2, 2).realize();
        Torch.compare(
                "one query without keys",
                Closeness.NORMALISATION,
                List.of(normal(1, 1, 2, 4), normal(1, 1, 2, 4), normal(1, 1, 2, 4)),
                x ->
                        x.get(0)
                                .scaledDotProductAttention(
                                        x.get(1),
                                        x.get(2),
                                        Attention.FULL,
                                        Optional.of(mask),
                                        Optional.empty()),
                x ->
                        torch.scaled_dot_product_attention(
                                x.get(0),
                                x.get(1),
                                x.get(2),
                                Torch.optional(Torch.of(mask)),
                                0,
                                false,
                                new DoubleOptional(),
                                false));
    }

    /// By libtorch's complex numbers: a pair times e^(i·angle) is the pair turned.
    @Test
    void rotary() {
        for (boolean interleaved : List.of(false, true)) {
            RotaryEmbedding r = new RotaryEmbedding(100, interleaved);
            long t = 6;
            long w = 8;
            Tensor x = normal(2, 3, t, w);
            Torch.compare(
                    "rotary, interleaved " + interleaved,
                    Closeness.SUMS,
                    List.of(x),
                    in -> r.forward(in.get(0), Tensor.arange(t).add(Tensor.of(4L))),
                    in -> {
                        var exponents = Torch.of(Tensor.arange(0, w, 2).div((double) -w).realize());
                        var speeds = torch.pow(Torch.scalar(100), exponents);
                        var positions = Torch.of(Tensor.arange(4, 4 + t, 1).realize());
                        var angles = torch.outer(positions, speeds);
                        var turn = torch.polar(torch.ones_like(angles), angles);
                        var y = in.get(0);
                        var pairs =
                                interleaved
                                        ? y.reshape(2, 3, t, w / 2, 2)
                                        : y.reshape(2, 3, t, 2, w / 2).transpose(-1, -2);
                        var turned =
                                torch.view_as_real(
                                        torch.view_as_complex(pairs.contiguous()).mul(turn));
                        return (interleaved ? turned : turned.transpose(-1, -2))
                                .reshape(2, 3, t, w);
                    });
        }
    }

    // ----------------------------------------------------------------------------------------- the
    // modules

    /// Compares a module with libtorch's by name, value and gradients.
    private static void compare(
            String what,
            Module ours,
            org.bytedeco.pytorch.Module theirs,
            List<Tensor> inputs,
            Function<List<Tensor>, Tensor> apply,
            Function<List<org.bytedeco.pytorch.Tensor>, org.bytedeco.pytorch.Tensor> other) {
        Map<String, Variable> state = new java.util.LinkedHashMap<>(ours.state());
        state.values().removeIf(Variable::isRandomState); // PyTorch keeps it elsewhere
        var parameters = theirs.named_parameters();
        var keys = parameters.keys();
        List<String> names = new ArrayList<>();
        for (long i = 0; i < keys.size(); i++) {
            names.add(keys.get(i).getString());
        }
        org.junit.jupiter.api.Assertions.assertEquals(
                new java.util.TreeSet<>(names), new java.util.TreeSet<>(state.keySet()));
        var off = new org.bytedeco.pytorch.NoGradGuard();
        state.forEach((k, v) -> parameters.get(k).copy_(Torch.of(v)));
        off.close();
        ours.parameters().forEach(Variable::zeroGrad);
        Torch.compare(what, Closeness.NORMALISATION, inputs, apply, other);
        state.forEach((k, v) ->
                Closeness.NORMALISATION.check(
                        what + ": gradient of " + k,
                        parameters.get(k).grad(),
                        v.grad().orElseThrow()));
    }

    /// libtorch's module takes time first.
    private static org.bytedeco.pytorch.Tensor flipped(org.bytedeco.pytorch.Tensor x) {
        return x.transpose(0, 1);
    }

    /// libtorch's C++ module adds its mask, whatever its type is.
    private static Tensor minus(Tensor hidden) {
        return hidden.dtype() == DType.BOOL
                ? hidden.where(Tensor.of(Float.NEGATIVE_INFINITY), Tensor.of(0f)).realize()
                : hidden;
    }

    private static void randomiseBiases(Module m, Rng rng) {
        m.state()
                .forEach((k, v) -> {
                    if (v.isTrainable() && v.rank() == 1) {
                        v.set(v.add(rng.normal(v.shape()).mul(0.3)));
                    }
                });
    }

    @Test
    void multiheadAttention() {
        long n = 2;
        long l = 5;
        long w = 12;
        MultiheadAttention ours = MultiheadAttention.of(w, 3, rng);
        randomiseBiases(ours, rng);
        var theirs = new MultiheadAttentionImpl(new MultiheadAttentionOptions(w, 3));
        Tensor hidden = Tensor.arange(l).unsqueeze(1).lt(Tensor.arange(l)).realize();
        Tensor padding =
                Tensor.of(
                        new boolean[] {
                            false, false, false, false, true, false, false, false, true, true
                        },
                        n,
                        l);
        Tensor bias = normal(l, l);
        for (boolean self : List.of(true, false)) {
            for (var m :
                    List.of(
                            AttentionMask.NONE,
                            AttentionMask.CAUSAL,
                            AttentionMask.of(bias),
                            AttentionMask.of(hidden).keyPadding(padding))) {
                var mask =
                        m.causal()
                                ? Torch.of(minus(hidden))
                                : m.mask()
                                        .map(TransformerParityTest::minus)
                                        .map(Torch::of)
                                        .orElse(new org.bytedeco.pytorch.Tensor());
                var filling =
                        m.keyPadding().map(Torch::of).orElse(new org.bytedeco.pytorch.Tensor());
                theirs.zero_grad(true);
                List<Tensor> in =
                        self
                                ? List.of(normal(n, l, w))
                                : List.of(normal(n, 4, w), normal(n, l, w), normal(n, l, w));
                if (!self && (m.causal() || m.mask().isPresent())) {
                    continue; // of other sizes
                }
                compare(
                        "self " + self + ", " + m.causal() + m.mask().isPresent(),
                        ours,
                        theirs,
                        in,
                        x ->
                                self
                                        ? ours.forward(x.get(0), m, Mode.TRAIN)
                                        : ours.forward(x.get(0), x.get(1), x.get(2), m, Mode.TRAIN),
                        x -> {
                            var q = flipped(x.get(0));
                            var k = self ? q : flipped(x.get(1));
                            var v = self ? q : flipped(x.get(2));
                            return flipped(
                                    theirs.forward(q, k, v, filling, false, mask, true).get0());
                        });
            }
        }
    }

    @Test
    void encoderLayer() {
        for (boolean gelu : List.of(false, true)) {
            TransformerEncoderLayer made = TransformerEncoderLayer.of(8, 2, 20, rng).dropout(0);
            TransformerEncoderLayer ours = gelu ? made.activation(Activation.GELU) : made;
            randomiseBiases(ours, rng);
            var options = new TransformerEncoderLayerOptions(8, 2);
            options.dim_feedforward().put(20);
            options.dropout().put(0);
            if (gelu) {
                options.activation().put(new kGELU());
            }
            var theirs = new TransformerEncoderLayerImpl(options);
            compare(
                    "encoder layer",
                    ours,
                    theirs,
                    List.of(normal(3, 6, 8)),
                    x -> ours.forward(x.get(0), Mode.TRAIN),
                    x -> flipped(theirs.forward(flipped(x.get(0)))));
        }
    }

    /// libtorch's C++ modules have the norms last only; with the norms first, layers are compared with one written out in functions.
    @Test
    void encoderLayerWithNormsFirst() {
        TransformerEncoderLayer ours =
                TransformerEncoderLayer.of(8, 2, 20, rng).dropout(0).withNormFirst();
        randomiseBiases(ours, rng);
        Map<String, Variable> state = new java.util.LinkedHashMap<>(ours.state());
        state.values().removeIf(Variable::isRandomState);
        List<String> keys = List.copyOf(state.keySet());
        List<Tensor> in = new ArrayList<>(List.of(normal(3, 6, 8)));
        in.addAll(state.values());
        Torch.compare(
                "encoder layer, norms first, causal",
                Closeness.NORMALISATION,
                in,
                x -> ours.forward(x.get(0), AttentionMask.CAUSAL, Mode.TRAIN),
                x -> {
                    Function<String, org.bytedeco.pytorch.Tensor> p =
                            key -> x.get(1 + keys.indexOf(key));
                    var a = x.get(0);
                    var y = norm(a, p, "norm1");
                    var qkv =
                            torch.linear(
                                            y,
                                            p.apply("self_attn.in_proj_weight"),
                                            p.apply("self_attn.in_proj_bias"))
                                    .reshape(3, 6, 3, 2, 4)
                                    .permute(2, 0, 3, 1, 4);
                    var o =
                            torch.scaled_dot_product_attention(
                                            qkv.select(0, 0),
                                            qkv.select(0, 1),
                                            qkv.select(0, 2),
                                            Torch.none(),
                                            0,
                                            true,
                                            new DoubleOptional(),
                                            false)
                                    .transpose(1, 2)
                                    .reshape(3, 6, 8);
                    var b = a.add(linear(o, p, "self_attn.out_proj"));
                    var inner = torch.relu(linear(norm(b, p, "norm2"), p, "linear1"));
                    return b.add(linear(inner, p, "linear2"));
                });
    }

    private static org.bytedeco.pytorch.Tensor norm(
            org.bytedeco.pytorch.Tensor x,
            Function<String, org.bytedeco.pytorch.Tensor> p,
            String key) {
        return torch.layer_norm(
                x,
                new long[] {x.size(-1)},
                Torch.optional(p.apply(key + ".weight")),
                Torch.optional(p.apply(key + ".bias")),
                1e-5,
                false);
    }

    private static org.bytedeco.pytorch.Tensor linear(
            org.bytedeco.pytorch.Tensor x,
            Function<String, org.bytedeco.pytorch.Tensor> p,
            String key) {
        return torch.linear(x, p.apply(key + ".weight"), p.apply(key + ".bias"));
    }

    @Test
    void decoderLayer() {
        TransformerDecoderLayer ours = TransformerDecoderLayer.of(8, 2, 20, rng).dropout(0);
        randomiseBiases(ours, rng);
        var options = new TransformerDecoderLayerOptions(8, 2);
        options.dim_feedforward().put(20);
        options.dropout().put(0);
        var theirs = new TransformerDecoderLayerImpl(options);
        Tensor hidden = Tensor.arange(6).unsqueeze(1).lt(Tensor.arange(6)).realize();
        var none = new org.bytedeco.pytorch.Tensor();
        compare(
                "decoder layer",
                ours,
                theirs,
                List.of(normal(3, 6, 8), normal(3, 4, 8)),
                x ->
                        ours.forward(
                                x.get(0),
                                x.get(1),
                                AttentionMask.CAUSAL,
                                AttentionMask.NONE,
                                Mode.TRAIN),
                x ->
                        flipped(
                                theirs.forward(
                                        flipped(x.get(0)),
                                        flipped(x.get(1)),
                                        Torch.of(minus(hidden)),
                                        none,
                                        none,
                                        none)));
    }
}
