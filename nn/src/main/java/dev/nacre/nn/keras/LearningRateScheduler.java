package dev.nacre.nn.keras;

import java.util.Map;
import java.util.Optional;

/// Sets the learning rate before each epoch, as Keras's callback of that name: `LearningRateScheduler.of((epoch, rate) -> epoch < 10 ? rate : 0.9 * rate)`.
public final class LearningRateScheduler implements Callback {
    /// The learning rate of an epoch.
    @FunctionalInterface
    public interface Schedule {
        /// @param epoch from 0
        /// @param rate of the epoch before
        double at(int epoch, double rate);
    }

    private final Schedule schedule;
    private Optional<Sequential> model = Optional.empty();

    private LearningRateScheduler(Schedule schedule) {
        this.schedule = schedule;
    }

    public static LearningRateScheduler of(Schedule schedule) {
        return new LearningRateScheduler(schedule);
    }

    @Override
    public void onTrainBegin(Sequential model) {
        this.model = Optional.of(model);
    }

    @Override
    public void onEpochBegin(int epoch) {
        var optimizer = model.orElseThrow().optimizer();
        optimizer.learningRate(schedule.at(epoch, optimizer.learningRate()));
    }

    @Override
    public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
        return true;
    }
}
