package dev.nacre.nn.keras;

import dev.nacre.nn.train.Batch;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Prefetch;
import dev.nacre.nn.train.Screen;
import dev.nacre.nn.train.Trainer;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;

/// One `fit`: its epochs, their batches, and who is told of them.
final class Fitting implements AutoCloseable {
    private final Sequential model;
    private final Trainer trainer;
    private final Fit fit;
    private final Batches batches;
    private final Optional<Batches> validation;
    private final int steps; // of an epoch
    private final Optional<ProgressBar> bar;
    private Optional<Prefetch> round = Optional.empty(); // over all examples
    private int rounds;

    Fitting(
            Sequential model,
            Trainer trainer,
            Fit fit,
            Batches batches,
            Optional<Batches> validation) {
        this.model = model;
        this.trainer = trainer;
        this.fit = fit;
        this.batches = batches;
        this.validation = validation;
        this.steps = fit.stepsPerEpoch().orElse(batches.count());
        PrintWriter out = new PrintWriter(System.out);
        this.bar =
                switch (fit.verbose()) {
                    case 0 -> Optional.empty();
                    case 1 -> Optional.of(new ProgressBar(Screen.of(out), System::nanoTime));
                    default -> Optional.of(new ProgressBar(Screen.plain(out), System::nanoTime));
                };
    }

    /// How many times the examples have been begun with.
    int rounds() {
        return rounds;
    }

    History run() {
        History history = new History();
        check();
        fit.callbacks().forEach(c -> c.onTrainBegin(model));
        boolean goesOn = true;
        for (int i = fit.initialEpoch(); i < fit.epochs() && goesOn; i++) {
            int epoch = i;
            fit.callbacks().forEach(c -> c.onEpochBegin(epoch));
            bar.ifPresent(b -> b.begin(epoch + 1, fit.epochs(), steps));
            Map<String, Double> logs = new LinkedHashMap<>(learn());
            validation.ifPresent(v -> measure(v).forEach((k, m) -> logs.put("val_" + k, m)));
            history.add(logs);
            bar.ifPresent(b -> b.end(logs));
            for (Callback c : fit.callbacks()) { // each of them hears of it
                goesOn &= c.onEpochEnd(epoch, Collections.unmodifiableMap(logs));
            }
            goesOn &= !model.isStopping();
        }
        fit.callbacks().forEach(Callback::onTrainEnd);
        return history;
    }

    private void check() {
        List<String> epoch = new ArrayList<>(trainer.names());
        if (validation.isPresent()) {
            trainer.names().forEach(n -> epoch.add("val_" + n));
        }
        for (Callback c : fit.callbacks()) {
            if (c instanceof Watching w) {
                w.check(trainer.names(), epoch);
            }
        }
    }

    private Map<String, Double> learn() {
        int[] step = new int[1];
        return trainer.epoch(
                new Limited(next(), steps) {
                    @Override
                    public Batch next() {
                        fit.callbacks().forEach(c -> c.onTrainBatchBegin(step[0]));
                        return super.next();
                    }
                },
                means -> {
                    int number = step[0]++;
                    if (!fit.callbacks().isEmpty()) {
                        Map<String, Double> logs = Collections.unmodifiableMap(means.get());
                        fit.callbacks().forEach(c -> c.onTrainBatchEnd(number, logs));
                    }
                    bar.ifPresent(b -> b.step(number + 1, means));
                    return !model.isStopping();
                });
    }

    private Map<String, Double> measure(Batches v) {
        try (Prefetch all = v.iterator()) {
            return trainer.evaluate(new Limited(all, fit.validationSteps().orElse(v.count())));
        }
    }

    /// The batches, again and again.
    private Iterator<Batch> next() {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return true;
            }

            @Override
            public Batch next() {
                if (round.isEmpty() || !round.get().hasNext()) {
                    round = Optional.of(batches.iterator());
                    rounds++;
                }
                return round.get().next();
            }
        };
    }

    /// The first few of them.
    private static class Limited implements Iterator<Batch> {
        private final Iterator<Batch> all;
        private int left;

        Limited(Iterator<Batch> all, int count) {
            this.all = all;
            this.left = count;
        }

        @Override
        public boolean hasNext() {
            return left > 0 && all.hasNext();
        }

        @Override
        public Batch next() {
            if (left == 0) {
                throw new NoSuchElementException();
            }
            left--;
            return all.next();
        }
    }

    @Override
    public void close() {
        round.ifPresent(Prefetch::close);
        bar.ifPresent(ProgressBar::close);
    }
}
