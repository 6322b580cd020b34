package dev.nacre.examples;

import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Variable;
import dev.nacre.type.Shape;
import java.util.List;

/// The three formulas of a network that learns, spelled out with tensors only.
///
/// - a neuron: `z = W·x + b`, `a = g(z)`
/// - the loss: `L = 1/(2n) · Σ(yᵢ − ŷᵢ)²`
/// - gradient descent: `W ← W − α·∇L`, `b ← b − α·∇L`
public final class FromScratch {
    private FromScratch() {}

    public static void main(String[] args) {
        var rng = Rng.seed(0);
        var x = rng.normal(256, 3).realize(); // n examples
        var y = x.square().sum(1).sqrt().realize(); // the length of each

        var w1 = Variable.of("W1", rng.normal(0, 0.5, Shape.of(16, 3)));
        var b1 = Variable.zeros("b1", 16);
        var w2 = Variable.of("W2", rng.normal(0, 0.25, Shape.of(1, 16)));
        var b2 = Variable.zeros("b2", 1);
        var weights = List.of(w1, b1, w2, b2);
        double alpha = 0.1;

        for (int step = 0; step <= 500; step++) {
            var z = x.matmul(w1.transpose()).add(b1); // z = W·x + b
            var a = z.tanh(); // a = g(z)
            var prediction = a.matmul(w2.transpose()).add(b2).squeeze(1);

            var loss =
                    y.sub(prediction).square().sum().div(2 * y.size(0)); // L = 1/(2n) · Σ(y − ŷ)²

            var gradients = Gradients.of(loss, w1, b1, w2, b2).all();
            for (int i = 0; i < weights.size(); i++) {
                var w = weights.get(i);
                w.set(w.sub(gradients.get(i).mul(alpha))); // W ← W − α·∇L
            }
            if (step % 50 == 0) {
                IO.println("step %3d  loss %.5f".formatted(step, loss.item()));
            }
        }
    }
}
