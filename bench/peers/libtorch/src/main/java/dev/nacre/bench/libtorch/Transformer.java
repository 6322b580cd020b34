package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Decoder;
import dev.nacre.bench.protocol.Task;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// The decoder that is trained, and BERT's encoder for inference.
final class Transformer {
    private record LayerNorm(long[] size, TensorOptional weight, TensorOptional bias)
            implements Model {
        static LayerNorm of(Parameters p, String key, long size) {
            return new LayerNorm(
                    new long[] {size}, p.optional(key + ".weight"), p.optional(key + ".bias"));
        }

        @Override
        public Tensor forward(Tensor x) {
            return torch.layer_norm(x, size, weight, bias, 1e-5, true);
        }
    }

    /// @param hidden true where a token must not look; without it, attention is not causal
    /// @param fused whether the one operator is used
    /// @param dropout of the weights
    private record Attention(
            int heads, Optional<Tensor> hidden, boolean fused, DoubleSupplier dropout) {
        Tensor of(Tensor q, Tensor k, Tensor v) {
            Tensor out = attend(split(q), split(k), split(v));
            return out.transpose(1, 2).contiguous().view(q.size(0), q.size(1), q.size(2));
        }

        private Tensor split(Tensor t) {
            long each = t.size(2) / heads;
            return t.view(t.size(0), t.size(1), heads, each).transpose(1, 2);
        }

        private Tensor attend(Tensor q, Tensor k, Tensor v) {
            if (fused) {
                return torch.scaled_dot_product_attention(
                        q,
                        k,
                        v,
                        Parameters.NONE,
                        dropout.getAsDouble(),
                        hidden.isPresent(),
                        new DoubleOptional(),
                        false);
            }
            Tensor s =
                    torch.matmul(q, k.transpose(-2, -1)).mul_(new Scalar(1 / Math.sqrt(q.size(3))));
            if (hidden.isPresent()) {
                s = s.masked_fill_(hidden.get(), new Scalar(Double.NEGATIVE_INFINITY));
            }
            return torch.matmul(torch.softmax(s, -1), v);
        }
    }

    private record GptBlock(
            LayerNorm norm1,
            Linear qkv,
            Linear out,
            LayerNorm norm2,
            Linear up,
            Linear down,
            Attention attention)
            implements Model {
        static GptBlock of(Parameters p, String key, int width, Attention attention) {
            return new GptBlock(
                    LayerNorm.of(p, key + "norm1", width),
                    Linear.of(p, key + "qkv"),
                    Linear.of(p, key + "out"),
                    LayerNorm.of(p, key + "norm2", width),
                    Linear.of(p, key + "up"),
                    Linear.of(p, key + "down"),
                    attention);
        }

        @Override
        public Tensor forward(Tensor x) {
            TensorVector q = qkv.forward(norm1.forward(x)).split(x.size(2), 2);
            Tensor a = out.forward(attention.of(q.get(0), q.get(1), q.get(2)));
            Tensor h = x.add(dropped(a, attention.dropout));
            Tensor m = down.forward(torch.gelu(up.forward(norm2.forward(h))));
            return h.add(dropped(m, attention.dropout));
        }
    }

    private record BertLayer(
            Linear q,
            Linear k,
            Linear v,
            Linear out,
            LayerNorm norm1,
            Linear up,
            Linear down,
            LayerNorm norm2,
            Attention attention)
            implements Model {
        static BertLayer of(Parameters p, String key, Attention attention) {
            return new BertLayer(
                    Linear.of(p, key + "q"),
                    Linear.of(p, key + "k"),
                    Linear.of(p, key + "v"),
                    Linear.of(p, key + "out"),
                    LayerNorm.of(p, key + "norm1", Task.BERT_WIDTH),
                    Linear.of(p, key + "up"),
                    Linear.of(p, key + "down"),
                    LayerNorm.of(p, key + "norm2", Task.BERT_WIDTH),
                    attention);
        }

        @Override
        public Tensor forward(Tensor x) {
            Tensor a = attention.of(q.forward(x), k.forward(x), v.forward(x));
            Tensor h = norm1.forward(x.add(out.forward(a)));
            return norm2.forward(h.add(down.forward(torch.gelu(up.forward(h)))));
        }
    }

    private Transformer() {}

    private static Tensor dropped(Tensor x, DoubleSupplier p) {
        return p.getAsDouble() == 0 ? x : torch.dropout(x, p.getAsDouble(), true);
    }

    private static Tensor positions(int n) {
        return torch.arange(new Scalar(n), new TensorOptions(ScalarType.Long));
    }

    /// @param dropout now
    static Model gpt(Parameters p, boolean bf16, Decoder size, DoubleSupplier dropout) {
        int length = size.length();
        Tensor hidden = torch.ones(length, length).tril().eq(new Scalar(0));
        Attention attention = new Attention(size.heads(), Optional.of(hidden), !bf16, dropout);
        Tensor token = p.of("token.weight");
        Tensor position = p.of("position.weight");
        List<GptBlock> blocks = new ArrayList<>();
        for (int i = 0; i < size.layers(); i++) {
            blocks.add(GptBlock.of(p, "blocks." + i + ".", size.width(), attention));
        }
        LayerNorm norm = LayerNorm.of(p, "norm", size.width());
        Linear head = new Linear(p.of("head.weight"), Parameters.NONE);
        Tensor places = positions(length);
        return x -> {
            Tensor h = torch.embedding(token, x).add(torch.embedding(position, places));
            h = dropped(h, dropout);
            for (GptBlock b : blocks) {
                h = b.forward(h);
            }
            return head.forward(norm.forward(h)).view(-1, size.vocabulary());
        };
    }

    /// The model on its only batch.
    static Supplier<Tensor> bert() {
        Task task = Task.bert();
        Parameters p = new Parameters(task.weights());
        Attention attention = new Attention(Task.BERT_HEADS, Optional.empty(), true, () -> 0);
        Tensor token = p.of("token.weight");
        Tensor position = p.of("position.weight");
        Tensor type = p.of("type.weight");
        LayerNorm norm = LayerNorm.of(p, "norm", Task.BERT_WIDTH);
        List<BertLayer> layers = new ArrayList<>();
        for (int i = 0; i < Task.BERT_LAYERS; i++) {
            layers.add(BertLayer.of(p, "layers." + i + ".", attention));
        }
        Linear pooler = Linear.of(p, "pooler");
        Tensor ids = Parameters.input(task, 0);
        Tensor zero = AbstractTensor.create(new long[Task.BERT_LENGTH], 1, Task.BERT_LENGTH);
        Tensor places = positions(Task.BERT_LENGTH);
        return () -> {
            Tensor h = torch.embedding(token, ids).add(torch.embedding(type, zero));
            h = norm.forward(h.add(torch.embedding(position, places)));
            for (BertLayer l : layers) {
                h = l.forward(h);
            }
            return torch.tanh(pooler.forward(h.select(1, 0)));
        };
    }
}
