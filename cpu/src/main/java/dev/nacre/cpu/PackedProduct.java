package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Memory;
import dev.nacre.compile.View;
import dev.nacre.cpu.onednn.Call;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.OneDnnException;
import dev.nacre.cpu.onednn.Primitive;
import dev.nacre.cpu.onednn.Reorder;
import dev.nacre.cpu.onednn.Slot.Role;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// A product in a loop whose right operand stays the same: it is packed once, when the loop begins, instead of in every step.
final class PackedProduct implements Step {
    private final Call product;
    private final Call packing;
    private final List<MemorySegment> memory = new ArrayList<>(); // kept alive
    private final View weights;
    private final View[] views;
    private final int[] slots;

    private PackedProduct(Kernel.Contraction c, Primitive product, Primitive packing) {
        this.product = withScratch(OneDnnKernels.call(product, c.epilogue()));
        this.packing = withScratch(packing.call());
        this.weights = c.b();
        long room = room(product.desc(Role.WEIGHTS).bytes());
        this.packing.set(packing.slot(Role.DST).orElseThrow(), room);
        this.product.set(product.slot(Role.WEIGHTS).orElseThrow(), room);
        List<View> bound = new ArrayList<>(List.of(c.a(), c.out()));
        List<Role> roles = new ArrayList<>(List.of(Role.SRC, Role.DST));
        c.epilogue()
                .bias()
                .ifPresent(b -> {
                    bound.add(b);
                    roles.add(Role.BIAS);
                });
        c.epilogue()
                .addend()
                .ifPresent(v -> {
                    bound.add(v);
                    roles.add(Role.POST_OP);
                });
        views = bound.toArray(View[]::new);
        slots = roles.stream().mapToInt(r -> product.slot(r).orElseThrow()).toArray();
    }

    /// The product, unless oneDNN is absent, does not take it, or takes the operand as it lies.
    static Optional<Supplier<PackedProduct>> of(Kernel.Contraction c) {
        boolean isThere =
                OneDnn.get().isPresent()
                        && c.out().count() > 0
                        && c.reads().stream().allMatch(v -> v.count() > 0);
        if (!isThere) {
            return Optional.empty();
        }
        Optional<PlainProduct> plain =
                PlainProduct.of(c)
                        .filter(p ->
                                p.isOfWeights()
                                        && p.addend().isEmpty()
                                        && c.epilogue().bias().map(View::isDense).orElse(true));
        if (plain.isEmpty()) {
            return Optional.empty();
        }
        try {
            OneDnn library = OneDnn.get().orElseThrow();
            MemoryDesc lies = plain.get().weights();
            Primitive product = library.packed(plain.get().matMul());
            MemoryDesc wanted = product.desc(Role.WEIGHTS);
            if (wanted.equals(lies)) {
                return Optional.empty();
            }
            Primitive packing = library.primitive(Reorder.of(lies, wanted));
            return Optional.of(() -> new PackedProduct(plain.get().product(), product, packing));
        } catch (OneDnnException e) {
            return Optional.empty();
        }
    }

    private Call withScratch(Call call) {
        Primitive p = call.primitive();
        if (p.scratchpadBytes() > 0) {
            call.set(p.slot(Role.SCRATCHPAD).orElseThrow(), room(p.scratchpadBytes()));
        }
        return call;
    }

    private long room(long bytes) {
        MemorySegment m = Memory.allocate(bytes, "a packed operand");
        memory.add(m);
        return Memory.address(m);
    }

    private static long start(View v, long[] addresses) {
        return addresses[v.buffer()] + v.offset() * v.dtype().bytes();
    }

    /// Packs the operand.
    void pack(long[] addresses) {
        packing.set(packing.primitive().slot(Role.SRC).orElseThrow(), start(weights, addresses));
        packing.run();
    }

    @Override
    public void run(long[] addresses) {
        for (int i = 0; i < views.length; i++) {
            product.set(slots[i], start(views[i], addresses));
        }
        product.run();
    }
}
