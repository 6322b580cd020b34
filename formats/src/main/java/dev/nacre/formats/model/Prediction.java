package dev.nacre.formats.model;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// What a model says of one example.
///
/// @param labels names of the classes, or numbers where the model has no names
/// @param values a probability for each, or what the network gives where it tells no classes apart
public record Prediction(List<String> labels, float[] values) {
    /// A class and its probability.
    public record Choice(String label, float probability) {}

    public Prediction {
        labels = List.copyOf(labels);
    }

    private int best() {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    /// The most probable class.
    public String label() {
        return labels.get(best());
    }

    /// The probability of [#label].
    public float probability() {
        return values[best()];
    }

    /// The most probable classes, most probable first.
    public List<Choice> top(int count) {
        return IntStream.range(0, values.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -values[i]))
                .limit(count)
                .map(i -> new Choice(labels.get(i), values[i]))
                .toList();
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Prediction p
                && p.labels.equals(labels)
                && Arrays.equals(p.values, values);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(values);
    }

    @Override
    public String toString() {
        return values.length == 0 ? "nothing" : label() + " " + probability();
    }
}
