package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Repeat;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.loops.VectorSupport;
import dev.nacre.ir.Composite;
import dev.nacre.ir.Op;
import dev.nacre.ir.Pooling;
import dev.nacre.type.TensorType;
import java.util.List;

/// Every kernel but the fused loop, in Java.
public final class JavaKernels {
    private JavaKernels() {}

    /// Makes a kernel ready to run. A [Loop] is not taken: it has a package of its own.
    public static Step prepare(Kernel kernel) {
        return prepare(kernel, VectorSupport.isApi());
    }

    static Step prepare(Kernel kernel, boolean vectors) {
        return switch (kernel) {
            case Kernel.Contraction contraction -> Products.of(contraction, vectors);
            case Kernel.Convolution convolution -> Convolutions.of(convolution, vectors);
            case Kernel.Call call -> Poolings.of(call);
            case Kernel.Indexed indexed when indexed.base().isPresent() ->
                    ScatterAdd.of(indexed, vectors);
            case Kernel.Indexed indexed -> Gather.of(indexed);
            case Kernel.Ordered ordered -> Orders.of(ordered);
            case Kernel.Random random -> new Philox(random, vectors);
            case Loop _, Repeat _, Kernel.Pack _, Kernel.Packed _ ->
                    throw new IllegalArgumentException("not one of these kernels: " + kernel);
        };
    }

    /// Whether [#prepare(Kernel)] takes a [Kernel.Call] of this composite: poolings and their derivatives.
    public static boolean claims(Op.Fused op, List<TensorType> operands) {
        var type = operands.getFirst();
        return type.dtype().isFloating()
                && switch (op.what()) {
                    case Pooling p -> p.windows().size() <= type.shape().rank();
                    case Composite.Derivative d ->
                            d.of() instanceof Pooling p
                                    && p.windows().size() <= type.shape().rank()
                                    && d.wanted().equals(List.of(0));
                    default -> false;
                };
    }
}
