package dev.nacre.bench.protocol;

/// The size of a model of text that predicts each token from those before it.
///
/// @param width of a position's vector
/// @param length of a passage
/// @param vocabulary how many tokens there are
/// @param batch how many passages a step takes
public record Decoder(int layers, int width, int heads, int length, int vocabulary, int batch) {
    /// Of W7.
    public static final Decoder W7 = new Decoder(6, 384, 6, 256, 65, 8);

    /// Operations of a training step. Attention counts half of its square: what is after a token is not needed.
    public double flop() {
        double d = width;
        double layer = 12 * d * d + length * d;
        return 3 * 2.0 * batch * length * (layers * layer + d * vocabulary);
    }

    /// The model with learned positions, normalisation before each part, and a head of its own without bias: keys `token`, `position`, `blocks.N.norm1`, `.qkv`, `.out`, `.norm2`, `.up`, `.down`,
    /// `norm`, `head`.
    public Weights weights() {
        long d = width;
        double bound = 0.02 * Math.sqrt(3);
        Weights w =
                new Weights()
                        .uniform("token.weight", bound, vocabulary, d)
                        .uniform("position.weight", bound, length, d);
        for (int i = 0; i < layers; i++) {
            String key = "blocks." + i + ".";
            w.norm(key + "norm1", d).linear(key + "qkv", d, 3 * d).linear(key + "out", d, d);
            w.norm(key + "norm2", d).linear(key + "up", d, 4 * d).linear(key + "down", 4 * d, d);
        }
        return w.norm("norm", d).uniform("head.weight", 1 / Math.sqrt(d), vocabulary, d);
    }
}
