package dev.nacre.nn.keras;

import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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

    @Override
    public String toString() {
        return values.toString();
    }
}
