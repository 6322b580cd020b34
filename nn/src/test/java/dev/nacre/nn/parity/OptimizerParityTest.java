package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.optim.Adagrad;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Clip;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.RMSprop;
import dev.nacre.nn.optim.Rule;
import dev.nacre.nn.optim.SGD;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.RMSpropOptions;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Every optimizer with every setting against libtorch's, parameter by parameter, after each of fifteen steps down a bumpy bowl.
class OptimizerParityTest {
    /// A rule and libtorch's optimizer for it.
    record Case(
            String name,
            Rule ours,
            Function<TensorVector, org.bytedeco.pytorch.Optimizer> theirs) {}

    private static Case sgd(SGD r) {
        return new Case(
                r.toString(),
                r,
                v -> {
                    SGDOptions o = new SGDOptions(r.learningRate());
                    o.momentum().put(r.momentum());
                    o.dampening().put(r.dampening());
                    o.weight_decay().put(r.weightDecay());
                    o.nesterov().put(r.nesterov());
                    return new org.bytedeco.pytorch.SGD(v, o);
                });
    }

    /// The two lie in a std::tuple, in an order that is the standard library's choice: the default of 0.9 and 0.999 tells.
    private static void putBetas(DoublePointer betas, double beta1, double beta2) {
        int first = betas.get(0) < betas.get(1) ? 0 : 1;
        betas.put(first, beta1).put(1 - first, beta2);
    }

    private static Case adam(Adam r) {
        return new Case(
                r.toString(),
                r,
                v -> {
                    AdamOptions o = new AdamOptions(r.learningRate());
                    putBetas(o.betas(), r.beta1(), r.beta2());
                    o.eps().put(r.epsilon());
                    o.weight_decay().put(r.weightDecay());
                    o.amsgrad().put(r.amsgrad());
                    return new org.bytedeco.pytorch.Adam(v, o);
                });
    }

    private static Case adamW(AdamW r) {
        return new Case(
                r.toString(),
                r,
                v -> {
                    AdamWOptions o = new AdamWOptions(r.learningRate());
                    putBetas(o.betas(), r.beta1(), r.beta2());
                    o.eps().put(r.epsilon());
                    o.weight_decay().put(r.weightDecay());
                    o.amsgrad().put(r.amsgrad());
                    return new org.bytedeco.pytorch.AdamW(v, o);
                });
    }

    private static Case rmsprop(RMSprop r) {
        return new Case(
                r.toString(),
                r,
                v -> {
                    RMSpropOptions o = new RMSpropOptions(r.learningRate());
                    o.alpha().put(r.alpha());
                    o.eps().put(r.epsilon());
                    o.weight_decay().put(r.weightDecay());
                    o.momentum().put(r.momentum());
                    o.centered().put(r.centred());
                    return new org.bytedeco.pytorch.RMSprop(v, o);
                });
    }

    private static Case adagrad(Adagrad r) {
        return new Case(
                r.toString(),
                r,
                v -> {
                    AdagradOptions o = new AdagradOptions(r.learningRate());
                    o.lr_decay().put(r.decay());
                    o.weight_decay().put(r.weightDecay());
                    o.initial_accumulator_value().put(r.initial());
                    o.eps().put(r.epsilon());
                    return new org.bytedeco.pytorch.Adagrad(v, o);
                });
    }

    static final List<Case> CASES =
            List.of(
                    sgd(SGD.of(0.1)),
                    sgd(SGD.of(0.1).weightDecay(0.05)),
                    sgd(SGD.of(0.05).momentum(0.9)),
                    sgd(SGD.of(0.05).momentum(0.9).dampening(0.3)),
                    sgd(SGD.of(0.05).momentum(0.9).withNesterov().weightDecay(0.01)),
                    adam(Adam.of(1e-3)),
                    adam(Adam.of(0.05).betas(0.8, 0.95).epsilon(1e-6).weightDecay(0.1)),
                    adam(Adam.of(0.05).withAmsgrad()),
                    adam(Adam.of(0.05).epsilon(0.5)),
                    adam(Adam.of(0.05).betas(0, 0.9)),
                    adam(Adam.of(0.05).betas(0.9, 0).epsilon(0.1)),
                    adam(Adam.of(0.05).betas(0.999999, 0.9999999)),
                    adamW(AdamW.of(1e-3)),
                    adamW(AdamW.of(0.05).weightDecay(0.3).withAmsgrad()),
                    rmsprop(RMSprop.of(0.01)),
                    rmsprop(RMSprop.of(0.01).momentum(0.9).weightDecay(0.1)),
                    rmsprop(RMSprop.of(0.01).withCentring().alpha(0.9).momentum(0.5)),
                    rmsprop(RMSprop.of(0.01).epsilon(0.5)),
                    adagrad(Adagrad.of(0.1)),
                    adagrad(Adagrad.of(0.1).decay(0.1).initial(0.5).weightDecay(0.1)));

    private final Rng rng = Rng.seed(5);
    private final List<Variable> parameters =
            List.of(
                    Variable.of("matrix", rng.normal(7, 5)),
                    Variable.of("vector", rng.normal(33)),
                    Variable.of("scalar", Tensor.of(0.7f)));
    private final List<Tensor> targets =
            parameters.stream().map(p -> rng.normal(p.shape()).realize()).toList();
    private final List<org.bytedeco.pytorch.Tensor> theirs =
            parameters.stream().map(Torch::parameter).toList();

    private Tensor loss() {
        Tensor sum = Tensor.of(0f);
        for (int i = 0; i < targets.size(); i++) {
            Tensor d = parameters.get(i).sub(targets.get(i));
            sum = sum.add(d.square().sum()).add(d.mul(3).sin().sum());
        }
        return sum;
    }

    private org.bytedeco.pytorch.Tensor theirLoss() {
        org.bytedeco.pytorch.Tensor sum = null;
        for (int i = 0; i < targets.size(); i++) {
            var d = theirs.get(i).sub(Torch.of(targets.get(i)));
            var part = d.mul(d).sum().add(d.mul(Torch.scalar(3)).sin().sum());
            sum = sum == null ? part : sum.add(part);
        }
        return sum;
    }

    private void steps(Case c, int count, Runnable between, Runnable theirBetween) {
        Optimizer ours = c.ours.over(parameters);
        org.bytedeco.pytorch.Optimizer other =
                c.theirs.apply(
                        new TensorVector(theirs.toArray(org.bytedeco.pytorch.Tensor[]::new)));
        for (int step = 1; step <= count; step++) {
            ours.zeroGrad();
            Tensor loss = loss();
            loss.backward();
            between.run();
            ours.step();
            other.zero_grad();
            var theirLoss = theirLoss();
            theirLoss.backward();
            theirBetween.run();
            other.step();
            Closeness.STEPS.check(c.name + " step " + step + ": loss", theirLoss, loss);
            for (int i = 0; i < theirs.size(); i++) {
                Closeness.STEPS.check(
                        c.name + " step " + step + ": " + parameters.get(i).name(),
                        theirs.get(i),
                        parameters.get(i));
            }
        }
    }

    @TestFactory
    Stream<DynamicTest> rules() {
        List<Tensor> first =
                new ArrayList<>(
                        parameters.stream()
                                .map(p -> Tensor.of(p.toFloatArray()).reshape(p.shape()).realize())
                                .toList());
        return CASES.stream()
                .map(c ->
                        DynamicTest.dynamicTest(
                                c.name,
                                () -> {
                                    for (int i = 0; i < first.size(); i++) {
                                        parameters.get(i).set(first.get(i));
                                        theirs.get(i).set_data(Torch.of(first.get(i)));
                                    }
                                    steps(c, 15, () -> {}, () -> {});
                                }));
    }

    @Test
    void clippingByNorm() {
        for (double limit : new double[] {0.5, 1000}) {
            steps(
                    CASES.getFirst(),
                    5,
                    () -> Clip.byNorm(parameters, limit),
                    () ->
                            torch.clip_grad_norm_(
                                    new TensorVector(
                                            theirs.toArray(org.bytedeco.pytorch.Tensor[]::new)),
                                    limit));
        }
    }

    /// Norms so small that the 1e-6 added to them counts.
    @Test
    void clippingOfSmallGradients() {
        loss().mul(1e-6).backward();
        theirLoss().mul(Torch.scalar(1e-6)).backward();
        var all = new TensorVector(theirs.toArray(org.bytedeco.pytorch.Tensor[]::new));
        double norm = torch.clip_grad_norm_(all, 2e-6);
        assertEquals(norm, Clip.byNorm(parameters, 2e-6).item(), 1e-5 * norm);
        for (int i = 0; i < theirs.size(); i++) {
            Closeness.SUMS.check(
                    parameters.get(i).name(),
                    theirs.get(i).grad().mul(Torch.scalar(1e6)),
                    parameters.get(i).grad().orElseThrow().mul(1e6));
        }
    }

    @Test
    void clippingByValue() {
        steps(
                CASES.getFirst(),
                5,
                () -> Clip.byValue(parameters, 0.3),
                () ->
                        torch.clip_grad_value_(
                                new TensorVector(
                                        theirs.toArray(org.bytedeco.pytorch.Tensor[]::new)),
                                0.3));
    }

    /// Weight decay on matrices alone, and learning rates of their own, against libtorch's groups of one optimizer.
    @Test
    void groups() {
        AdamW rule = AdamW.of(0.05).weightDecay(0.3);
        Optimizer ours = Optimizer.ofMatricesAndVectors(rule, rule.weightDecay(0), parameters);
        assertEquals(2, ours.groups());
        var decayed = new AdamWOptions(0.05);
        decayed.weight_decay().put(0.3);
        var free = new AdamWOptions(0.05);
        free.weight_decay().put(0);
        var first = new org.bytedeco.pytorch.AdamW(new TensorVector(theirs.getFirst()), decayed);
        var second =
                new org.bytedeco.pytorch.AdamW(
                        new TensorVector(theirs.get(1), theirs.get(2)), free);
        for (int step = 1; step <= 10; step++) {
            if (step == 6) { // one group goes on more slowly
                ours.groupLearningRate(1, 0.01);
                free.set_lr(0.01);
                second.param_groups().get(0).options().set_lr(0.01);
            }
            ours.zeroGrad();
            loss().backward();
            ours.step();
            first.zero_grad();
            second.zero_grad();
            theirLoss().backward();
            first.step();
            second.step();
            for (int i = 0; i < theirs.size(); i++) {
                Closeness.STEPS.check(
                        "step " + step + ": " + parameters.get(i).name(),
                        theirs.get(i),
                        parameters.get(i));
            }
        }
        assertEquals(0.05, ours.groupLearningRate(0), 1e-12);
        assertEquals(0.01, ours.groupLearningRate(1), 1e-12);
    }
}
