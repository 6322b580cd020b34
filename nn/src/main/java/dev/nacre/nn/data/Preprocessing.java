package dev.nacre.nn.data;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.util.List;

/// What happens to an image before a network sees it: brought to a number of channels and a size, then `(x − mean) / std` per channel, for x from 0 to 1.
public record Preprocessing(
        int channels, int height, int width, List<Double> mean, List<Double> std) {
    public Preprocessing {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        boolean sized = channels == 1 || channels == 3;
        sized &= height > 0 && width > 0 && height <= 1 << 14 && width <= 1 << 14;
        if (!sized
                || mean.size() != channels
                || std.size() != channels
                || std.stream().anyMatch(s -> !(s > 0))) {
            throw new NacreException(
                    "preprocessing: needs 1 or 3 channels, a positive size, and one mean and one positive std for each channel, but got "
                            + channels
                            + " channels, "
                            + height
                            + "×"
                            + width
                            + ", mean "
                            + mean
                            + ", std "
                            + std);
        }
    }

    /// Normalises pixels from 0 to 1.
    ///
    /// Shape: `[n, channels, height, width]` → the same.
    public Tensor normalise(Tensor unit) {
        if (channels == 1) {
            return unit.sub(mean.getFirst()).mul(1 / std.getFirst());
        }
        return unit.sub(perChannel(mean)).div(perChannel(std));
    }

    private Tensor perChannel(List<Double> values) {
        float[] v = new float[channels];
        for (int i = 0; i < channels; i++) {
            v[i] = values.get(i).floatValue();
        }
        return Tensor.of(v, 1, channels, 1, 1);
    }

    /// An image of any size and number of channels as a batch of one: f32 `[1, channels, height, width]`.
    public Tensor apply(Image image) {
        return normalise(image.withChannels(channels).resize(height, width).tensor());
    }
}
