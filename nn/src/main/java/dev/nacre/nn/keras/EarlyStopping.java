package dev.nacre.nn.keras;

import dev.nacre.type.NacreException;
import java.util.Map;

/// Stops when a value has not become smaller (or, of an accuracy, larger) for some epochs.
public final class EarlyStopping implements Callback {
    private final String monitor;
    private final int patience;
    private double best = Double.POSITIVE_INFINITY;
    private int since;

    private EarlyStopping(String monitor, int patience) {
        this.monitor = monitor;
        this.patience = patience;
    }

    public static EarlyStopping of(String monitor, int patience) {
        return new EarlyStopping(monitor, patience);
    }

    @Override
    public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
        Double value = logs.get(monitor);
        if (value == null) {
            throw new NacreException(
                    "earlyStopping: there is no '"
                            + monitor
                            + "'; there are "
                            + String.join(", ", logs.keySet()));
        }
        double cost = monitor.endsWith("accuracy") ? -value : value;
        since = epoch == 0 || cost < best ? 0 : since + 1;
        best = epoch == 0 ? cost : Math.min(best, cost);
        return since <= patience - 1 || patience == 0 && since == 0;
    }
}
