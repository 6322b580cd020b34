package dev.nacre.bench.workload;

import dev.nacre.Function;
import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Text;
import dev.nacre.compile.Profile;
import dev.nacre.models.Gpt;
import dev.nacre.nn.Mode;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.AdamW;
import dev.nacre.nn.optim.Clip;
import dev.nacre.nn.optim.Optimizer;

/// A character GPT, trained from begin to end.
final class Chars implements Profiled {
    private final Text text;
    private final Gpt net;
    private final Optimizer optimizer;
    private final Function train = Function.of((Tensor x, Tensor y) -> trained(x, y));
    private final Function measure = Function.of((Tensor x, Tensor y) -> loss(x, y, Mode.EVAL));
    private int next;

    Chars() {
        text = Text.devilsDictionary();
        net = NacreEngine.gpt(text.model(), Text.DROPOUT);
        Parameters.load(net, text.model().weights());
        AdamW rule = AdamW.of(Text.rate(0)).betas(0.9, Text.BETA2).weightDecay(Text.DECAY);
        optimizer = Optimizer.ofMatricesAndVectors(rule, rule.weightDecay(0), net.parameters());
    }

    private Tensor loss(Tensor x, Tensor y, Mode mode) {
        Tensor logits = net.forward(x, mode);
        return new CrossEntropyLoss().forward(logits.reshape(-1, logits.size(-1)), y);
    }

    private Tensor trained(Tensor x, Tensor y) {
        optimizer.zeroGrad();
        Tensor loss = loss(x, y, Mode.TRAIN);
        loss.backward();
        Clip.byNorm(net.parameters(), Text.NORM);
        optimizer.step();
        return loss;
    }

    private Tensor tokens(Text.Passages p) {
        return Tensor.of(p.tokens(), p.count(), text.model().length());
    }

    @Override
    public void step() {
        Text.Passages p = text.ofStep(next);
        optimizer.learningRate(Text.rate(next++));
        train.apply(tokens(p), Tensor.of(p.next()));
    }

    @Override
    public Profile profile() {
        Text.Passages p = text.ofStep(next);
        return train.profile(tokens(p), Tensor.of(p.next()));
    }

    @Override
    public double[] check() {
        for (int i = 0; i < Text.STEPS; i++) {
            step();
        }
        Text.Passages p = text.ofValidation();
        return new double[] {measure.apply(tokens(p), Tensor.of(p.next())).item()};
    }
}
