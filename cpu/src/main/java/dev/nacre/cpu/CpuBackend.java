package dev.nacre.cpu;

import dev.nacre.compile.Backend;
import dev.nacre.compile.Kernel;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Repeat;
import dev.nacre.cpu.attention.FlashAttention;
import dev.nacre.cpu.kernels.JavaKernels;
import dev.nacre.cpu.loops.LoopRunner;
import dev.nacre.cpu.loops.VectorSupport;
import dev.nacre.cpu.onednn.Compiled;
import dev.nacre.cpu.winograd.Winograd;
import dev.nacre.ir.Op;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/// The CPU: loops as generated code, products and convolutions by oneDNN where it is there, everything else in Java.
public final class CpuBackend implements Backend {
    /// For the service loader.
    public CpuBackend() {}

    /// Width of the vectors that loops use; empty where the Vector API is absent or switched off.
    public static OptionalInt vectorBits() {
        return VectorSupport.isPresent()
                ? OptionalInt.of(VectorSupport.bits())
                : OptionalInt.empty();
    }

    /// Whether loops are machine code of our own, not bytecode.
    public static boolean isMachineCode() {
        return VectorSupport.isMachineCode();
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public int priority() {
        return 0;
    }

    @Override
    public boolean claims(Op.Fused op, List<TensorType> operands) {
        return JavaKernels.claims(op, operands) || FlashAttention.claims(op, operands);
    }

    @Override
    public boolean prefersChannelsLast(DType type) {
        return OneDnnKernels.takes(type);
    }

    @Override
    public Optional<Packing> packing(Kernel.Product asked) {
        Kernel.Product product = PlainConvolution.bounded(asked);
        return Winograd.of(product).map(Winograd::packing).or(() -> OneDnnKernels.packing(product));
    }

    @Override
    public Executable prepare(List<Kernel> kernels) {
        Missing.warnOfDenial();
        return new CpuExecutable(
                Compiled.during(() -> kernels.stream().map(CpuBackend::prepare).toList()));
    }

    private record CpuExecutable(Compiled<List<Supplier<Step>>> prepared) implements Executable {
        @Override
        public Frame newFrame() {
            return new CpuFrame(prepared.result().stream().map(Supplier::get).toArray(Step[]::new));
        }

        @Override
        public long bytes() {
            return prepared.bytes();
        }
    }

    /// Makes a kernel ready: gives the steps of as many frames as there will be.
    private static Supplier<Step> prepare(Kernel kernel) {
        return switch (kernel) {
            case Loop loop -> OneDnnKernels.prepare(loop).orElseGet(() -> loop(loop));
            case Kernel.Pack p ->
                    pack(new Kernel.Pack(PlainConvolution.bounded(p.product()), p.out()));
            case Kernel.Packed p -> packed(PlainConvolution.bounded(p.product()));
            case Kernel.Product p -> {
                Missing.warnOfOneDnn();
                Missing.warnOfBf16(kernel);
                Kernel.Product product = PlainConvolution.bounded(p);
                yield product instanceof Kernel.Convolution c && OneDnnKernels.takes(c.a().dtype())
                        ? PlainConvolution.unrepeated(c, CpuBackend::product)
                        : product(product);
            }
            case Repeat repeat -> {
                List<Supplier<? extends Step>> body = new ArrayList<>();
                repeat.body().forEach(k -> body.add(prepareInside(k, repeat)));
                yield () ->
                        new RepeatStep(
                                repeat, body.stream().map(Supplier::get).toArray(Step[]::new));
            }
            case Kernel.Call call when FlashAttention.isAttention(call.what()) ->
                    FlashAttention.prepare(call);
            case Kernel.Call call ->
                    PoolingLoops.of(call)
                            .map(loops -> inTurn(loops.stream().map(CpuBackend::loop).toList()))
                            .orElseGet(() -> JavaKernels.prepare(call));
            case Kernel.Indexed _, Kernel.Ordered _, Kernel.Random _ -> JavaKernels.prepare(kernel);
        };
    }

    private static Supplier<Step> pack(Kernel.Pack p) {
        return Winograd.of(p.product())
                .map(w -> w.pack(p.out()))
                .or(() -> OneDnnKernels.prepare(p))
                .orElseThrow();
    }

    private static Supplier<Step> packed(Kernel.Product product) {
        Optional<Supplier<Step>> winograd = Winograd.of(product).map(w -> w.step(product.b()));
        return winograd.orElseGet(() ->
                product instanceof Kernel.Convolution c
                        ? PlainConvolution.unrepeated(c, CpuBackend::packedByOneDnn)
                        : packedByOneDnn(product));
    }

    private static Supplier<Step> packedByOneDnn(Kernel.Product product) {
        return OneDnnKernels.prepare(new Kernel.Packed(product)).orElseThrow();
    }

    private static Supplier<Step> product(Kernel.Product product) {
        return Winograd.prepare(product)
                .or(() -> PatchGradient.prepare(product))
                .or(() -> OneDnnKernels.prepare(product))
                .or(() -> Parts.withoutAddend(product).map(p -> inTwo(prepare(p.kernel()), p)))
                .orElseGet(() -> JavaKernels.prepare(product));
    }

    /// The same for a kernel of a loop's body.
    private static Supplier<? extends Step> prepareInside(Kernel kernel, Repeat loop) {
        if (kernel instanceof Kernel.Contraction c
                && loop.steps() > 1
                && loop.isFixed(c.b().buffer())
                && PackedProduct.of(c).orElse(null) instanceof Supplier<PackedProduct> packed) {
            return packed;
        }
        return prepare(kernel);
    }

    private static Supplier<Step> loop(Loop loop) {
        Missing.warnOfVectors();
        LoopRunner runner = LoopRunner.of(loop);
        return () -> runner.newRun()::run;
    }

    private static Supplier<Step> inTurn(List<Supplier<Step>> prepared) {
        return () -> {
            Step[] steps = prepared.stream().map(Supplier::get).toArray(Step[]::new);
            return addresses -> {
                for (Step s : steps) {
                    s.run(addresses);
                }
            };
        };
    }

    private static Supplier<Step> inTwo(Supplier<Step> first, Parts parts) {
        return inTurn(List.of(first, loop(parts.loop())));
    }

    /// One call in progress.
    private static final class CpuFrame implements Frame, Runnable {
        private final Step[] steps;
        private long[] addresses = {};

        CpuFrame(Step[] steps) {
            this.steps = steps;
        }

        @Override
        public void run(long[] addresses) {
            this.addresses = addresses;
            Team.get().enter(this);
        }

        @Override
        public void run() {
            for (Step s : steps) {
                s.run(addresses);
            }
        }

        @Override
        public void run(long[] addresses, long[] nanos) {
            Team.get()
                    .enter(() -> {
                        long before = System.nanoTime();
                        for (int i = 0; i < steps.length; i++) {
                            steps[i].run(addresses);
                            long now = System.nanoTime();
                            nanos[i] = now - before;
                            before = now;
                        }
                    });
        }
    }
}
