package dev.nacre.cpu;

import dev.nacre.compile.Backend;
import dev.nacre.compile.Kernel;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Memory;
import dev.nacre.compile.View;
import dev.nacre.cpu.onednn.Attributes;
import dev.nacre.cpu.onednn.Call;
import dev.nacre.cpu.onednn.Convolution;
import dev.nacre.cpu.onednn.DataType;
import dev.nacre.cpu.onednn.Direction;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.OneDnnException;
import dev.nacre.cpu.onednn.PostOp;
import dev.nacre.cpu.onednn.Primitive;
import dev.nacre.cpu.onednn.Reorder;
import dev.nacre.cpu.onednn.Slot.Role;
import dev.nacre.cpu.onednn.Window;
import dev.nacre.ir.Op;
import dev.nacre.type.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// Products, convolutions and transposing copies by oneDNN. Operands whose layout it does not like are copied to the layout it chooses, in memory of the frame.
final class OneDnnKernels {
    /// Fewer elements are copied sooner than the library is called.
    private static final long LEAST_COPY = 4096;

    private OneDnnKernels() {}

    /// The kernel through oneDNN, unless the library is absent or does not take it.
    static Optional<Supplier<Step>> prepare(Kernel kernel) {
        if (!isWithinReach(kernel)) {
            return Optional.empty();
        }
        try {
            Supplier<Step> s =
                    switch (kernel) {
                        case Kernel.Product p -> product(p, false);
                        case Kernel.Packed p -> product(p.product(), true);
                        case Kernel.Pack p -> pack(p);
                        case Loop loop -> copy(loop);
                        default -> null;
                    };
            return Optional.ofNullable(s);
        } catch (OneDnnException e) {
            return Optional.empty();
        }
    }

    /// The form in which oneDNN would have the weights of a product, if it is another than that in which they lie.
    static Optional<Backend.Packing> packing(Kernel.Product p) {
        if (!isWithinReach(p) || !packs(p)) {
            return Optional.empty();
        }
        try {
            MemoryDesc wanted = packed(p);
            return wanted.equals(asItLies(p))
                    ? Optional.empty()
                    : Optional.of(new Backend.Packing(wanted, wanted.bytes()));
        } catch (OneDnnException e) {
            return Optional.empty();
        }
    }

    private static boolean isWithinReach(Kernel kernel) {
        return OneDnn.get().isPresent()
                && kernel.reads().stream().allMatch(v -> isSupported(v) && v.count() > 0)
                && kernel.writes().stream().allMatch(v -> v.count() > 0);
    }

    /// Whether the right operand is weights, the same for each item of a batch.
    private static boolean packs(Kernel.Product p) {
        return switch (p) {
            case Kernel.Contraction c ->
                    PlainProduct.of(c).map(PlainProduct::isOfWeights).orElse(false);
            case Kernel.Convolution c ->
                    c.op().kind() == Op.Convolve.Kind.FORWARD
                            && isInjective(c.b())
                            && isWithinReach(c.epilogue());
        };
    }

    /// With packed weights a convolution by single pixels is computed as a product.
    private static Optional<Pointwise> pointwise(Kernel.Convolution c) {
        return Pointwise.of(c).filter(p -> packs(p.product()));
    }

    private static MemoryDesc packed(Kernel.Product p) {
        return switch (p) {
            case Kernel.Contraction c ->
                    primitive(PlainProduct.of(c).orElseThrow(), true).desc(Role.WEIGHTS);
            case Kernel.Convolution c ->
                    pointwise(c)
                            .map(x -> packed(x.product()))
                            .orElseGet(() -> primitive(c).desc(Role.WEIGHTS));
        };
    }

    private static MemoryDesc asItLies(Kernel.Product p) {
        return switch (p) {
            case Kernel.Contraction c -> PlainProduct.of(c).orElseThrow().weights();
            case Kernel.Convolution c ->
                    pointwise(c)
                            .map(x -> asItLies(x.product()))
                            .orElseGet(() -> grouped(c.b(), c.op().groups()));
        };
    }

    private static Supplier<Step> product(Kernel.Product product, boolean packed) {
        return switch (product) {
            case Kernel.Contraction c -> contraction(c, packed);
            case Kernel.Convolution c -> {
                Optional<Pointwise> p = packed ? pointwise(c) : Optional.empty();
                yield p.isPresent() ? pointwise(p.get()) : convolution(c, packed);
            }
        };
    }

    private static Supplier<Step> pack(Kernel.Pack k) {
        Primitive p =
                OneDnn.get()
                        .orElseThrow()
                        .primitive(Reorder.of(asItLies(k.product()), packed(k.product())));
        List<Operand> operands =
                List.of(new Operand(Role.SRC, k.product().b()), new Operand(Role.DST, k.out()));
        return () -> new Sequence(p.call(), operands, List.of(), List.of());
    }

    /// Whether oneDNN is there and computes with this type.
    static boolean takes(DType type) {
        return OneDnn.get().isPresent() && (type == DType.F32 || type == DType.BF16);
    }

    static boolean isSupported(View v) {
        return takes(v.dtype()) && Arrays.stream(v.strides()).allMatch(s -> s >= 0);
    }

    static DataType type(DType t) {
        return t == DType.F32 ? DataType.F32 : DataType.BF16;
    }

    /// An axis along which a view repeats one element becomes an axis of size 1, which oneDNN broadcasts.
    static MemoryDesc desc(View v, int keptAxes) {
        long[] dims = v.sizes().clone();
        for (int i = 0; i < dims.length - keptAxes; i++) {
            dims[i] = v.strides()[i] == 0 ? 1 : dims[i];
        }
        long[] strides = v.strides().clone();
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] == 1) {
                strides[i] = Math.max(1, strides[i]);
            }
        }
        return MemoryDesc.strided(type(v.dtype()), dims, strides);
    }

    /// An epilogue but for its ReLU, which would make 0 of NaN ([#call]).
    static Attributes attributes(Kernel.Epilogue e, MemoryDesc result) {
        Attributes sum = e.addend().isPresent() ? Attributes.NONE.add(result) : Attributes.NONE;
        return e.activation()
                .filter(a -> a != Kernel.Activation.RELU)
                .map(a ->
                        a == Kernel.Activation.TANH
                                ? PostOp.Function.TANH
                                : PostOp.Function.LOGISTIC)
                .map(f -> sum.then(f, 0, 0))
                .orElse(sum);
    }

    /// A call of what computes a product, all of its epilogue included.
    static Call call(Primitive p, Kernel.Epilogue e) {
        return e.activation().orElse(null) == Kernel.Activation.RELU
                ? p.call(new Rectifier())
                : p.call();
    }

    // ------------------------------------------------------------------------------------------
    // products

    private static Supplier<Step> contraction(Kernel.Contraction c, boolean packed) {
        return PlainProduct.of(c).map(p -> contraction(p, packed, Optional.empty())).orElse(null);
    }

    private static Supplier<Step> pointwise(Pointwise p) {
        return contraction(PlainProduct.of(p.product()).orElseThrow(), true, p.pixels());
    }

    /// @param rows where the rows of the left operand are to be copied from, if they do not lie where it says
    private static Supplier<Step> contraction(PlainProduct c, boolean packed, Optional<View> rows) {
        Primitive p = primitive(c, packed);
        List<Operand> operands = new ArrayList<>();
        List<Copy> before = new ArrayList<>();
        operands.add(new Operand(Role.WEIGHTS, c.product().b()));
        bias(c.product().epilogue(), operands, before);
        operands.add(new Operand(Role.DST, c.product().out()));
        rows.ifPresentOrElse(
                v -> before.add(gathered(v)),
                () -> operands.add(new Operand(Role.SRC, c.product().a())));
        c.product()
                .epilogue()
                .addend()
                .ifPresent(v ->
                        c.addend()
                                .ifPresentOrElse(
                                        x ->
                                                before.add(
                                                        copied(
                                                                Role.POST_OP,
                                                                x,
                                                                desc(c.result(), x.rank()))),
                                        () -> operands.add(new Operand(Role.POST_OP, v))));
        return () -> new Sequence(call(p, c.product().epilogue()), operands, before, List.of());
    }

    private static Copy gathered(View v) {
        return copied(Role.SRC, v, MemoryDesc.dense(type(v.dtype()), v.sizes()));
    }

    /// An operand that is to lie otherwise.
    private static Copy copied(Role role, View v, MemoryDesc wanted) {
        Primitive copy =
                OneDnn.get().orElseThrow().primitive(Reorder.of(desc(v, v.rank()), wanted));
        return new Copy(role, v, copy, wanted.bytes());
    }

    /// The library takes a bias for dense, whatever its description says.
    private static void bias(Kernel.Epilogue e, List<Operand> operands, List<Copy> before) {
        e.bias()
                .ifPresent(b -> {
                    if (b.sizes()[0] == 1 || b.strides()[0] == 1) {
                        operands.add(new Operand(Role.BIAS, b));
                    } else {
                        before.add(
                                copied(Role.BIAS, b, MemoryDesc.dense(type(b.dtype()), b.sizes())));
                    }
                });
    }

    /// Whether the library can be given what an epilogue adds: with nothing repeated along an axis.
    private static boolean isWithinReach(Kernel.Epilogue e) {
        return e.bias().map(OneDnnKernels::isInjective).orElse(true)
                && e.addend().map(OneDnnKernels::isInjective).orElse(true);
    }

    private static Primitive primitive(PlainProduct p, boolean packed) {
        OneDnn library = OneDnn.get().orElseThrow();
        MatMul spec = p.matMul();
        return packed ? library.packed(spec) : library.primitive(spec);
    }

    // ---------------------------------------------------------------------------------------
    // copies

    /// A loop that copies a view to one whose axes lie in another order: the library transposes in registers.
    private static Supplier<Step> copy(Loop loop) {
        if (!loop.isCopy()) {
            return null;
        }
        View from = loop.reads().getFirst();
        View to = loop.writes().getFirst();
        boolean isTransposed =
                isInjective(from)
                        && isInjective(to)
                        && to.count() >= LEAST_COPY
                        && innermost(from) != innermost(to);
        if (!isTransposed || from.rank() > MemoryDesc.MAX_RANK || !isSupported(to)) {
            return null;
        }
        Primitive p =
                OneDnn.get()
                        .orElseThrow()
                        .primitive(Reorder.of(desc(from, from.rank()), desc(to, to.rank())));
        List<Operand> operands = List.of(new Operand(Role.SRC, from), new Operand(Role.DST, to));
        return p.isReference()
                ? null
                : () -> new Sequence(p.call(), operands, List.of(), List.of());
    }

    /// Whether no element is repeated along an axis.
    static boolean isInjective(View v) {
        for (int i = 0; i < v.rank(); i++) {
            if (v.strides()[i] == 0 && v.sizes()[i] != 1) {
                return false;
            }
        }
        return true;
    }

    /// The axis along which neighbours are nearest in memory.
    private static int innermost(View v) {
        int best = -1;
        for (int i = v.rank() - 1; i >= 0; i--) {
            if (v.sizes()[i] != 1 && (best < 0 || v.strides()[i] < v.strides()[best])) {
                best = i;
            }
        }
        return best;
    }

    // ---------------------------------------------------------------------------------------
    // convolutions

    private static View src(Kernel.Convolution c) {
        return c.op().kind() == Op.Convolve.Kind.DATA ? c.out() : c.a();
    }

    private static View weights(Kernel.Convolution c) {
        return c.op().kind() == Op.Convolve.Kind.KERNEL ? c.out() : c.b();
    }

    private static View dst(Kernel.Convolution c) {
        return switch (c.op().kind()) {
            case FORWARD -> c.out();
            case DATA -> c.a();
            case KERNEL -> c.b();
        };
    }

    private static Primitive primitive(Kernel.Convolution c) {
        MemoryDesc s = image(src(c));
        MemoryDesc w = grouped(weights(c), c.op().groups());
        MemoryDesc d = image(dst(c));
        Primitive direct = primitive(c, left(s), w.any(), left(d));
        return direct.isReference() ? primitive(c, s.any(), w.any(), d.any()) : direct;
    }

    private static Supplier<Step> convolution(Kernel.Convolution c, boolean packed) {
        if (!isWithinReach(c.epilogue()) || !isSupported(c.out())) {
            return null;
        }
        View src = src(c);
        View weights = weights(c);
        View dst = dst(c);
        Primitive p = primitive(c);
        MemoryDesc s = image(src);
        MemoryDesc w = grouped(weights, c.op().groups());
        MemoryDesc d = image(dst);
        List<Operand> operands = new ArrayList<>();
        List<Copy> before = new ArrayList<>();
        List<Copy> after = new ArrayList<>();
        Role result =
                c.op().kind() == Op.Convolve.Kind.FORWARD
                        ? Role.DST
                        : c.op().kind() == Op.Convolve.Kind.DATA ? Role.SRC : Role.WEIGHTS;
        place(p, Role.SRC, src, s, result, operands, before, after);
        MemoryDesc lies = packed ? p.desc(Role.WEIGHTS) : w;
        place(p, Role.WEIGHTS, weights, lies, result, operands, before, after);
        bias(c.epilogue(), operands, before);
        place(p, Role.DST, dst, d, result, operands, before, after);
        c.epilogue()
                .addend()
                .ifPresent(
                        v -> place(p, Role.POST_OP, v, image(v), result, operands, before, after));
        return () -> new Sequence(call(p, c.epilogue()), operands, before, after);
    }

    private static Primitive primitive(
            Kernel.Convolution c, MemoryDesc src, MemoryDesc weights, MemoryDesc dst) {
        Direction direction =
                switch (c.op().kind()) {
                    case FORWARD -> Direction.FORWARD;
                    case DATA -> Direction.BACKWARD_DATA;
                    case KERNEL -> Direction.BACKWARD_WEIGHTS;
                };
        Convolution spec =
                Convolution.of(direction, src, weights, dst, window(c.op().windows()))
                        .attributes(
                                attributes(
                                        c.epilogue(),
                                        MemoryDesc.channelsLast(dst.type(), dst.dims())));
        Optional<MemoryDesc> bias =
                c.epilogue().bias().map(b -> MemoryDesc.dense(type(b.dtype()), b.sizes()));
        return OneDnn.get()
                .orElseThrow()
                .primitive(bias.isPresent() ? spec.bias(bias.get()) : spec);
    }

    /// An image, in oneDNN's words channels-last if it is so but for strides that nobody takes a step of.
    private static MemoryDesc image(View v) {
        MemoryDesc last = MemoryDesc.channelsLast(type(v.dtype()), v.sizes());
        long[] strides = last.strides().orElseThrow();
        for (int i = 0; i < v.rank(); i++) {
            if (v.sizes()[i] != 1 && v.strides()[i] != strides[i]) {
                return desc(v, v.rank());
            }
        }
        return last;
    }

    /// An image that is channels-last is used where it lies; any other is copied to the layout that the library chooses.
    private static MemoryDesc left(MemoryDesc image) {
        return image.equals(MemoryDesc.channelsLast(image.type(), image.dims()))
                ? image
                : image.any();
    }

    /// Uses the operand where it lies if the primitive takes it so, else through a copy.
    private static void place(
            Primitive p,
            Role role,
            View v,
            MemoryDesc lies,
            Role result,
            List<Operand> operands,
            List<Copy> before,
            List<Copy> after) {
        MemoryDesc wanted = p.desc(role);
        if (wanted.equals(lies)) {
            operands.add(new Operand(role, v));
        } else if (role == result) {
            after.add(
                    new Copy(
                            role,
                            v,
                            OneDnn.get().orElseThrow().primitive(Reorder.of(wanted, lies)),
                            wanted.bytes()));
        } else {
            before.add(
                    new Copy(
                            role,
                            v,
                            OneDnn.get().orElseThrow().primitive(Reorder.of(lies, wanted)),
                            wanted.bytes()));
        }
    }

    private static MemoryDesc grouped(View weights, long groups) {
        if (groups == 1) {
            return desc(weights, weights.rank());
        }
        long[] n = new long[weights.rank() + 1];
        long[] s = new long[n.length];
        System.arraycopy(weights.sizes(), 1, n, 2, n.length - 2);
        System.arraycopy(weights.strides(), 1, s, 2, n.length - 2);
        n[0] = groups;
        n[1] = weights.sizes()[0] / groups;
        s[1] = weights.strides()[0];
        s[0] = s[1] * n[1];
        return desc(new View(weights.buffer(), weights.dtype(), weights.offset(), n, s), n.length);
    }

    private static Window window(List<dev.nacre.ir.Window> windows) {
        return new Window(
                windows.stream().map(dev.nacre.ir.Window::stride).toList(),
                windows.stream().map(dev.nacre.ir.Window::dilation).toList(),
                windows.stream().map(dev.nacre.ir.Window::before).toList(),
                windows.stream().map(dev.nacre.ir.Window::after).toList());
    }

    // -----------------------------------------------------------------------------------------
    // execution

    /// An argument that lies in a buffer of the plan.
    private record Operand(Role role, View view) {}

    /// An argument that is copied from or to a buffer of the plan.
    private record Copy(Role role, View view, Primitive reorder, long bytes) {}

    /// Copies in, the primitive, copies out; with the memory they need.
    private static final class Sequence implements Step {
        private final List<Call> calls = new ArrayList<>();
        private final List<int[]> places = new ArrayList<>(); // call, slot, buffer
        private final List<Long> offsets = new ArrayList<>();
        private final List<MemorySegment> memory = new ArrayList<>();
        private final int[][] place;
        private final long[] offset;
        private final Call[] call;

        Sequence(Call main, List<Operand> operands, List<Copy> before, List<Copy> after) {
            Primitive p = main.primitive();
            for (Copy c : before) {
                Call in = added(c.reorder);
                bind(calls.size() - 1, in.primitive().slot(Role.SRC).orElseThrow(), c.view);
                long room = room(c.bytes);
                in.set(in.primitive().slot(Role.DST).orElseThrow(), room);
                main.set(p.slot(c.role).orElseThrow(), room);
            }
            calls.add(main);
            scratch(main);
            int at = calls.size() - 1;
            for (Operand o : operands) {
                bind(at, p.slot(o.role).orElseThrow(), o.view);
            }
            for (Copy c : after) {
                Call out = added(c.reorder);
                bind(calls.size() - 1, out.primitive().slot(Role.DST).orElseThrow(), c.view);
                long room = room(c.bytes);
                out.set(out.primitive().slot(Role.SRC).orElseThrow(), room);
                main.set(p.slot(c.role).orElseThrow(), room);
            }
            place = places.toArray(int[][]::new);
            offset = offsets.stream().mapToLong(o -> o).toArray();
            call = calls.toArray(Call[]::new);
        }

        private Call added(Primitive p) {
            Call c = p.call();
            calls.add(c);
            scratch(c);
            return c;
        }

        private void scratch(Call c) {
            long bytes = c.primitive().scratchpadBytes();
            if (bytes > 0) {
                c.set(c.primitive().slot(Role.SCRATCHPAD).orElseThrow(), room(bytes));
            }
        }

        private long room(long bytes) {
            MemorySegment m = Memory.allocate(bytes, "a library call");
            memory.add(m);
            return Memory.address(m);
        }

        private void bind(int call, int slot, View v) {
            places.add(new int[] {call, slot, v.buffer()});
            offsets.add(v.offset() * v.dtype().bytes());
        }

        @Override
        public void run(long[] addresses) {
            for (int i = 0; i < place.length; i++) {
                call[place[i][0]].set(place[i][1], addresses[place[i][2]] + offset[i]);
            }
            for (Call c : call) {
                c.run();
            }
        }
    }
}
