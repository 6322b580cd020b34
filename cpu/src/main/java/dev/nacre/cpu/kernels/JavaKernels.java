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
import java.util.function.Supplier;

/// Every kernel but the fused loop, in Java.
public final class JavaKernels {
    private JavaKernels() {}

    /// Makes a kernel ready to run: gives the steps of as many frames as there will be. A [Loop] is not taken: it has a package of its own.
    public static Supplier<Step> prepare(Kernel kernel) {
        return prepare(kernel, VectorSupport.isApi());
    }

    static Supplier<Step> prepare(Kernel kernel, boolean vectors) {
        return switch (kernel) {
            case Kernel.Contraction contraction -> shared(Products.of(contraction, vectors));
            case Kernel.Convolution convolution -> shared(Convolutions.of(convolution, vectors));
            case Kernel.Call call -> shared(Poolings.of(call));
            case Kernel.Indexed indexed when indexed.base().isPresent() ->
                    () -> ScatterAdd.of(indexed);
            case Kernel.Indexed indexed -> shared(Gather.of(indexed));
            case Kernel.Ordered ordered -> shared(Orders.of(ordered));
            case Kernel.Random random -> shared(new Philox(random, vectors));
            case Loop _, Repeat _, Kernel.Pack _, Kernel.Packed _ ->
                    throw new IllegalArgumentException("not one of these kernels: " + kernel);
        };
    }

    private static Supplier<Step> shared(Step step) {
        return () -> step;
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
