package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Task;
import dev.nacre.bench.protocol.Weights;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.AbstractTensor;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/// Shared first weights as tensors, in the order in which a model asks for them.
final class Parameters {
    static final TensorOptional NONE = new TensorOptional();

    private final Weights weights;
    private final boolean channelsLast;
    private final List<Tensor> all = new ArrayList<>();

    Parameters(Weights weights) {
        this(weights, false);
    }

    Parameters(Weights weights, boolean channelsLast) {
        this.weights = weights;
        this.channelsLast = channelsLast;
    }

    boolean channelsLast() {
        return channelsLast;
    }

    /// A trainable tensor.
    Tensor of(String key) {
        Tensor t = laid(AbstractTensor.create(weights.values(key), weights.shape(key)));
        t.requires_grad_(true);
        all.add(t);
        return t;
    }

    TensorOptional optional(String key) {
        return new TensorOptional(of(key));
    }

    /// An input in the layout of the weights.
    Tensor laid(Tensor t) {
        return channelsLast && t.dim() == 4 ? t.contiguous(MemoryFormat.ChannelsLast) : t;
    }

    List<Tensor> all() {
        return all;
    }

    static Tensor input(Task task, int batch) {
        float[] values = task.input(batch);
        return values.length == 0
                ? AbstractTensor.create(task.tokens(batch), task.shape())
                : AbstractTensor.create(values, task.shape());
    }

    static float[] floats(Tensor t) {
        Tensor f = t.to(torch.ScalarType.Float).contiguous().flatten();
        float[] out = new float[(int) f.numel()];
        f.data_ptr_float().get(out);
        return out;
    }

    static TensorVector vector(List<Tensor> tensors) {
        return new TensorVector(tensors.toArray(Tensor[]::new));
    }
}
