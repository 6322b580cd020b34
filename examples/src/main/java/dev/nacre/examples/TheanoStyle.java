package dev.nacre.examples;

import static dev.nacre.type.DType.F32;
import static dev.nacre.type.Shape.ANY;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import java.util.ArrayList;
import java.util.List;

/// Logistic regression by symbols, shared variables and updates, as in Theano.
public final class TheanoStyle {
    private TheanoStyle() {}

    /// The cost of each step over examples `x` of class 0 or 1.
    static List<Double> train(Tensor xTrain, Tensor yTrain, int steps, Rng rng) {
        var x = Tensor.symbol("x", F32, ANY, 784);
        var y = Tensor.symbol("y", F32, ANY);
        var w = Variable.of("w", rng.normal(784));
        var b = Variable.zeros("b");
        var p = x.matmul(w).add(b).sigmoid();
        var cost = p.binaryCrossEntropy(y).mean().add(w.square().sum().mul(0.01));
        var g = Gradients.of(cost, w, b);
        var train =
                Function.of(
                        List.of(x, y),
                        List.of(p.gt(0.5), cost),
                        w.to(w.sub(g.of(w).mul(0.1))),
                        b.to(b.sub(g.of(b).mul(0.1))));

        var costs = new ArrayList<Double>();
        for (int i = 0; i < steps; i++) {
            costs.add(train.call(xTrain, yTrain).get(1).item());
        }
        return costs;
    }

    public static void main(String[] args) {
        var data = Blobs.of(400, 784, 2, Rng.seed(1));
        var costs = train(data.x(), data.y().cast(F32), 300, Rng.seed(0));
        for (int i = 0; i < costs.size(); i += 50) {
            IO.println("step %3d  loss %.4f".formatted(i, costs.get(i)));
        }
        IO.println("step %3d  loss %.4f".formatted(costs.size() - 1, costs.getLast()));
    }
}
