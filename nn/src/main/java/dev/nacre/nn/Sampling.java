package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.NacreException;

/// How a language model's next token is chosen from its logits.
///
/// @param temperature by which logits are divided before the softmax; 0 takes the most probable token (greedy)
/// @param topK how many of the most probable tokens are left to choose from; 0 for all
/// @param topP the most probable tokens are left whose probabilities, after `topK`, reach this sum: the nucleus (Holtzman et al. 2020); 1 for all
public record Sampling(double temperature, int topK, double topP) {
    /// The most probable token.
    public static final Sampling GREEDY = new Sampling(0, 0, 1);

    /// What logits are multiplied by at least and at most: numbers of f32, beyond which nothing changes.
    private static final double HOTTEST = 1e-30;

    private static final double COLDEST = 1e30;

    public Sampling {
        if (!(temperature >= 0) || topK < 0 || !(topP > 0 && topP <= 1)) {
            throw new NacreException(
                    "sampling: needs a temperature of at least 0, a top-k of at least 0 and a top-p above 0 and at most 1, but got "
                            + temperature
                            + ", "
                            + topK
                            + ", "
                            + topP);
        }
    }

    /// From all tokens.
    public static Sampling of(double temperature) {
        return new Sampling(temperature, 0, 1);
    }

    public Sampling topK(int topK) {
        return new Sampling(temperature, topK, topP);
    }

    public Sampling topP(double topP) {
        return new Sampling(temperature, topK, topP);
    }

    /// A token for each row of logits: `[n, tokens]` → i64 `[n]`. Drawn from a row that has no probabilities, for a logit is NaN or all are −∞, it is −1, which is no token.
    public Tensor choose(Tensor logits, Rng rng) {
        if (temperature == 0) {
            return logits.argmax(-1);
        }
        Tensor wide = logits.cast(logits.dtype().floating().arithmetic());
        Tensor largest = wide.max(-1).unsqueeze(-1);
        Tensor below = wide.sub(largest.isFinite().where(largest, largest.zerosLike()));
        Tensor scaled = // the largest is 0, which no temperature makes ∞
                below.mul(Math.clamp(1 / temperature, HOTTEST, COLDEST));
        if (topK == 0 && topP == 1) {
            return rng.categorical(scaled);
        }
        Tensor order = scaled.argsort(-1, true);
        Tensor sorted = scaled.gather(-1, order);
        Tensor hidden = Tensor.full(Double.NEGATIVE_INFINITY, scaled.dtype());
        if (topK > 0) {
            sorted = Tensor.arange(logits.size(-1)).lt(topK).where(sorted, hidden);
        }
        if (topP < 1) { // a token stays if those before it have not reached the sum
            Tensor p = sorted.softmax(-1);
            sorted = p.cumsum(-1).sub(p).lt(topP).where(sorted, hidden);
        }
        Tensor place = rng.categorical(sorted);
        Tensor token = order.gather(-1, place.maximum(0).unsqueeze(-1)).squeeze(-1);
        return place.lt(0).where(place, token);
    }
}
