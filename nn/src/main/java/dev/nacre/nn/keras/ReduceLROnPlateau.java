package dev.nacre.nn.keras;

import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.Problem;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Makes the learning rate smaller when a value has not become better for some epochs, as Keras's callback of that name. NaN is never better.
public final class ReduceLROnPlateau implements Callback, Watching {
    private record Settings(
            Monitor monitor, double factor, int patience, int cooldown, double least) {}

    private final Settings settings;
    private double best = Double.NaN;
    private int wait;
    private int cooling;
    private Optional<Sequential> model = Optional.empty();

    private ReduceLROnPlateau(Settings settings) {
        Problem.in("reduceLROnPlateau")
                .require(
                        settings.factor > 0 && settings.factor < 1,
                        "the factor must be between 0 and 1, but is " + settings.factor)
                .atLeast("patience", settings.patience, 0)
                .atLeast("cooldown", settings.cooldown, 0)
                .notNegative("minLearningRate", settings.least)
                .throwValue();
        this.settings = settings;
    }

    /// Differences below 1e-4 do not count; no cooldown, no least rate. Keras's defaults are `val_loss`, 0.1 and 10.
    ///
    /// @param factor by which the rate is multiplied
    /// @param patience number of epochs without improvement after which it is
    public static ReduceLROnPlateau of(String monitor, double factor, int patience) {
        return new ReduceLROnPlateau(
                new Settings(
                        new Monitor("reduceLROnPlateau", monitor, "auto", 1e-4),
                        factor,
                        patience,
                        0,
                        0));
    }

    /// `min`, `max` or `auto`.
    public ReduceLROnPlateau mode(String mode) {
        Monitor m = settings.monitor;
        return with(new Monitor(m.callback(), m.name(), mode, m.minDelta()));
    }

    /// By how much a value must be better to count as better.
    public ReduceLROnPlateau minDelta(double minDelta) {
        Monitor m = settings.monitor;
        return with(new Monitor(m.callback(), m.name(), m.mode(), minDelta));
    }

    private ReduceLROnPlateau with(Monitor m) {
        Settings s = settings;
        return new ReduceLROnPlateau(new Settings(m, s.factor, s.patience, s.cooldown, s.least));
    }

    /// Number of epochs after a change in which nothing is counted.
    public ReduceLROnPlateau cooldown(int epochs) {
        Settings s = settings;
        return new ReduceLROnPlateau(
                new Settings(s.monitor, s.factor, s.patience, epochs, s.least));
    }

    /// The rate does not go below this one.
    public ReduceLROnPlateau minLearningRate(double least) {
        Settings s = settings;
        return new ReduceLROnPlateau(
                new Settings(s.monitor, s.factor, s.patience, s.cooldown, least));
    }

    @Override
    public void onTrainBegin(Sequential model) {
        this.model = Optional.of(model);
        settings.monitor.worst(); // a mode that cannot be told is an error before any work
        best = Double.NaN;
        wait = 0;
        cooling = 0;
    }

    @Override
    public void check(List<String> batch, List<String> epoch) {
        settings.monitor.require(epoch);
    }

    @Override
    public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
        double value = settings.monitor.in(logs);
        if (cooling > 0) {
            cooling--;
            wait = 0;
        }
        double before = Double.isNaN(best) ? settings.monitor.worst() : best;
        if (settings.monitor.isBetter(value, before)) {
            best = value;
            wait = 0;
        } else if (cooling == 0 && ++wait >= settings.patience) {
            reduce(model.orElseThrow().optimizer());
        }
        return true;
    }

    private void reduce(Optimizer optimizer) {
        double rate = optimizer.learningRate();
        if (rate > settings.least) {
            optimizer.learningRate(Math.max(rate * settings.factor, settings.least));
            cooling = settings.cooldown;
            wait = 0;
        }
    }
}
