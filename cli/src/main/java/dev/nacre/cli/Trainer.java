package dev.nacre.cli;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.ImageSet;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.nn.data.Split;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.Schedule;
import dev.nacre.type.DType;
import dev.nacre.type.ValueException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// Trains a network that classifies images: cross-entropy, AdamW, a learning rate that rises for a tenth of the steps and then falls to nothing along a cosine.
final class Trainer {
    private static final double WEIGHT_DECAY = 0.01;
    private static final int TEST_BATCH = 1000;

    /// What the user chooses.
    record Settings(int epochs, int batch, double learningRate, long seed) {}

    /// How well a network does.
    record Score(double loss, double accuracy) {}

    private final Split data;
    private final Settings settings;
    private final Preprocessing preprocessing;
    private final Sequential network;
    private final Rng order;
    private final CrossEntropyLoss criterion = new CrossEntropyLoss();

    Trainer(ModelSpec spec, Split data, Preprocessing preprocessing, Settings settings) {
        this.data = data;
        this.settings = settings;
        this.preprocessing = preprocessing;
        Rng rng = Rng.seed(settings.seed);
        this.network = spec.build(rng.split(0));
        this.order = rng.split(1);
    }

    Sequential network() {
        return network;
    }

    /// How the network learns.
    String describe() {
        return "AdamW, weight decay " + WEIGHT_DECAY + ", a tenth of the steps warming up, then a cosine to 0";
    }

    /// How many examples a step takes.
    int batch() {
        return Math.min(settings.batch, data.train().size());
    }

    /// How many steps an epoch has. Examples that do not fill a last batch are left out of it; which ones changes from epoch to epoch.
    int batches() {
        return data.train().size() / batch();
    }

    void train(Progress progress) {
        Optimizer optimizer = AdamW.of(settings.learningRate).weightDecay(WEIGHT_DECAY).over(network.parameters());
        Function step = Function.ofMany(in -> step(in.get(0), in.get(1), optimizer));
        long steps = (long) settings.epochs * batches();
        long warmup = steps / 10;
        Schedule schedule = Schedule.cosine(settings.learningRate, steps - warmup, 0).warmup(warmup);
        long number = 0;
        for (int epoch = 1; epoch <= settings.epochs; epoch++) {
            int[] shuffled = order.permutation(data.train().size()).toIntArray();
            for (int k = 0; k < batches(); k++) {
                ImageSet batch = data.train().subset("batch", Arrays.copyOfRange(shuffled, k * batch(), (k + 1) * batch()));
                optimizer.learningRate(schedule.at(number++));
                List<Tensor> results = step.call(batch.images(), batch.labels());
                double loss = results.get(0).item();
                if (!Double.isFinite(loss)) {
                    throw diverged(loss, number, epoch, k + 1);
                }
                progress.step(epoch, k + 1, batch(), loss, (long) results.get(1).item());
            }
        }
    }

    /// Forward, loss, backward and update: one plan.
    private List<Tensor> step(Tensor images, Tensor labels, Optimizer optimizer) {
        optimizer.zeroGrad();
        Tensor logits = network.forward(input(images), Mode.TRAIN);
        Tensor loss = criterion.forward(logits, labels);
        loss.backward();
        optimizer.step();
        optimizer.zeroGrad();
        return List.of(loss, correct(logits, labels));
    }

    private Tensor input(Tensor images) {
        return preprocessing.normalise(data.train().toUnit(images));
    }

    private static Tensor correct(Tensor logits, Tensor labels) {
        return logits.argmax(1).eq(labels).cast(DType.I64).sum();
    }

    private ValueException diverged(double loss, long step, int epoch, int batch) {
        String text = "train: the loss of step %d (epoch %d, batch %d) is %s\n  hint: the learning rate is %s; try a tenth of it";
        String value = Double.isNaN(loss) ? "NaN" : "infinite";
        return new ValueException(String.format(Locale.ROOT, text, step, epoch, batch, value, settings.learningRate));
    }

    /// How well the network does on the test images.
    Score test() {
        ImageSet set = data.test();
        Function evaluate = Function.ofMany(in -> {
            Tensor logits = network.forward(input(in.get(0)), Mode.EVAL);
            return List.of(criterion.forward(logits, in.get(1)), correct(logits, in.get(1)));
        });
        double loss = 0;
        long correct = 0;
        for (int from = 0; from < set.size(); from += TEST_BATCH) {
            int to = Math.min(set.size(), from + TEST_BATCH);
            ImageSet batch = set.subset("batch", java.util.stream.IntStream.range(from, to).toArray());
            List<Tensor> results = evaluate.call(batch.images(), batch.labels());
            loss += results.get(0).item() * batch.size();
            correct += (long) results.get(1).item();
        }
        return new Score(loss / set.size(), (double) correct / set.size());
    }
}
