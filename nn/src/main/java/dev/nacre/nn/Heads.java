package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.ir.Attention;
import dev.nacre.type.Problem;
import java.util.Optional;

/// What lies between the projections of an attention layer: vectors cut into heads, each of which attends on its own (Vaswani et al. 2017). Layers that differ in their
/// projections and the names of those share it.
///
/// @param queries number of heads of the query
/// @param keys number of heads of key and value, which divides the former: below it, queries are grouped (Ainslie et al. 2023)
/// @param dropout probability that an attention weight is dropped in training
/// @param rng where dropout draws from
/// @param rotary how positions turn queries and keys, if they do
public record Heads(
        int queries, int keys, double dropout, Rng rng, Optional<RotaryEmbedding> rotary) {
    public Heads {
        Problem.in("heads").within("dropout", dropout, 0, 1).throwValue();
        Problem.in("heads")
                .require(queries >= 1 && keys >= 1, "their number must be at least 1")
                .require(
                        keys < 1 || queries % keys == 0,
                        queries + " heads of the query do not share " + keys + " of the key evenly")
                .throwShape();
    }

    /// As many heads of key and value as of the query; no dropout, no rotation.
    public static Heads of(int number, Rng rng) {
        return grouped(number, number, rng);
    }

    public static Heads grouped(int queries, int keys, Rng rng) {
        return new Heads(queries, keys, 0, rng, Optional.empty());
    }

    public Heads dropout(double dropout) {
        return new Heads(queries, keys, dropout, rng, rotary);
    }

    public Heads rotary(RotaryEmbedding rotary) {
        return new Heads(queries, keys, dropout, rng, Optional.of(rotary));
    }

    /// Attention of all heads, their results side by side: query `[n, l, queries·width]`, key `[n, s, keys·width]`, value `[n, s, keys·out]` → `[n, l, queries·out]`.
    public Tensor attend(Tensor query, Tensor key, Tensor value, AttentionMask mask, Mode mode) {
        Tensor q = turned(split(query, queries), Tensor.arange(query.size(1)));
        Tensor k = turned(split(key, keys), Tensor.arange(key.size(1)));
        return joined(attended(q, k, split(value, keys), mask.attention(), mask.combined(), mode));
    }

    /// Causal attention of the next positions to themselves and to all that the cache holds, which takes them up. For evaluation.
    public Tensor attend(Tensor query, Tensor key, Tensor value, KeyValueCache cache) {
        Tensor positions = Tensor.arange(query.size(1)).add(cache.length());
        Tensor q = turned(split(query, queries), positions);
        Tensor k = turned(split(key, keys), positions);
        KeyValueCache.Extended all = cache.append(k, split(value, keys));
        return joined(
                attended(
                        q,
                        all.keys(),
                        all.values(),
                        Attention.FULL,
                        Optional.of(all.visible()),
                        Mode.EVAL));
    }

    private Tensor attended(
            Tensor q, Tensor k, Tensor v, Attention how, Optional<Tensor> mask, Mode mode) {
        boolean drops = mode.isTraining() && dropout > 0;
        Tensor y =
                q.scaledDotProductAttention(
                        k,
                        v,
                        how.dropout(drops ? dropout : 0),
                        mask,
                        drops ? Optional.of(rng.key()) : Optional.empty());
        return dropout > 0 ? mode.remarked("dropout", y) : y;
    }

    private Tensor turned(Tensor x, Tensor positions) {
        return rotary.map(r -> r.forward(x, positions)).orElse(x);
    }

    /// `[n, time, heads·width]` → `[n, heads, time, width]`.
    private static Tensor split(Tensor x, int heads) {
        Problem.in("attention")
                .require(x.rank() == 3, "x must be [batch, time, width]")
                .require(
                        x.rank() != 3 || x.size(2) % heads == 0,
                        "the width must be divisible by the " + heads + " heads")
                .operand("x", x.type(), x::origin)
                .throwShape();
        return x.reshape(x.size(0), x.size(1), heads, x.size(2) / heads).permute(0, 2, 1, 3);
    }

    private static Tensor joined(Tensor x) {
        return x.permute(0, 2, 1, 3).reshape(x.size(0), x.size(2), x.size(1) * x.size(3));
    }
}
