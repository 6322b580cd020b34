package dev.nacre.bench.libtorch;

import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

record Mlp(List<Linear> layers) implements Model {
    Mlp(Parameters p, int layers) {
        this(IntStream.rangeClosed(1, layers).mapToObj(i -> Linear.of(p, "fc" + i)).toList());
    }

    @Override
    public Tensor forward(Tensor x) {
        Tensor h = layers.getFirst().forward(x);
        for (Linear l : layers.subList(1, layers.size())) {
            h = l.forward(torch.relu(h));
        }
        return h;
    }
}
