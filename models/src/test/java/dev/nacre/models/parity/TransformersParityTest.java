package dev.nacre.models.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.models.Bert;
import dev.nacre.models.Gpt;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.parity.Closeness;
import dev.nacre.nn.parity.Torch;
import dev.nacre.type.DType;
import dev.nacre.type.Precision;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

/// A small GPT and a small BERT against libtorch.
class TransformersParityTest {
    private static final Gpt.Config GPT = new Gpt.Config(11, 12, 2, 3, 24, 0);
    private static final Bert.Config BERT = new Bert.Config(13, 10, 2, 2, 2, 16, 40, 0, 1e-12);

    private static org.bytedeco.pytorch.Tensor gpt(Other o, org.bytedeco.pytorch.Tensor tokens) {
        long time = tokens.size(1);
        var x =
                torch.embedding(o.get("transformer.wte.weight"), tokens)
                        .add(o.get("transformer.wpe.weight").narrow(0, 0, time));
        for (int i = 0; i < GPT.layers(); i++) {
            String at = "transformer.h." + i + ".";
            var qkv = o.linear(o.layerNorm(x, at + "ln_1", 1e-5), at + "attn.c_attn");
            long w = GPT.width();
            var y =
                    Other.attention(
                            qkv.narrow(2, 0, w),
                            qkv.narrow(2, w, w),
                            qkv.narrow(2, 2 * w, w),
                            GPT.heads(),
                            Torch.none(),
                            true);
            x = x.add(o.linear(y, at + "attn.c_proj"));
            var inner = torch.gelu(o.linear(o.layerNorm(x, at + "ln_2", 1e-5), at + "mlp.c_fc"));
            x = x.add(o.linear(inner, at + "mlp.c_proj"));
        }
        return o.linear(o.layerNorm(x, "transformer.ln_f", 1e-5), "lm_head");
    }

    private static Tensor loss(Module net, Tensor x, Tensor y, Mode mode) {
        Tensor logits = net.forward(x, mode);
        return new CrossEntropyLoss().forward(logits.reshape(-1, GPT.vocabulary()), y.reshape(-1));
    }

    private static org.bytedeco.pytorch.Tensor gptLoss(
            Other o, org.bytedeco.pytorch.Tensor x, org.bytedeco.pytorch.Tensor y) {
        return torch.cross_entropy_loss(gpt(o, x).reshape(-1, GPT.vocabulary()), y.reshape(-1));
    }

    private final Rng rng = Rng.seed(8);

    private Gpt gpt() {
        Gpt net = Gpt.of(GPT, rng);
        Other.randomise(net, rng);
        return net;
    }

    @Test
    void gptForwardAndGradients() {
        Gpt net = gpt();
        Other o = new Other(net);
        Tensor x = rng.integers(11, Shape.of(3, 9)).realize();
        Tensor y = rng.integers(11, Shape.of(3, 9)).realize();
        for (Mode mode : Mode.values()) {
            Closeness.NORMALISATION.check("logits", gpt(o, Torch.of(x)), net.forward(x, mode));
        }
        for (Module m : List.of(net, net.checkpointed())) {
            Other fresh = new Other(net);
            Other.zeroGrad(net);
            loss(m, x, y, Mode.TRAIN).backward();
            gptLoss(fresh, Torch.of(x), Torch.of(y)).backward();
            fresh.checkGradients("gpt", Closeness.NORMALISATION, net);
        }
    }

    private Other.Training training(Gpt net, Other o) {
        AdamWOptions options = new AdamWOptions(3e-3);
        options.weight_decay().put(0.01);
        return new Other.Training(
                (a, b) -> loss(net, a, b, Mode.TRAIN),
                AdamW.of(net.parameters(), 3e-3),
                (a, b) -> gptLoss(o, a, b),
                new org.bytedeco.pytorch.AdamW(o.parameters(), options),
                rng.integers(11, Shape.of(4, 12)).realize(),
                rng.integers(11, Shape.of(4, 12)).realize());
    }

    @Test
    void gptTenSteps() {
        Gpt net = gpt();
        Other o = new Other(net);
        training(net, o).run(10, net, o);
    }

    /// bf16 keeps 8 bits, so that single results are off by 0.4 %; losses are means of many.
    @Test
    void gptTenStepsInBf16() {
        Gpt net = gpt();
        training(net, new Other(net)).inBf16().run(10, 1e-2);
    }

    /// Gradients in bf16 are within 2 % of those in f32, in the Euclidean norm over all parameters.
    @Test
    void gptGradientsInBf16() {
        Gpt net = gpt();
        Tensor x = rng.integers(11, Shape.of(4, 12)).realize();
        Tensor y = rng.integers(11, Shape.of(4, 12)).realize();
        loss(net, x, y, Mode.TRAIN).backward();
        List<float[]> exact =
                net.parameters().stream().map(p -> p.grad().orElseThrow().toFloatArray()).toList();
        Other.zeroGrad(net);
        Precision.BF16.in(() -> loss(net, x, y, Mode.TRAIN)).backward();
        double off = 0;
        double size = 0;
        for (int i = 0; i < exact.size(); i++) {
            float[] g = net.parameters().get(i).grad().orElseThrow().toFloatArray();
            for (int k = 0; k < g.length; k++) {
                off += Math.pow(g[k] - exact.get(i)[k], 2);
                size += Math.pow(exact.get(i)[k], 2);
            }
        }
        double relative = Math.sqrt(off / size);
        assertTrue(relative < 0.02 && relative > 1e-4, "off by " + relative);
    }

    /// The number of parameters that the same definition has elsewhere.
    @Test
    void gptSize() {
        Gpt net = Gpt.of(Gpt.Config.small(65, 256), rng);
        assertEquals(10_795_776, net.parameterCount());
        assertTrue(net.state().containsKey("transformer.h.5.attn.c_attn.bias"));
        assertTrue(!net.state().containsKey("lm_head.bias"));
        assertEquals(4 * 6 + 1, net.decaying().size());
    }

    // ------------------------------------------------------------------------------------------
    // BERT

    private static org.bytedeco.pytorch.Tensor bert(
            Other o,
            org.bytedeco.pytorch.Tensor tokens,
            org.bytedeco.pytorch.Tensor segments,
            org.bytedeco.pytorch.TensorOptional visible) {
        var x =
                torch.embedding(o.get("embeddings.word_embeddings.weight"), tokens)
                        .add(
                                torch.embedding(
                                        o.get("embeddings.token_type_embeddings.weight"), segments))
                        .add(
                                o.get("embeddings.position_embeddings.weight")
                                        .narrow(0, 0, tokens.size(1)));
        x = o.layerNorm(x, "embeddings.LayerNorm", 1e-12);
        for (int i = 0; i < BERT.layers(); i++) {
            String at = "encoder.layer." + i + ".";
            String self = at + "attention.self.";
            var y =
                    Other.attention(
                            o.linear(x, self + "query"),
                            o.linear(x, self + "key"),
                            o.linear(x, self + "value"),
                            BERT.heads(),
                            visible,
                            false);
            x =
                    o.layerNorm(
                            o.linear(y, at + "attention.output.dense").add(x),
                            at + "attention.output.LayerNorm",
                            1e-12);
            var inner = torch.gelu(o.linear(x, at + "intermediate.dense"));
            x =
                    o.layerNorm(
                            o.linear(inner, at + "output.dense").add(x),
                            at + "output.LayerNorm",
                            1e-12);
        }
        return x;
    }

    private static org.bytedeco.pytorch.Tensor pooled(Other o, org.bytedeco.pytorch.Tensor hidden) {
        return torch.tanh(o.linear(hidden.select(1, 0), "pooler.dense"));
    }

    private Bert bert() {
        Bert net = Bert.of(BERT, rng);
        Other.randomise(net, rng);
        return net;
    }

    @Test
    void bertForwardAndGradients() {
        Bert net = bert();
        Tensor x = rng.integers(13, Shape.of(2, 7)).realize();
        Tensor segments = rng.integers(2, Shape.of(2, 7)).realize();
        Tensor there =
                Tensor.of(new long[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0}, 2, 7).realize();
        for (boolean masked : List.of(false, true)) {
            Other o = new Other(net);
            Other.zeroGrad(net);
            Bert.Encoded e =
                    net.encode(
                            x,
                            segments,
                            masked ? Optional.of(there) : Optional.empty(),
                            Mode.TRAIN);
            var visible = Torch.of(there.cast(DType.BOOL).reshape(2, 1, 1, 7).realize());
            var hidden =
                    bert(
                            o,
                            Torch.of(x),
                            Torch.of(segments),
                            masked ? Torch.optional(visible) : Torch.none());
            Closeness.NORMALISATION.check("hidden", hidden, e.hidden());
            Closeness.NORMALISATION.check("pooled", pooled(o, hidden), e.pooled());
            Tensor weight = rng.normal(2, 16).realize();
            e.pooled().mul(weight).sum().add(e.hidden().square().mean()).backward();
            pooled(o, hidden).mul(Torch.of(weight)).sum().add(hidden.square().mean()).backward();
            o.checkGradients("bert", Closeness.STEPS, net);
        }
        Other o = new Other(net);
        Closeness.NORMALISATION.check(
                "one segment",
                bert(o, Torch.of(x), Torch.of(Tensor.zeros(DType.I64, 2, 7)), Torch.none()),
                net.encode(x, Mode.EVAL).hidden());
    }

    @Test
    void bertTenSteps() {
        Bert net = bert();
        Other o = new Other(net);
        Tensor segments = Tensor.zeros(DType.I64, 4, 8).realize();
        new Other.Training(
                        (a, b) ->
                                new CrossEntropyLoss()
                                        .forward(net.encode(a, Mode.TRAIN).pooled(), b),
                        AdamW.of(net.parameters(), 1e-3),
                        (a, b) ->
                                torch.cross_entropy_loss(
                                        pooled(o, bert(o, a, Torch.of(segments), Torch.none())), b),
                        new org.bytedeco.pytorch.AdamW(o.parameters(), new AdamWOptions(1e-3)),
                        rng.integers(13, Shape.of(4, 8)).realize(),
                        rng.integers(16, Shape.of(4)).realize())
                .run(10, net, o);
    }

    /// BERT-base as published; built small in one direction only, for the whole needs half a gigabyte.
    @Test
    void bertNames() {
        Bert.Config base = Bert.Config.BASE;
        long w = base.width();
        long layer = 4 * (w * w + w) + 2 * w * base.inner() + base.inner() + w + 4 * w;
        long all =
                (base.vocabulary() + base.positions() + base.segments()) * w
                        + 2 * w
                        + base.layers() * layer
                        + w * w
                        + w;
        assertEquals(109_482_240, all);
        Bert net = bert();
        long s = BERT.width();
        long small = 4 * (s * s + s) + 2 * s * BERT.inner() + BERT.inner() + s + 4 * s;
        assertEquals(
                (BERT.vocabulary() + BERT.positions() + BERT.segments()) * s
                        + 2 * s
                        + BERT.layers() * small
                        + s * s
                        + s,
                net.parameterCount());
        for (String key :
                List.of(
                        "embeddings.word_embeddings.weight",
                        "embeddings.position_embeddings.weight",
                        "embeddings.token_type_embeddings.weight",
                        "embeddings.LayerNorm.weight",
                        "encoder.layer.1.attention.self.query.weight",
                        "encoder.layer.1.attention.output.dense.bias",
                        "encoder.layer.1.attention.output.LayerNorm.bias",
                        "encoder.layer.1.intermediate.dense.weight",
                        "encoder.layer.1.output.LayerNorm.weight",
                        "pooler.dense.bias")) {
            assertTrue(net.state().containsKey(key), key);
        }
    }
}
