package dev.nacre.compile;

import dev.nacre.ir.Source;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;

/// A compiled graph: kernels in order and the layout of their memory. Thread-safe; each call in progress has a frame of its own, and frames are kept for the next
/// call, so that a repeated call allocates nothing. Where there are more callers than processors, they [take turns][Turns], with the frames that are still in the caches.
public final class Plan {
    /// Calls that are timed, so that short ones need not wait.
    private static final int TRIALS = 8;

    /// So much room for intermediate values is each frame's own: it is in the caches when the next call comes. More is [shared][Workspace] with other plans.
    private static final long LITTLE = 1 << 17;

    /// Measured, as means over plans of networks, rounded up; without what libraries compile, which the [backend][Backend.Executable#bytes] counts.
    private static final long LOOP_BYTES = 16 << 10;

    private static final long INSTANCE_BYTES = 2 << 10;

    private static final long PRODUCT_BYTES = 8 << 10;

    private static final long KERNEL_BYTES = 64 << 10;

    private final List<Kernel> kernels;
    private final List<Source> inputs;
    private final List<TensorType> outputs;
    private final long arenaBytes;
    private final Backend.Executable executable;
    private final List<String> places;
    private final ConcurrentLinkedDeque<Call> idle = new ConcurrentLinkedDeque<>();
    private final long ownBytes;
    private final LongAdder frameBytes = new LongAdder();
    private final Kept kept;
    private volatile Runnable forget = () -> {};
    private volatile long nanos = Long.MAX_VALUE; // the least that one of the first calls took
    private volatile int trials;

    Plan(
            List<Kernel> kernels,
            List<Source> inputs,
            List<TensorType> outputs,
            long arenaBytes,
            Backend.Executable executable,
            List<String> places) {
        this.kernels = List.copyOf(kernels);
        this.inputs = List.copyOf(inputs);
        this.outputs = List.copyOf(outputs);
        this.arenaBytes = arenaBytes;
        this.executable = executable;
        this.places = List.copyOf(places);
        this.ownBytes = this.kernels.stream().mapToLong(Plan::estimate).sum() + executable.bytes();
        this.kept = Kept.of(ownBytes, this::shrink, this::drop);
        kept.begin(); // last, as other threads see the plan from here on
    }

    /// What a kernel takes about, of the heap and of other memory: its description, generated code.
    private static long estimate(Kernel k) {
        return switch (k) {
            case Repeat r -> r.body().stream().mapToLong(Plan::estimate).sum();
            case Loop l -> LOOP_BYTES + INSTANCE_BYTES * l.instances().size();
            case Kernel.Product _, Kernel.Packed _ -> PRODUCT_BYTES;
            default -> KERNEL_BYTES;
        };
    }

    private void drop() {
        idle.clear();
        frameBytes.reset();
        forget.run();
    }

    /// Has whoever keeps this plan for its next use let go of it if there is too much that is kept ([Kept]).
    public Plan orForget(Runnable forget) {
        this.forget = forget;
        return this;
    }

    public List<Kernel> kernels() {
        return kernels;
    }

    /// The leaves' sources, in the order of the first entries of the address table.
    public List<Source> inputs() {
        return inputs;
    }

    public List<TensorType> outputs() {
        return outputs;
    }

    /// What it takes about, without frames.
    long ownBytes() {
        return ownBytes;
    }

    /// Bytes of intermediate values alive at the worst moment.
    public long arenaBytes() {
        return arenaBytes;
    }

    /// What one call needs: a table of addresses to fill in, and memory for intermediate values.
    public final class Call {
        private final Optional<MemorySegment> own; // a little room for intermediate values
        private final Backend.Frame frame;
        private final long[] addresses;
        private Workspace shared; // null: own, or none at the moment
        private boolean turn;
        private long begun;

        private Call() {
            long before = Memory.allocatedHere();
            own =
                    arenaBytes <= LITTLE
                            ? Optional.of(Memory.allocate(arenaBytes, "intermediate values"))
                            : Optional.empty();
            frame = executable.newFrame();
            addresses = new long[inputs.size() + outputs.size() + 1];
            own.ifPresent(m -> addresses[addresses.length - 1] = Memory.address(m));
            frameBytes.add(Memory.allocatedHere() - before);
            kept.resize(ownBytes + frameBytes.sum());
        }

        private void enter() {
            if (own.isEmpty()) {
                shared = Workspace.take(arenaBytes, Plan.this);
                addresses[addresses.length - 1] = shared.address();
            }
        }

        private void leave() {
            if (shared != null) {
                Workspace w = shared;
                shared = null;
                w.giveBack();
            }
        }

        /// Says where input i lies.
        public void input(int i, long address) {
            addresses[i] = address;
        }

        /// Says where output i is to be written.
        public void output(int i, long address) {
            addresses[inputs.size() + i] = address;
        }

        public void run() {
            frame.run(addresses);
        }

        /// As [run][#run()], and tells how long each of [Plan#kernels()] took.
        public void run(long[] nanos) {
            frame.run(addresses, nanos);
        }
    }

    /// A call to fill in and run; to be given back with [#end], whatever happens.
    public Call begin() {
        kept.touch();
        boolean turn = Turns.begin(nanos);
        try {
            Call c = idle.pollFirst();
            c = c != null ? c : new Call();
            c.enter();
            c.turn = turn;
            c.begun = trials < TRIALS ? System.nanoTime() : 0;
            return c;
        } catch (Throwable e) { // there is no memory for it
            end(turn);
            throw e;
        }
    }

    public void end(Call c) {
        if (c.begun != 0) {
            nanos = Math.min(nanos, System.nanoTime() - c.begun);
            trials++; // some calls may count as one
        }
        boolean turn = c.turn; // once it is idle another thread may have it
        try {
            c.leave();
            idle.addFirst(c);
        } finally {
            end(turn);
        }
    }

    private static void end(boolean turn) {
        if (turn) {
            Turns.end();
        }
    }

    /// Releases the memory kept for further calls.
    private void shrink() {
        idle.clear();
        frameBytes.reset();
        kept.resize(ownBytes);
    }

    /// The plan in words: each kernel with its points, what it computes, the bytes it moves at least and its multiplications and additions.
    public String explain() {
        StringBuilder out = new StringBuilder();
        long bytes = 0;
        double flops = 0;
        for (int i = 0; i < kernels.size(); i++) {
            Kernel k = kernels.get(i);
            bytes += traffic(k);
            flops += flops(k);
            describe(k, String.format(Locale.ROOT, "%3d  ", i), place(i), out);
        }
        out.append(
                String.format(
                        Locale.ROOT,
                        "%d kernels, %s moved, %.3g flop, arena %s%n",
                        kernels.size(),
                        Memory.text(bytes),
                        flops,
                        Memory.text(arenaBytes)));
        return out.toString();
    }

    /// Where in the user's program a kernel comes from, in brackets; empty if it was not compiled to be explained ([dev.nacre.ir.Places]).
    String place(int kernel) {
        return places.isEmpty() || places.get(kernel).isEmpty()
                ? ""
                : "  [" + places.get(kernel) + "]";
    }

    private static void describe(Kernel k, String margin, String place, StringBuilder out) {
        String format = "%s%-12s %-22s %s%s%n";
        out.append(String.format(Locale.ROOT, format, margin, k.name(), points(k), what(k), place));
        if (k instanceof Repeat r) {
            String further = " ".repeat(margin.length()) + "| ";
            r.body().forEach(inner -> describe(inner, further, "", out));
        }
    }

    static String points(Kernel k) {
        if (k instanceof Repeat r) {
            return r.steps() + " steps";
        }
        if (k instanceof Loop l) {
            String first = Arrays.toString(l.instances().getFirst().extents());
            return l.instances().size() == 1 ? first : l.instances().size() + " tensors";
        }
        View v = k instanceof Kernel.Pack p ? p.product().b() : k.writes().getFirst();
        return Arrays.toString(v.sizes());
    }

    static String what(Kernel k) {
        return switch (k) {
            case Loop l -> l.program().summary();
            case Repeat r ->
                    r.body().size()
                            + (r.body().size() == 1 ? " kernel" : " kernels")
                            + (r.halt().isPresent() ? ", until told to stop" : "");
            case Kernel.Pack p -> p.product().b().dtype() + " for " + p.product().name();
            case Kernel.Packed p -> what(p.product()) + ", packed";
            case Kernel.Contraction c ->
                    c.a().dtype()
                            + " k="
                            + c.a().sizes()[c.a().rank() - 1]
                            + epilogue(c.epilogue());
            case Kernel.Convolution c ->
                    c.a().dtype()
                            + " "
                            + c.op().windows()
                            + order(c.b())
                            + order(c.out())
                            + epilogue(c.epilogue());
            case Kernel.Call c ->
                    c.in().stream().map(v -> v.dtype().toString()).collect(Collectors.joining(", "))
                            + order(c.out().getFirst());
            case Kernel.Indexed x -> "axis " + x.axis();
            case Kernel.Ordered o -> o.op().toString();
            case Kernel.Random _ -> "philox";
        };
    }

    private static String order(View v) {
        return v.rank() > 2 && v.strides()[1] == 1 && !v.isDense() ? " channels last" : "";
    }

    private static String epilogue(Kernel.Epilogue e) {
        return (e.bias().isPresent() ? " + bias" : "")
                + (e.addend().isPresent() ? " + tensor" : "")
                + e.activation().map(a -> " " + a.name().toLowerCase(Locale.ROOT)).orElse("");
    }

    /// Bytes that a kernel moves at least.
    static long traffic(Kernel k) {
        long sum = 0;
        if (k instanceof Repeat r) {
            return r.steps() * r.body().stream().mapToLong(Plan::traffic).sum();
        }
        for (List<View> side : List.of(k.reads(), k.writes())) {
            for (View v : side) {
                long n = 1;
                for (int i = 0; i < v.rank(); i++) {
                    n *= v.strides()[i] == 0 ? 1 : v.sizes()[i];
                }
                sum += n * v.dtype().bytes();
            }
        }
        return sum;
    }

    /// Multiplications and additions.
    static double flops(Kernel k) {
        return switch (k) {
            case Loop l ->
                    (double) l.program().operations()
                            * l.instances().stream().mapToLong(Loop.Instance::points).sum();
            case Repeat r -> r.steps() * r.body().stream().mapToDouble(Plan::flops).sum();
            case Kernel.Packed p -> flops(p.product());
            case Kernel.Contraction c -> c.flops();
            case Kernel.Convolution c -> {
                View w = c.op().kind() == dev.nacre.ir.Op.Convolve.Kind.KERNEL ? c.out() : c.b();
                View y =
                        c.op().kind() == dev.nacre.ir.Op.Convolve.Kind.FORWARD
                                ? c.out()
                                : c.op().kind() == dev.nacre.ir.Op.Convolve.Kind.DATA
                                        ? c.a()
                                        : c.b();
                yield 2.0 * y.count() * w.count() / w.sizes()[0];
            }
            case Kernel.Pack _,
                    Kernel.Call _,
                    Kernel.Indexed _,
                    Kernel.Ordered _,
                    Kernel.Random _ ->
                    0;
        };
    }
}
