package dev.nacre.bench.libtorch;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

record Cnn(Convolution conv1, Convolution conv2, Linear fc1, Linear fc2) implements Model {
    Cnn(Parameters p) {
        this(
                Convolution.of(p, "conv1"),
                Convolution.of(p, "conv2"),
                Linear.of(p, "fc1"),
                Linear.of(p, "fc2"));
    }

    @Override
    public Tensor forward(Tensor x) {
        Tensor h = torch.relu(conv2.forward(torch.relu(conv1.forward(x))));
        h = torch.max_pool2d(h, 2, 2).flatten(1, -1);
        return fc2.forward(torch.relu(fc1.forward(h)));
    }
}
