package dev.nacre.models;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.AttentionMask;
import dev.nacre.nn.Checkpointed;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Embedding;
import dev.nacre.nn.Heads;
import dev.nacre.nn.Initializer;
import dev.nacre.nn.KeyValueCache;
import dev.nacre.nn.LanguageModel;
import dev.nacre.nn.LayerNorm;
import dev.nacre.nn.LearnedPositions;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sampling;
import dev.nacre.nn.Tree;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// A language model that predicts each token from those before it (Radford et al. 2019): embeddings and learned positions, blocks of causal attention and a GELU network with the
/// normalisations first, a last normalisation, and a linear head of its own without bias. The keys of its state are those of GPT-2's weights as nanoGPT has them
/// (`transformer.h.0.attn.c_attn.weight`), every weight lying `[out, in]`.
///
/// Shape: tokens `[n, time]` → logits `[n, time, vocabulary]`.
public record Gpt(Transformer transformer, Linear lmHead) implements LanguageModel {
    /// The size of a model.
    ///
    /// @param positions the longest text
    /// @param dropout of embeddings, attention weights and what the blocks add
    public record Config(
            long vocabulary, long positions, int layers, int heads, long width, double dropout) {
        public Config {
            Problem.in("gpt")
                    .atLeast("vocabulary", vocabulary, 1)
                    .atLeast("positions", positions, 1)
                    .atLeast("layers", layers, 1)
                    .atLeast("heads", heads, 1)
                    .atLeast("width", width, 1)
                    .fraction("dropout", dropout)
                    .throwValue();
        }

        /// Six layers of width 384 with six heads, without dropout: 10.8 million parameters with 65 tokens and 256 positions.
        public static Config small(long vocabulary, long positions) {
            return new Config(vocabulary, positions, 6, 6, 384, 0);
        }

        public Config dropout(double dropout) {
            return new Config(vocabulary, positions, layers, heads, width, dropout);
        }
    }

    /// All but the head.
    public record Transformer(
            Embedding wte, LearnedPositions wpe, Dropout drop, List<Block> h, LayerNorm lnF)
            implements Module {
        @Override
        public Tensor forward(Tensor tokens, Mode mode) {
            Tensor x = drop.forward(wpe.forward(wte.forward(tokens)), mode);
            for (Block b : h) {
                x = b.forward(x, mode);
            }
            return lnF.forward(x);
        }

        Tensor forward(Tensor tokens, List<KeyValueCache> caches) {
            Tensor x = wpe.forward(wte.forward(tokens), caches.getFirst().length());
            for (int i = 0; i < h.size(); i++) {
                x = h.get(i).forward(x, caches.get(i));
            }
            return lnF.forward(x);
        }
    }

    /// `x ← x + attn(ln1(x))`, `x ← x + mlp(ln2(x))`.
    public record Block(
            @dev.nacre.nn.Key("ln_1") LayerNorm ln1,
            Attention attn,
            @dev.nacre.nn.Key("ln_2") LayerNorm ln2,
            Mlp mlp)
            implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor y = x.add(attn.forward(ln1.forward(x), mode));
            return y.add(mlp.forward(ln2.forward(y), mode));
        }

        Tensor forward(Tensor x, KeyValueCache cache) {
            Tensor y = x.add(attn.forward(ln1.forward(x), cache));
            return y.add(mlp.forward(ln2.forward(y), Mode.EVAL));
        }
    }

    /// Causal self-attention; query, key and value come out of one linear layer.
    public record Attention(Linear cAttn, Linear cProj, Heads heads, Dropout residDropout)
            implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            List<Tensor> qkv = cAttn.forward(x).chunk(3, -1);
            Tensor y = heads.attend(qkv.get(0), qkv.get(1), qkv.get(2), AttentionMask.CAUSAL, mode);
            return residDropout.forward(cProj.forward(y), mode);
        }

        Tensor forward(Tensor x, KeyValueCache cache) {
            List<Tensor> qkv = cAttn.forward(x).chunk(3, -1);
            return cProj.forward(heads.attend(qkv.get(0), qkv.get(1), qkv.get(2), cache));
        }
    }

    /// `cProj(gelu(cFc(x)))`, four times as wide inside.
    public record Mlp(Linear cFc, Linear cProj, Dropout dropout) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return dropout.forward(cProj.forward(cFc.forward(x).gelu()), mode);
        }
    }

    /// First values normal with a standard deviation of 0.02, that of what the blocks add divided by √(2·layers); biases 0.
    public static Gpt of(Config c, Rng rng) {
        Problem.in("gpt")
                .require(
                        c.layers >= 1 && c.heads >= 1 && c.width % c.heads == 0,
                        "there must be layers, and heads that divide the width: " + c)
                .throwShape();
        Initializer first = Initializer.normal(0, 0.02);
        Initializer last = Initializer.normal(0, 0.02 / Math.sqrt(2.0 * c.layers));
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < c.layers; i++) {
            blocks.add(
                    new Block(
                            LayerNorm.of(c.width),
                            new Attention(
                                    Linear.of(c.width, 3 * c.width, first, rng),
                                    Linear.of(c.width, c.width, last, rng),
                                    Heads.of(c.heads, rng.split()).dropout(c.dropout),
                                    Dropout.of(c.dropout, rng)),
                            LayerNorm.of(c.width),
                            new Mlp(
                                    Linear.of(c.width, 4 * c.width, first, rng),
                                    Linear.of(4 * c.width, c.width, last, rng),
                                    Dropout.of(c.dropout, rng))));
        }
        return new Gpt(
                new Transformer(
                        new Embedding(
                                dev.nacre.Variable.of(
                                        "weight",
                                        first.of(
                                                dev.nacre.type.Shape.of(c.vocabulary, c.width),
                                                rng))),
                        LearnedPositions.of(c.positions, c.width, rng),
                        Dropout.of(c.dropout, rng),
                        List.copyOf(blocks),
                        LayerNorm.of(c.width)),
                Linear.of(c.width, c.vocabulary, first, rng).withoutBias());
    }

    /// The longest text.
    @Override
    public long positions() {
        return transformer.wpe.positions();
    }

    @Override
    public Tensor forward(Tensor tokens, Mode mode) {
        return lmHead.forward(transformer.forward(tokens, mode));
    }

    /// The logits of the next positions of texts whose beginning the caches hold, one per block; for evaluation.
    ///
    /// @param tokens `[n, time]`
    public Tensor forward(Tensor tokens, List<KeyValueCache> caches) {
        return lmHead.forward(transformer.forward(tokens, caches));
    }

    /// Empty caches for `n` texts of up to `capacity` tokens.
    public List<KeyValueCache> caches(long n, long capacity) {
        long width = transformer.wpe.weight().size(1);
        return transformer.h.stream()
                .map(b -> {
                    int heads = b.attn.heads.keys();
                    return KeyValueCache.of(n, heads, capacity, width / heads);
                })
                .toList();
    }

    /// The texts with `count` more tokens each: i64 `[n, time + count]`. Every position is computed once.
    ///
    /// @param tokens `[n, time]`, at least one each
    @Override
    public Tensor generate(Tensor tokens, int count, Sampling how, Rng rng) {
        Problem.in("generate")
                .require(
                        tokens.rank() == 2 && tokens.size(1) >= 1,
                        "the texts must be [n, time] with at least one token each")
                .require(
                        tokens.rank() != 2 || tokens.size(1) + count <= positions(),
                        "texts have at most "
                                + positions()
                                + " tokens, but these would have "
                                + (tokens.rank() == 2 ? tokens.size(1) + count : 0))
                .operand("tokens", tokens.type(), tokens::origin)
                .throwShape();
        List<KeyValueCache> caches = caches(tokens.size(0), tokens.size(1) + count);
        Function step =
                Function.of((Tensor next) -> {
                    Tensor logits = forward(next, caches).select(1, next.size(1) - 1);
                    return how.choose(logits, rng);
                });
        Tensor text = tokens.cast(DType.I64);
        Tensor next = text;
        List<Tensor> all = new ArrayList<>(List.of(text));
        for (int i = 0; i < count; i++) {
            next = step.apply(next.realize()).unsqueeze(1);
            all.add(next);
        }
        return text.concat(1, all.subList(1, all.size())).realize();
    }

    /// The same model whose blocks keep no intermediate values for the gradient, but compute them again; the parameters are shared.
    public Module checkpointed() {
        List<Module> blocks =
                transformer.h.stream().map(b -> (Module) new Checkpointed(b)).toList();
        return new Recomputing(this, blocks);
    }

    private record Recomputing(Gpt whole, List<Module> blocks) implements Module {
        @Override
        public Tensor forward(Tensor tokens, Mode mode) {
            Transformer t = whole.transformer;
            Tensor x = t.drop.forward(t.wpe.forward(t.wte.forward(tokens)), mode);
            for (Module b : blocks) {
                x = b.forward(x, mode);
            }
            return whole.lmHead.forward(t.lnF.forward(x));
        }
    }

    /// The parameters that weight decay is for: matrices, but neither embeddings nor biases and gains.
    public List<dev.nacre.Variable> decaying() {
        return Stream.concat(transformer.h.stream(), Stream.of(lmHead))
                .flatMap(m -> m.parameters().stream())
                .filter(p -> p.rank() >= 2)
                .toList();
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Tree.of(this).toString();
    }
}
