package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Text;
import dev.nacre.bench.protocol.Workload;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A character GPT, trained from begin to end.
final class Chars implements Workload {
    private final Text text = Text.devilsDictionary();
    private final Parameters parameters = new Parameters(text.model().weights());
    private final Model net =
            Transformer.gpt(parameters, false, text.model(), () -> this.training ? Text.DROPOUT : 0);
    private final Optimizer matrices = optimizer(true, Text.DECAY);
    private final Optimizer vectors = optimizer(false, 0);
    private boolean training = true;
    private int next;

    Chars() {
        torch.manual_seed(0);
    }

    private Optimizer optimizer(boolean matrices, double decay) {
        return Optimizer.adamW(
                parameters.all().stream().filter(t -> t.dim() >= 2 == matrices).toList(),
                Text.rate(0),
                Text.BETA2,
                decay);
    }

    private Tensor loss(Text.Passages p) {
        Tensor x = AbstractTensor.create(p.tokens(), p.count(), text.model().length());
        return torch.cross_entropy_loss(net.forward(x), AbstractTensor.create(p.next()));
    }

    @Override
    public void step() {
        try (PointerScope _ = new PointerScope()) {
            matrices.zeroGrad();
            vectors.zeroGrad();
            loss(text.ofStep(next)).backward();
            torch.clip_grad_norm_(Parameters.vector(parameters.all()), Text.NORM);
            matrices.rate(Text.rate(next));
            vectors.rate(Text.rate(next));
            matrices.step();
            vectors.step();
            next++;
        }
    }

    @Override
    public double[] check() {
        for (int i = 0; i < Text.STEPS; i++) {
            step();
        }
        training = false;
        try (PointerScope _ = new PointerScope();
                NoGradGuard _ = new NoGradGuard()) {
            return new double[] {loss(text.ofValidation()).item_float()};
        } finally {
            training = true;
        }
    }
}
