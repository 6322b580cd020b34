package dev.nacre.nn.keras;

import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// What `fit` saw: for each name (`loss`, `accuracy`, `val_loss`, …) one value per epoch.
public final class History {
    private final Map<String, List<Double>> values = new LinkedHashMap<>();

    History() {}

    void add(Map<String, Double> logs) {
        logs.forEach((k, v) -> values.computeIfAbsent(k, _ -> new ArrayList<>()).add(v));
    }

    /// The values of a name, epoch by epoch.
    public List<Double> of(String name) {
        List<Double> v = values.get(name);
        if (v == null) {
            throw new NacreException(
                    "history: there is no '"
                            + name
                            + "'; there are "
                            + String.join(", ", values.keySet()));
        }
        return List.copyOf(v);
    }

    public List<String> names() {
        return List.copyOf(values.keySet());
    }

    /// Number of epochs.
    public int epochs() {
        return values.isEmpty() ? 0 : values.values().iterator().next().size();
    }

    /// A line per name: the first values and the last.
    @Override
    public String toString() {
        int width = values.keySet().stream().mapToInt(String::length).max().orElse(0);
        StringBuilder out =
                new StringBuilder(
                        "History of " + epochs() + (epochs() == 1 ? " epoch" : " epochs"));
        values.forEach((name, all) ->
                out.append("\n  ")
                        .append(name)
                        .append(" ".repeat(width - name.length()))
                        .append("  ")
                        .append(
                                IntStream.range(0, all.size())
                                        .filter(i ->
                                                all.size() <= 8 || i <= 3 || i >= all.size() - 3)
                                        .mapToObj(i ->
                                                all.size() > 8 && i == 3
                                                        ? "…"
                                                        : String.format(
                                                                Locale.ROOT, "%.4f", all.get(i)))
                                        .collect(Collectors.joining(" "))));
        return out.toString();
    }
}
