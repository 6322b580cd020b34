package dev.nacre.bench.tensorflow;

import java.util.ArrayList;
import java.util.List;
import org.tensorflow.Operand;
import org.tensorflow.framework.optimizers.GradientDescent;
import org.tensorflow.framework.optimizers.Optimizer.GradAndVar;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.op.Op;
import org.tensorflow.op.Ops;
import org.tensorflow.op.core.Variable;
import org.tensorflow.types.TFloat32;

/// Adam by TensorFlow's kernel. The framework's own class lets the powers of beta advance before some updates have read them, so its first steps are others than everybody's.
final class Adam {
    private static final float BETA1 = 0.9f;
    private static final float BETA2 = 0.999f;
    private static final float EPSILON = 1e-8f;
    private static final float RATE = 1e-3f;

    private Adam() {}

    /// What has to run for one step.
    static List<Op> minimize(Layers layers, Operand<TFloat32> loss) {
        Ops tf = layers.tf;
        List<GradAndVar<?>> gradients = new GradientDescent(layers.graph).computeGradients(loss);
        List<Op> all = new ArrayList<>();
        gradients.forEach(g -> all.add(g.getGradient()));
        Ops after = tf.withControlDependencies(all); // updates are in place
        Variable<TFloat32> power1 = kept(tf, BETA1, Shape.scalar());
        Variable<TFloat32> power2 = kept(tf, BETA2, Shape.scalar());
        List<Op> updates = new ArrayList<>();
        for (GradAndVar<?> g : gradients) {
            updates.add(update(tf, after, floats(g), power1, power2));
        }
        Ops last = tf.withControlDependencies(updates);
        updates.add(last.assign(power1, last.math.mul(power1, last.constant(BETA1))));
        updates.add(last.assign(power2, last.math.mul(power2, last.constant(BETA2))));
        return updates;
    }

    private static Op update(
            Ops tf,
            Ops after,
            GradAndVar<TFloat32> g,
            Variable<TFloat32> power1,
            Variable<TFloat32> power2) {
        Shape shape = g.getVariable().shape();
        return after.train.applyAdam(
                g.getVariable(),
                kept(tf, 0, shape),
                kept(tf, 0, shape),
                power1,
                power2,
                tf.constant(RATE),
                tf.constant(BETA1),
                tf.constant(BETA2),
                tf.constant(EPSILON),
                g.getGradient());
    }

    private static Variable<TFloat32> kept(Ops tf, float first, Shape shape) {
        Ops init = tf.withInitScope();
        return tf.variable(init.fill(init.constant(shape.asArray()), init.constant(first)));
    }

    @SuppressWarnings("unchecked") // all variables are
    private static GradAndVar<TFloat32> floats(GradAndVar<?> g) {
        return (GradAndVar<TFloat32>) g;
    }
}
