package dev.nacre.models;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.AttentionMask;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Embedding;
import dev.nacre.nn.Heads;
import dev.nacre.nn.Initializer;
import dev.nacre.nn.Key;
import dev.nacre.nn.LayerNorm;
import dev.nacre.nn.LearnedPositions;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.Tree;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// BERT's encoder (Devlin et al. 2019): embeddings of tokens, positions and segments, layers of attention in both directions and a GELU network with the normalisations last, and a
/// pooler of the first position. The keys of its state are those of the published weights (`encoder.layer.0.attention.self.query.weight`).
///
/// Shape: tokens `[n, time]` → `[n, time, width]`; pooled `[n, width]`.
public record Bert(Embeddings embeddings, Encoder encoder, Pooler pooler) implements Module {
    /// The size of a model.
    ///
    /// @param inner width inside the networks
    /// @param dropout of embeddings, attention weights and what the layers add
    /// @param epsilon of the normalisations
    public record Config(
            long vocabulary,
            long positions,
            long segments,
            int layers,
            int heads,
            long width,
            long inner,
            double dropout,
            double epsilon) {
        public Config {
            Problem.in("bert")
                    .atLeast("vocabulary", vocabulary, 1)
                    .atLeast("positions", positions, 1)
                    .atLeast("segments", segments, 1)
                    .atLeast("layers", layers, 1)
                    .atLeast("heads", heads, 1)
                    .atLeast("width", width, 1)
                    .atLeast("inner", inner, 1)
                    .fraction("dropout", dropout)
                    .notNegative("epsilon", epsilon)
                    .throwValue();
        }

        /// BERT-base: 12 layers of width 768 with 12 heads, 109 million parameters.
        public static final Config BASE = new Config(30522, 512, 2, 12, 12, 768, 3072, 0.1, 1e-12);

        public Config epsilon(double epsilon) {
            return new Config(
                    vocabulary, positions, segments, layers, heads, width, inner, dropout, epsilon);
        }
    }

    /// What the encoder found: all positions `[n, time, width]`, and the pooled first one `[n, width]`.
    public record Encoded(Tensor hidden, Tensor pooled) {}

    /// The three embeddings, added and normalised.
    public record Embeddings(
            Embedding wordEmbeddings,
            LearnedPositions positionEmbeddings,
            Embedding tokenTypeEmbeddings,
            @Key("LayerNorm") LayerNorm norm,
            Dropout dropout)
            implements Module {
        /// All tokens of the first segment.
        @Override
        public Tensor forward(Tensor tokens, Mode mode) {
            Tensor first = tokenTypeEmbeddings.weight().select(0, 0);
            return finished(wordEmbeddings.forward(tokens).add(first), mode);
        }

        Tensor forward(Tensor tokens, Tensor segments, Mode mode) {
            return finished(
                    wordEmbeddings.forward(tokens).add(tokenTypeEmbeddings.forward(segments)),
                    mode);
        }

        private Tensor finished(Tensor x, Mode mode) {
            return dropout.forward(norm.forward(positionEmbeddings.forward(x)), mode);
        }
    }

    /// The layers.
    public record Encoder(List<Layer> layer) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return forward(x, AttentionMask.NONE, mode);
        }

        Tensor forward(Tensor x, AttentionMask mask, Mode mode) {
            Tensor y = x;
            for (Layer l : layer) {
                y = l.forward(y, mask, mode);
            }
            return y;
        }
    }

    /// Attention, then a network at each position.
    public record Layer(Attention attention, Dense intermediate, Output output) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return forward(x, AttentionMask.NONE, mode);
        }

        Tensor forward(Tensor x, AttentionMask mask, Mode mode) {
            Tensor y = attention.forward(x, mask, mode);
            return output.forward(intermediate.forward(y).gelu(), y, mode);
        }
    }

    /// A linear layer that is called dense.
    public record Dense(Linear dense) implements Module {
        @Override
        public Tensor forward(Tensor x) {
            return dense.forward(x);
        }
    }

    /// `norm(dropout(dense(x)) + shortcut)`.
    public record Output(Linear dense, @Key("LayerNorm") LayerNorm norm, Dropout dropout)
            implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return dropout.forward(dense.forward(x), mode);
        }

        Tensor forward(Tensor x, Tensor shortcut, Mode mode) {
            return norm.forward(forward(x, mode).add(shortcut));
        }
    }

    /// Self-attention with its output.
    public record Attention(SelfAttention self, Output output) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return forward(x, AttentionMask.NONE, mode);
        }

        Tensor forward(Tensor x, AttentionMask mask, Mode mode) {
            return output.forward(self.forward(x, mask, mode), x, mode);
        }
    }

    /// The projections of query, key and value.
    public record SelfAttention(Linear query, Linear key, Linear value, Heads heads)
            implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return forward(x, AttentionMask.NONE, mode);
        }

        Tensor forward(Tensor x, AttentionMask mask, Mode mode) {
            return heads.attend(query.forward(x), key.forward(x), value.forward(x), mask, mode);
        }
    }

    /// `tanh(dense(x))` of the first position.
    public record Pooler(Linear dense) implements Module {
        @Override
        public Tensor forward(Tensor hidden) {
            return dense.forward(hidden.select(1, 0)).tanh();
        }
    }

    /// First values normal with a standard deviation of 0.02; biases 0.
    public static Bert of(Config c, Rng rng) {
        Problem.in("bert")
                .require(
                        c.layers >= 1 && c.heads >= 1 && c.width % c.heads == 0,
                        "there must be layers, and heads that divide the width: " + c)
                .throwShape();
        Initializer first = Initializer.normal(0, 0.02);
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < c.layers; i++) {
            layers.add(
                    new Layer(
                            new Attention(
                                    new SelfAttention(
                                            Linear.of(c.width, c.width, first, rng),
                                            Linear.of(c.width, c.width, first, rng),
                                            Linear.of(c.width, c.width, first, rng),
                                            Heads.of(c.heads, rng.split()).dropout(c.dropout)),
                                    output(c.width, c, rng)),
                            new Dense(Linear.of(c.width, c.inner, first, rng)),
                            output(c.inner, c, rng)));
        }
        return new Bert(
                new Embeddings(
                        table(c.vocabulary, c.width, rng),
                        LearnedPositions.of(c.positions, c.width, rng),
                        table(c.segments, c.width, rng),
                        LayerNorm.of(c.width).epsilon(c.epsilon),
                        Dropout.of(c.dropout, rng)),
                new Encoder(List.copyOf(layers)),
                new Pooler(Linear.of(c.width, c.width, first, rng)));
    }

    private static Output output(long in, Config c, Rng rng) {
        return new Output(
                Linear.of(in, c.width, Initializer.normal(0, 0.02), rng),
                LayerNorm.of(c.width).epsilon(c.epsilon),
                Dropout.of(c.dropout, rng));
    }

    private static Embedding table(long rows, long width, Rng rng) {
        return new Embedding(
                Variable.of("weight", Initializer.normal(0, 0.02).of(Shape.of(rows, width), rng)));
    }

    /// All positions of texts of one segment.
    @Override
    public Tensor forward(Tensor tokens, Mode mode) {
        return encoder.forward(embeddings.forward(tokens, mode), mode);
    }

    /// All positions, and the pooled first one, of texts of one segment without filling.
    public Encoded encode(Tensor tokens, Mode mode) {
        Tensor hidden = forward(tokens, mode);
        return new Encoded(hidden, pooler.forward(hidden));
    }

    /// All positions, and the pooled first one.
    ///
    /// @param segments the segment of each token, `[n, time]`
    /// @param attentionMask `[n, time]`: 1 or true for tokens, 0 or false for filling; empty if there is none
    public Encoded encode(
            Tensor tokens, Tensor segments, Optional<Tensor> attentionMask, Mode mode) {
        AttentionMask mask =
                attentionMask
                        .map(m -> AttentionMask.ofKeyPadding(m.cast(DType.BOOL).not()))
                        .orElse(AttentionMask.NONE);
        Tensor hidden = encoder.forward(embeddings.forward(tokens, segments, mode), mask, mode);
        return new Encoded(hidden, pooler.forward(hidden));
    }

    /// The tree below, without numbers; see [Tree#toString].
    @Override
    public String toString() {
        return Tree.of(this).toString();
    }
}
