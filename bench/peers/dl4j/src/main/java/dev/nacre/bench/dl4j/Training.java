package dev.nacre.bench.dl4j;

import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Weights;
import dev.nacre.bench.protocol.Workload;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/// Steps of training a network.
final class Training implements Workload {
    private final MultiLayerNetwork net;
    private final DataSet[] batches;
    private final String unchecked;
    private int next;

    /// @param unchecked why losses cannot be compared, or empty
    Training(MultiLayerConfiguration configuration, DataSet[] batches, String unchecked) {
        net = new MultiLayerNetwork(configuration);
        net.init();
        this.batches = batches;
        this.unchecked = unchecked;
    }

    /// Sets a layer's weights to shared ones. Matrices are `[in, out]` here.
    Training with(Weights weights, String layer, String key) {
        INDArray w =
                Nd4j.create(weights.values(key + ".weight"), weights.shape(key + ".weight"), 'c');
        net.setParam(layer + "_W", w.rank() == 2 ? w.transpose() : w);
        float[] b = weights.values(key + ".bias");
        net.setParam(layer + "_b", Nd4j.create(b, new long[] {1, b.length}, 'c'));
        return this;
    }

    static DataSet[] batches(Task task) {
        DataSet[] out = new DataSet[task.batches()];
        for (int i = 0; i < out.length; i++) {
            long[] labels = task.labels(i);
            float[] hot = new float[labels.length * task.classes()];
            for (int k = 0; k < labels.length; k++) {
                hot[k * task.classes() + (int) labels[k]] = 1;
            }
            out[i] =
                    new DataSet(
                            Nd4j.create(task.input(i), task.shape(), 'c'),
                            Nd4j.create(hot, new long[] {labels.length, task.classes()}, 'c'));
        }
        return out;
    }

    @Override
    public void step() {
        net.fit(batches[next]);
        next = (next + 1) % batches.length;
    }

    @Override
    public double[] check() throws Unchecked {
        if (!unchecked.isEmpty()) {
            throw new Unchecked(unchecked);
        }
        double[] losses = new double[CHECKED_STEPS];
        for (int i = 0; i < losses.length; i++) {
            step();
            losses[i] = net.score();
        }
        return losses;
    }
}
