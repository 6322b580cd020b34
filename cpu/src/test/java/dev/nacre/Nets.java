package dev.nacre;

import dev.nacre.ir.Window;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/// Small networks with optimizers, written with the core alone, for tests of whole training steps.
final class Nets {
    private Nets() {}

    /// Parameters, the network from a batch to logits, and a batch.
    record Net(List<Variable> parameters, UnaryOperator<Tensor> forward, Tensor x, Tensor y) {
        Tensor loss() {
            return loss(x, y);
        }

        Tensor loss(Tensor images, Tensor labels) {
            return forward.apply(images).crossEntropy(labels, 0).mean();
        }

        /// A step of training in one function of batch and labels.
        Function step(Optimizer optimizer) {
            return Function.of((Tensor images, Tensor labels) -> {
                parameters.forEach(Variable::zeroGrad);
                Tensor loss = loss(images, labels);
                loss.backward();
                optimizer.update();
                return loss;
            });
        }
    }

    private static Variable weight(Rng rng, String name, double std, long... sizes) {
        return Variable.of(name, rng.normal(Shape.of(sizes)).mul(std));
    }

    /// 100 inputs, 64 hidden units, 10 classes, a batch of 32.
    static Net mlp() {
        Rng rng = Rng.seed(17);
        Variable w1 = weight(rng, "fc1.weight", 0.1, 100, 64);
        Variable b1 = Variable.zeros("fc1.bias", 64);
        Variable w2 = weight(rng, "fc2.weight", 0.1, 64, 10);
        Variable b2 = Variable.zeros("fc2.bias", 10);
        Tensor x = rng.normal(32, 100).realize();
        Tensor y = rng.integers(10, Shape.of(32)).realize();
        return new Net(
                List.of(w1, b1, w2, b2),
                in -> in.matmul(w1).add(b1).relu().matmul(w2).add(b2),
                x,
                y);
    }

    /// Two convolutions with pooling and a linear layer on images of 12×12, a batch of 8.
    static Net convolutional() {
        Rng rng = Rng.seed(18);
        Variable k1 = weight(rng, "conv1.weight", 0.3, 6, 1, 3, 3);
        Variable c1 = Variable.zeros("conv1.bias", 6);
        Variable k2 = weight(rng, "conv2.weight", 0.15, 8, 6, 3, 3);
        Variable w = weight(rng, "fc.weight", 0.1, 72, 10);
        Variable b = Variable.zeros("fc.bias", 10);
        List<Window> same = List.of(Window.of(3).padding(1, 1), Window.of(3).padding(1, 1));
        List<Window> half = List.of(Window.of(2).stride(2), Window.of(2).stride(2));
        UnaryOperator<Tensor> forward =
                in -> {
                    Tensor a = in.conv(k1, same, 1).add(c1.reshape(6, 1, 1)).relu().maxPool(half);
                    return a.conv(k2, same, 1).relu().maxPool(half).flatten(1).matmul(w).add(b);
                };
        Tensor x = rng.normal(Shape.of(8, 1, 12, 12)).realize();
        Tensor y = rng.integers(10, Shape.of(8)).realize();
        return new Net(List.of(k1, c1, k2, w, b), forward, x, y);
    }

    /// Changes parameters by their gradients.
    interface Optimizer {
        /// Sets variables; to be called while they are symbols.
        void update();
    }

    static Optimizer sgd(List<Variable> parameters, double rate) {
        return () -> {
            for (Variable v : parameters) {
                v.set(v.sub(v.grad().orElseThrow().mul(rate)));
            }
        };
    }

    /// Adam (Kingma and Ba 2015), in PyTorch's form.
    static Optimizer adam(List<Variable> parameters, double rate) {
        Variable steps = Variable.of("steps", Tensor.of(0f), false);
        List<Variable> first = new ArrayList<>();
        List<Variable> second = new ArrayList<>();
        for (Variable v : parameters) {
            first.add(Variable.of(v.name() + ".m", v.zerosLike(), false));
            second.add(Variable.of(v.name() + ".v", v.zerosLike(), false));
        }
        return () -> {
            Tensor t = steps.add(1);
            steps.set(t);
            Tensor size = Tensor.of(0.9f).pow(t).neg().add(1).reciprocal().mul(rate);
            Tensor scale = Tensor.of(0.999f).pow(t).neg().add(1).rsqrt();
            for (int i = 0; i < parameters.size(); i++) {
                Variable p = parameters.get(i);
                Tensor g = p.grad().orElseThrow();
                Tensor m = first.get(i).mul(0.9).add(g.mul(0.1));
                Tensor v = second.get(i).mul(0.999).add(g.square().mul(0.001));
                first.get(i).set(m);
                second.get(i).set(v);
                p.set(p.sub(m.mul(size).div(v.sqrt().mul(scale).add(1e-8))));
            }
        };
    }

    /// The loop of a PyTorch user.
    static Tensor eagerStep(Net net, Optimizer optimizer) {
        net.parameters.forEach(Variable::zeroGrad);
        Tensor loss = net.loss();
        loss.backward();
        Variable.update(net.parameters, optimizer::update);
        return loss;
    }
}
