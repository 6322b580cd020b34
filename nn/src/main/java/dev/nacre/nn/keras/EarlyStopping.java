package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/// Stops when a value has not become better for some epochs, as Keras's callback of that name:
///
/// - Better is smaller or larger, by the [#mode]; `auto`, the default, tells by the name: a loss or an error shrinks, an accuracy, AUC, precision, recall grows.
/// - NaN is never better: with a value that has become NaN, patience runs out.
/// - Training stops after the `patience`-th epoch in a row that was not better, but never after the first epoch of all.
/// - Of a value that is not in the logs Keras warns; here it is an error.
///
/// A callback can be used for several `fit`s; each begins anew.
public final class EarlyStopping implements Callback, Watching {
    private record Settings(
            Monitor monitor, int patience, OptionalDouble baseline, boolean restore, int start) {}

    private final Settings settings;
    private double best;
    private int wait;
    private Optional<Sequential> model = Optional.empty();
    private Optional<Map<String, Tensor>> weights = Optional.empty();

    private EarlyStopping(Settings settings) {
        this.settings = settings;
        this.best = Double.NaN;
    }

    /// @param monitor a name in the logs, in Keras by default `val_loss`
    /// @param patience number of epochs without improvement after which to stop; in Keras by default 0
    public static EarlyStopping of(String monitor, int patience) {
        if (patience < 0) {
            throw new NacreException(
                    "earlyStopping: the patience must be at least 0, but is " + patience);
        }
        Monitor m = new Monitor("earlyStopping", monitor, "auto", 0);
        return new EarlyStopping(new Settings(m, patience, OptionalDouble.empty(), false, 0));
    }

    /// `min`, `max` or `auto`.
    public EarlyStopping mode(String mode) {
        Monitor m = settings.monitor;
        return with(new Monitor(m.callback(), m.name(), mode, m.minDelta()));
    }

    /// By how much a value must be better to count as better.
    public EarlyStopping minDelta(double minDelta) {
        Monitor m = settings.monitor;
        return with(new Monitor(m.callback(), m.name(), m.mode(), minDelta));
    }

    private EarlyStopping with(Monitor m) {
        Settings s = settings;
        return new EarlyStopping(new Settings(m, s.patience, s.baseline, s.restore, s.start));
    }

    /// Patience also runs out if the value does not become better than this one.
    public EarlyStopping baseline(double baseline) {
        Problem.in("earlyStopping").finite("baseline", baseline).throwValue();
        Settings s = settings;
        return new EarlyStopping(
                new Settings(
                        s.monitor, s.patience, OptionalDouble.of(baseline), s.restore, s.start));
    }

    /// At the end the model gets back its weights after the best epoch, also if training was not stopped.
    public EarlyStopping restoreBestWeights() {
        Settings s = settings;
        return new EarlyStopping(new Settings(s.monitor, s.patience, s.baseline, true, s.start));
    }

    /// Epochs before this one, counted from 0, are not looked at.
    public EarlyStopping startFromEpoch(int epoch) {
        Problem.in("earlyStopping").atLeast("startFromEpoch", epoch, 0).throwValue();
        Settings s = settings;
        return new EarlyStopping(new Settings(s.monitor, s.patience, s.baseline, s.restore, epoch));
    }

    @Override
    public void onTrainBegin(Sequential model) {
        this.model = Optional.of(model);
        settings.monitor.worst(); // a mode that cannot be told is an error before any work
        best = Double.NaN;
        wait = 0;
        weights = Optional.empty();
    }

    @Override
    public void check(List<String> batch, List<String> epoch) {
        settings.monitor.require(epoch);
    }

    @Override
    public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
        double value = settings.monitor.in(logs);
        double before = Double.isNaN(best) ? settings.monitor.worst() : best;
        if (epoch < settings.start) {
            return true;
        }
        boolean better = settings.monitor.isBetter(value, before);
        if (settings.restore && (better || weights.isEmpty())) {
            weights = model.map(EarlyStopping::copy);
        }
        wait++;
        if (better) {
            best = value;
            boolean counts =
                    settings.baseline.isEmpty()
                            || settings.monitor.isBetter(value, settings.baseline.getAsDouble());
            wait = counts ? 0 : wait;
            return true;
        }
        return wait < settings.patience || epoch == 0;
    }

    private static Map<String, Tensor> copy(Sequential model) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        model.state()
                .forEach((key, v) -> {
                    if (!v.isRandomState()) { // chance goes on
                        out.put(key, v.add(0).realize());
                    }
                });
        return out;
    }

    @Override
    public void onTrainEnd() {
        weights.ifPresent(w -> model.orElseThrow().load(w));
    }

    @Override
    public String toString() {
        return "EarlyStopping(" + settings.monitor.name() + ", patience " + settings.patience + ")";
    }
}
