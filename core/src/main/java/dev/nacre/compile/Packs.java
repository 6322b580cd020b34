package dev.nacre.compile;

import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;

/// Takes the packing of operands that stay the same from call to call out of a plan. A library that blocks weights its own way would do so in every product, at a cost
/// proportional to the weights, which for few rows is as much as the product.
///
/// ```
/// before   y = matmul(x, w)                              w: a variable
/// after    when w has changed: p = pack(w);   y = matmul(x, p)
/// ```
///
/// @param kernels those of the plan, with packed operands in buffers of their own
/// @param packs what fills those buffers, one each
record Packs(List<Kernel> kernels, List<Kernel.Pack> packs) {
    /// An operand and the form it is wanted in.
    private record Wanted(View operand, Object form) {}

    /// @param buffers to which the new ones are added
    /// @param fixed whether the content of a buffer stays the same
    static Packs of(
            List<Kernel> kernels,
            List<Scheduler.Buffer> buffers,
            IntPredicate fixed,
            Backend backend) {
        List<Kernel> out = new ArrayList<>();
        List<Kernel.Pack> packs = new ArrayList<>();
        Map<Wanted, Integer> made = new HashMap<>();
        for (Kernel k : kernels) {
            Optional<Backend.Packing> packing =
                    k instanceof Kernel.Product p && fixed.test(p.b().buffer())
                            ? backend.packing(p)
                            : Optional.empty();
            if (packing.isEmpty()) {
                out.add(k);
                continue;
            }
            Kernel.Product p = (Kernel.Product) k;
            View b = p.b();
            int buffer =
                    made.computeIfAbsent(
                            new Wanted(b, packing.get().form()),
                            _ -> {
                                long bytes = packing.get().bytes();
                                int added = buffers.size();
                                buffers.add(new Scheduler.Buffer(DType.U8, bytes));
                                packs.add(
                                        new Kernel.Pack(
                                                p,
                                                View.dense(added, TensorType.of(DType.U8, bytes))));
                                return added;
                            });
            out.add(
                    new Kernel.Packed(
                            p.withB(new View(buffer, b.dtype(), 0, b.sizes(), b.strides()))));
        }
        return new Packs(out, packs);
    }
}
