package dev.nacre.formats.model;

import dev.nacre.nn.data.Characters;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.type.NacreException;
import java.util.List;

/// What a model is given, and what is done to it before the network sees it.
public sealed interface Input {
    /// Pictures, brought to a size and normalised: `[n, channels, height, width]`, or `[n, height, width, channels]` as Keras has them.
    record Images(Preprocessing preprocessing, boolean channelsLast) implements Input {
        /// Channels first, as PyTorch has them.
        public static Images of(Preprocessing preprocessing) {
            return new Images(preprocessing, false);
        }
    }

    /// Texts, character by character: integers `[n, time]`.
    record Text(Characters characters) implements Input {}

    /// Numbers as they are: f32 `[n, sizes…]`.
    record Numbers(List<Long> sizes) implements Input {
        public Numbers {
            sizes = List.copyOf(sizes);
            if (sizes.size() > 16 || sizes.stream().anyMatch(s -> s < 1)) {
                throw new NacreException("input: sizes must be positive, but are " + sizes);
            }
        }

        /// Of one example.
        public static Numbers of(long... sizes) {
            return new Numbers(java.util.Arrays.stream(sizes).boxed().toList());
        }
    }
}
