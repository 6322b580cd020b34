package dev.nacre.cli;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.models.Gpt;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Schedule;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.NacreException;
import dev.nacre.type.Precision;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/// Trains a GPT on passages of a text that are drawn at random: cross-entropy, AdamW with weight decay on matrices alone, gradients clipped at norm 1, a learning rate that rises for a tenth
/// of the steps and then falls to a tenth along a cosine. The last tenth of the text is for validation.
final class CharTraining {
    static final String METHOD =
            "AdamW, weight decay 0.1 on matrices, gradients clipped at 1, a tenth of the steps warming up, then a cosine to a tenth";

    private static final int REPORTS = 10;
    private static final int MOST_PASSAGES = 64; // of validation

    /// What the user chooses.
    record Settings(int steps, int batch, double learningRate, long seed, Precision precision) {}

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

    CharTraining(Tensor text, Gpt.Config config, Settings settings) {
        this.settings = settings;
        this.length = Math.toIntExact(config.positions());
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
        this.learn = java.util.Arrays.copyOfRange(all, 0, cut);
        this.validate = java.util.Arrays.copyOfRange(all, cut, all.length);
        this.network = Gpt.of(config, Rng.seed(settings.seed));
        AdamW rule = AdamW.of(settings.learningRate).betas(0.9, 0.99).weightDecay(0.1);
        this.optimizer =
                Optimizer.ofMatricesAndVectors(rule, rule.weightDecay(0), network.parameters());
        this.trainer =
                Trainer.of(new Rows(network), new CrossEntropyLoss(), optimizer, new Accuracy())
                        .clip(1)
                        .precision(settings.precision);
        this.random = new SplittableRandom(settings.seed);
    }

    Gpt network() {
        return network;
    }

    /// The validation loss at the end.
    double train(Progress.Screen screen, LongSupplier clock, PrintWriter out) {
        int reports = Math.min(REPORTS, settings.steps);
        int each = Math.ceilDiv(settings.steps, reports);
        long warmup = settings.steps / 10;
        Schedule schedule =
                Schedule.cosine(
                                settings.learningRate,
                                Math.max(1, settings.steps - warmup),
                                settings.learningRate / 10)
                        .warmup(warmup);
        Progress progress = new Progress(screen, clock, reports, each, settings.batch * length);
        double loss = Double.NaN;
        try {
            for (int report = 1; report <= reports; report++) {
                for (int k = 1; k <= each; k++) {
                    optimizer.learningRate(schedule.at(trainer.steps()));
                    Trainer.Step s = step();
                    int count = settings.batch * length;
                    progress.step(
                            report, k, count, s.loss(), Math.round(s.metrics().getFirst() * count));
                }
                loss = validate();
                out.printf(Locale.ROOT, "  step %,d  validation loss %.4f%n", report * each, loss);
                out.flush();
            }
        } finally {
            progress.close();
        }
        return loss;
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
