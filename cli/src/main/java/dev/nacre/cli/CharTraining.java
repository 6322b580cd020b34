package dev.nacre.cli;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.models.Gpt;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.data.Characters;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Schedule;
import dev.nacre.nn.train.Screen;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.NacreException;
import dev.nacre.type.Precision;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/// Trains a GPT on passages of a text that are drawn at random: cross-entropy, AdamW with weight decay on matrices alone, gradients clipped at norm 1, a learning rate that rises for a tenth
/// of the steps and then falls to a tenth along a cosine. The last tenth of the text is for validation.
final class CharTraining implements Resumable {
    static final String METHOD =
            "AdamW, weight decay 0.1 on matrices, gradients clipped at 1, a tenth of the steps warming up, then a cosine to a tenth";

    private static final int REPORTS = 10;
    private static final double DROPOUT = 0.1;
    private static final long MOST_DRAWS =
            10_000_000_000L; // taken again when a training is resumed
    private static final int MOST_PASSAGES = 64; // of validation

    /// What the user chooses.
    ///
    /// @param length of a passage
    record Settings(
            int steps,
            int batch,
            int length,
            int layers,
            int width,
            double learningRate,
            long seed,
            Precision precision) {
        /// Those of a training that was stopped.
        static Settings of(State s) {
            return new Settings(
                    s.count("steps"),
                    s.count("batch"),
                    s.count("length"),
                    s.count("layers"),
                    s.count("width"),
                    s.rate("learning rate"),
                    s.value("seed", Long::parseLong),
                    s.value("precision", Precision::valueOf));
        }

        Map<String, String> texts() {
            return State.texts(
                    "steps", steps,
                    "batch", batch,
                    "length", length,
                    "layers", layers,
                    "width", width,
                    "learning rate", learningRate,
                    "seed", seed,
                    "precision", precision.name());
        }
    }

    /// From tokens to scores of the next ones, one row each.
    private record Rows(Gpt network) implements Module {
        @Override
        public Tensor forward(Tensor tokens, Mode mode) {
            Tensor logits = network.forward(tokens, mode);
            return logits.reshape(-1, logits.size(-1));
        }
    }

    private final long[] learn;
    private final long[] validate;
    private final int length;
    private final Settings settings;
    private final Gpt network;
    private final Optimizer optimizer;
    private final Trainer trainer;
    private final SplittableRandom random;
    private final long before; // steps of earlier runs

    private CharTraining(Tensor text, Gpt network, Settings settings, long before) {
        this.settings = settings;
        this.length = settings.length;
        long[] all = text.toLongArray();
        int cut = all.length - all.length / 10;
        if (all.length - cut <= length) {
            throw new NacreException(
                    "chars: the text has "
                            + all.length
                            + " characters, of which a tenth is for validation; passages of "
                            + length
                            + " need at least "
                            + 10 * (length + 1));
        }
        this.learn = Arrays.copyOfRange(all, 0, cut);
        this.validate = Arrays.copyOfRange(all, cut, all.length);
        this.network = network;
        network.state(); // names the variables, also for the optimizer
        AdamW rule = AdamW.of(settings.learningRate).betas(0.9, 0.99).weightDecay(0.1);
        this.optimizer =
                Optimizer.ofMatricesAndVectors(rule, rule.weightDecay(0), network.parameters());
        this.trainer =
                Trainer.of(new Rows(network), new CrossEntropyLoss(), optimizer, new Accuracy())
                        .clip(1)
                        .precision(settings.precision);
        this.random = new SplittableRandom(settings.seed);
        this.before = before;
        for (long i = 0; i < before * settings.batch; i++) {
            random.nextInt(learn.length - length); // what earlier runs have drawn
        }
    }

    static CharTraining of(Tensor text, Characters characters, Settings s) {
        Gpt.Config config =
                new Gpt.Config(
                        characters.count(), s.length, s.layers, s.width / 32, s.width, DROPOUT);
        return new CharTraining(text, Gpt.of(config, Rng.seed(s.seed)), s, 0);
    }

    /// Goes on where another run was stopped.
    static CharTraining of(State state, Tensor text) {
        Settings settings = Settings.of(state);
        Gpt network = state.module(Gpt.class);
        long before = state.value("step", Long::parseLong);
        if (before < 0
                || before > settings.steps
                || network.positions() != settings.length
                || before > MOST_DRAWS / settings.batch
                || settings.batch > Integer.MAX_VALUE / settings.length) {
            throw state.broken("it has done " + before + " of " + settings.steps + " steps");
        }
        CharTraining out = new CharTraining(text, network, settings, before);
        out.optimizer.load(state.checkpoint().optimizer());
        return out;
    }

    Gpt network() {
        return network;
    }

    @Override
    public long done() {
        return before + trainer.steps();
    }

    @Override
    public long steps() {
        return settings.steps;
    }

    private boolean isDone() {
        return done() == settings.steps;
    }

    @Override
    public Module learning() {
        return network;
    }

    @Override
    public Optimizer optimizer() {
        return optimizer;
    }

    @Override
    public Map<String, String> texts() {
        return settings.texts();
    }

    /// Until all steps are done or somebody asks to stop: the validation loss at the end.
    double train(Screen screen, LongSupplier clock, PrintWriter out, BooleanSupplier asked) {
        int each = Math.ceilDiv(settings.steps, Math.min(REPORTS, settings.steps));
        long warmup = settings.steps / 10;
        Schedule schedule =
                Schedule.cosine(
                                settings.learningRate,
                                Math.max(1, settings.steps - warmup),
                                settings.learningRate / 10)
                        .warmup(warmup);
        int count = settings.batch * length;
        Progress progress =
                new Progress(
                        screen,
                        clock,
                        new Progress.Work(settings.steps, each, count, false),
                        before);
        double loss = Double.NaN;
        try {
            while (!isDone() && !asked.getAsBoolean()) {
                optimizer.learningRate(schedule.at(done()));
                Trainer.Step s = step();
                progress.step(done(), count, s.loss(), Math.round(s.metrics().getFirst() * count));
                if (done() % each == 0 || isDone()) {
                    loss = Saving.finite("validation loss", validate());
                    out.printf(Locale.ROOT, "  step %,d  validation loss %.4f%n", done(), loss);
                    out.flush();
                }
            }
        } finally {
            progress.close();
        }
        return isDone() && Double.isNaN(loss) ? validate() : loss;
    }

    private Trainer.Step step() {
        int[] begins = new int[settings.batch];
        for (int i = 0; i < begins.length; i++) {
            begins[i] = random.nextInt(learn.length - length);
        }
        return trainer.step(
                passages(learn, begins, 0), passages(learn, begins, 1).reshape(-1).realize());
    }

    private Tensor passages(long[] text, int[] begins, int shift) {
        long[] out = new long[begins.length * length];
        for (int i = 0; i < begins.length; i++) {
            System.arraycopy(text, begins[i] + shift, out, i * length, length);
        }
        return Tensor.of(out, begins.length, length);
    }

    /// The mean loss over passages that lie evenly over the validation text, without overlap.
    double validate() {
        int there = (validate.length - 1) / length;
        int n = Math.min(there, MOST_PASSAGES);
        int batch = Math.min(n, settings.batch);
        double sum = 0;
        int done = 0;
        for (; done + batch <= n; done += batch) {
            int[] begins = new int[batch];
            for (int i = 0; i < batch; i++) {
                begins[i] = (int) ((long) (done + i) * there / n) * length;
            }
            sum +=
                    batch
                            * trainer.measure(
                                            passages(validate, begins, 0),
                                            passages(validate, begins, 1).reshape(-1).realize())
                                    .loss();
        }
        return sum / done;
    }
}
