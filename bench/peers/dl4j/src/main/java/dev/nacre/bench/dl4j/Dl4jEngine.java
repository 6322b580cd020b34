package dev.nacre.bench.dl4j;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import java.io.IOException;
import java.util.Optional;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.impl.transforms.strict.PreciseGELU;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.ops.transforms.Transforms;

/// Serves Deeplearning4j's workloads.
public final class Dl4jEngine {
    private Dl4jEngine() {}

    public static void main(String[] args) throws IOException {
        // its own advice: no collections from a timer
        Nd4j.getMemoryManager().togglePeriodicGc(false);
        Server.serve("Deeplearning4j 1.0.0-M2.1 with MKL 2022.0", c -> open(c));
    }

    private static Optional<Workload> open(Case c) {
        return Optional.ofNullable(
                switch (c.workload()) {
                    case "W1" -> smallMlp(Task.smallMlp());
                    case "W2" -> mlp();
                    case "W3" -> cnn();
                    case "W6" -> lstm();
                    case "W9" -> c.variant().equals("full-fwd") ? new Elementwise() : null;
                    case "W11" -> smallMlp(Task.smallMlp().withBatches(1));
                    case "W12" ->
                            c.kind() == Case.Kind.PRODUCT && !c.bf16()
                                    ? new Product((int) Math.round(Math.cbrt(c.flop() / 2)))
                                    : null;
                    default -> null;
                });
    }

    private static NeuralNetConfiguration.ListBuilder network() {
        return new NeuralNetConfiguration.Builder()
                .seed(42)
                .dataType(DataType.FLOAT)
                .updater(new Adam(1e-3))
                .list();
    }

    private static DenseLayer dense(int in, int out) {
        return new DenseLayer.Builder().nIn(in).nOut(out).activation(Activation.RELU).build();
    }

    private static OutputLayer output(int in) {
        return new OutputLayer.Builder(LossFunction.MCXENT)
                .nIn(in)
                .nOut(10)
                .activation(Activation.SOFTMAX)
                .build();
    }

    private static Training smallMlp(Task task) {
        return new Training(
                        network().layer(dense(100, 64)).layer(output(64)).build(),
                        Training.batches(task),
                        "")
                .with(task.weights(), "0", "fc1")
                .with(task.weights(), "1", "fc2");
    }

    private static Training mlp() {
        Task task = Task.mlp();
        return new Training(
                        network()
                                .layer(dense(784, 512))
                                .layer(dense(512, 512))
                                .layer(output(512))
                                .build(),
                        Training.batches(task),
                        "")
                .with(task.weights(), "0", "fc1")
                .with(task.weights(), "1", "fc2")
                .with(task.weights(), "2", "fc3");
    }

    private static ConvolutionLayer convolution(int in, int out) {
        return new ConvolutionLayer.Builder(3, 3)
                .nIn(in)
                .nOut(out)
                .activation(Activation.RELU)
                .build();
    }

    private static Training cnn() {
        Task task = Task.cnn(64);
        SubsamplingLayer pool =
                new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.MAX)
                        .kernelSize(2, 2)
                        .stride(2, 2)
                        .build();
        return new Training(
                        network()
                                .layer(convolution(1, 32))
                                .layer(convolution(32, 64))
                                .layer(pool)
                                .layer(dense(9216, 128))
                                .layer(output(128))
                                .setInputType(InputType.convolutional(28, 28, 1))
                                .build(),
                        Training.batches(task),
                        "")
                .with(task.weights(), "0", "conv1")
                .with(task.weights(), "1", "conv2")
                .with(task.weights(), "3", "fc1")
                .with(task.weights(), "4", "fc2");
    }

    /// Sequences are `[batch, size, time]` here.
    private static Training lstm() {
        Task task = Task.lstm();
        int time = Task.LSTM_LENGTH;
        int batch = (int) task.shape()[1];
        DataSet[] batches = new DataSet[task.batches()];
        for (int i = 0; i < batches.length; i++) {
            long[] labels = task.labels(i);
            float[] hot = new float[labels.length * task.classes()];
            for (int k = 0; k < labels.length; k++) { // label k is of time k / batch
                int row = k % batch * task.classes() + (int) labels[k];
                hot[row * time + k / batch] = 1;
            }
            batches[i] =
                    new DataSet(
                            Nd4j.create(task.input(i), task.shape(), 'c').permute(1, 2, 0).dup('c'),
                            Nd4j.create(hot, new long[] {batch, task.classes(), time}, 'c'));
        }
        return new Training(
                network()
                        .layer(
                                new LSTM.Builder()
                                        .nIn(Task.LSTM_INPUT)
                                        .nOut(Task.LSTM_HIDDEN)
                                        .activation(Activation.TANH)
                                        .build())
                        .layer(
                                new RnnOutputLayer.Builder(LossFunction.MCXENT)
                                        .nIn(Task.LSTM_HIDDEN)
                                        .nOut(task.classes())
                                        .activation(Activation.SOFTMAX)
                                        .build())
                        .build(),
                batches,
                "has one bias per gate where PyTorch has two");
    }

    /// Forward only, and with the tanh form of gelu, which is cheaper than erf.
    private static final class Elementwise implements Workload {
        private final INDArray x = drawn(1);
        private final INDArray w = drawn(2);
        private final INDArray b = drawn(3);

        private static INDArray drawn(long stream) {
            return Nd4j.create(
                    Data.normal(stream, Cases.ROWS * Cases.COLUMNS),
                    new long[] {Cases.ROWS, Cases.COLUMNS},
                    'c');
        }

        @Override
        public void step() {
            INDArray u = x.mul(w).addi(b);
            INDArray g = Nd4j.getExecutioner().exec(new PreciseGELU(u, u));
            INDArray s = Transforms.sigmoid(x, true);
            g.muli(s);
            s.close();
            u.close();
        }

        @Override
        public double[] check() throws Unchecked {
            throw new Unchecked("gelu in its tanh form, which is cheaper");
        }
    }

    private static final class Product implements Workload {
        private final INDArray a;
        private final INDArray b;
        private final INDArray c;

        Product(int n) {
            a = Nd4j.create(Data.normal(1, n * n), new long[] {n, n}, 'c');
            b = Nd4j.create(Data.normal(2, n * n), new long[] {n, n}, 'c');
            c = Nd4j.create(DataType.FLOAT, new long[] {n, n}, 'f');
        }

        @Override
        public void step() {
            a.mmuli(b, c);
        }

        @Override
        public double[] check() {
            step();
            return Digest.of(c.dup('c').data().asFloat());
        }
    }
}
