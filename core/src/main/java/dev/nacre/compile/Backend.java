package dev.nacre.compile;

import dev.nacre.ir.Op;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.Optional;

/// A machine that executes kernels. Found by [java.util.ServiceLoader]; the one with the highest priority is used.
public interface Backend {
    String name();

    /// Higher wins.
    int priority();

    /// Whether the backend computes this composite itself for operands of these types; if not, the compiler puts the body in its place.
    boolean claims(Op.Fused op, List<TensorType> operands);

    /// Whether convolutions and poolings of this type are fastest on images `[n, channels, …]` whose channels are neighbours in memory.
    default boolean prefersChannelsLast(DType type) {
        return false;
    }

    /// The form of a product's right operand that is prepared once for many calls ([Kernel.Pack], [Kernel.Packed]) where the operand stays the same; empty where it is as good as
    /// it lies.
    default Optional<Packing> packing(Kernel.Product product) {
        return Optional.empty();
    }

    /// A form of an operand.
    ///
    /// @param form equal for two products that want an operand in one form
    /// @param bytes the memory it takes
    record Packing(Object form, long bytes) {}

    /// Makes a plan's kernels ready to run. Called once per plan.
    Executable prepare(List<Kernel> kernels);

    /// Prepared kernels. Thread-safe: any number of frames may run at once.
    interface Executable {
        /// A place to run one call at a time in.
        Frame newFrame();

        /// What it holds besides the description of the kernels, in bytes, about: code that a library has made for it.
        default long bytes() {
            return 0;
        }
    }

    /// What one call in progress needs. Not thread-safe.
    interface Frame {
        /// Runs all kernels in order. `addresses[i]` is where buffer i begins.
        void run(long[] addresses);

        /// As [run][#run(long[])], and tells how long each kernel took.
        ///
        /// @param nanos one for each kernel, in order
        void run(long[] addresses, long[] nanos);
    }
}
