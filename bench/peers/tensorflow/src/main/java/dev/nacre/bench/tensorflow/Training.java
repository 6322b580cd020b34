package dev.nacre.bench.tensorflow;

import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.tensorflow.Operand;
import org.tensorflow.Result;
import org.tensorflow.Session;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.op.Op;
import org.tensorflow.op.core.Placeholder;
import org.tensorflow.types.TFloat32;

/// Steps of training a classifier.
final class Training implements Workload {
    private final Placeholder<TFloat32> x;
    private final Placeholder<TFloat32> y;
    private final Operand<TFloat32> loss;
    private final List<Op> targets = new ArrayList<>();
    private final Session session;
    private final TFloat32[] inputs;
    private final TFloat32[] labels;
    private final String unchecked;
    private int next;

    /// @param unchecked why losses cannot be compared, or empty
    Training(
            Task task,
            Layers layers,
            UnaryOperator<Operand<TFloat32>> net,
            BiFunction<Layers, Operand<TFloat32>, List<Op>> optimizer,
            String unchecked) {
        this.unchecked = unchecked;
        int n = (int) task.labelShape()[0];
        var tf = layers.tf;
        x = tf.placeholder(TFloat32.class, Placeholder.shape(Shape.of(Layers.inputShape(task))));
        y = tf.placeholder(TFloat32.class, Placeholder.shape(Shape.of(n, task.classes())));
        Operand<TFloat32> logits = net.apply(x);
        loss = tf.math.mean(tf.nn.softmaxCrossEntropyWithLogits(logits, y).loss(), tf.constant(0));
        targets.addAll(optimizer.apply(layers, loss));
        targets.addAll(layers.statistics());
        session = layers.session();
        session.initialize();
        inputs = new TFloat32[task.batches()];
        labels = new TFloat32[task.batches()];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = Layers.input(task, i);
            labels[i] = oneHot(task.labels(i), task.classes());
        }
    }

    private static TFloat32 oneHot(long[] classes, int count) {
        float[] out = new float[classes.length * count];
        for (int i = 0; i < classes.length; i++) {
            out[i * count + (int) classes[i]] = 1;
        }
        return Layers.tensor(out, classes.length, count);
    }

    private Session.Runner runner() {
        Session.Runner r = session.runner().feed(x, inputs[next]).feed(y, labels[next]);
        targets.forEach(r::addTarget);
        next = (next + 1) % inputs.length;
        return r;
    }

    @Override
    public void step() {
        runner().run().close();
    }

    @Override
    public double[] check() throws Unchecked {
        if (!unchecked.isEmpty()) {
            throw new Unchecked(unchecked);
        }
        double[] losses = new double[CHECKED_STEPS];
        for (int i = 0; i < losses.length; i++) {
            try (Result r = runner().fetch(loss).run()) {
                losses[i] = ((TFloat32) r.get(0)).getFloat();
            }
        }
        return losses;
    }
}
