package dev.nacre.cpu.winograd;

import dev.nacre.compile.Backend;
import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import dev.nacre.cpu.CpuBackend;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.Call;
import dev.nacre.cpu.onednn.DataType;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.OneDnnException;
import dev.nacre.cpu.onednn.Primitive;
import dev.nacre.cpu.onednn.Reorder;
import dev.nacre.cpu.onednn.Slot.Role;
import dev.nacre.cpu.onednn.Solo;
import dev.nacre.ir.Op;
import dev.nacre.type.DType;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

/// Which convolutions are computed so, and their steps.
///
/// Taken are f32 convolutions by 3×3 with stride 1 of channels-last images, and the gradients of their data; with enough channels and outputs, and enough
/// tiles that the weights, 16/9 of the plain ones, are worth reading; and where loops are machine code (elsewhere it has not been measured). Weights that stay the same are transformed once, others in each call.
/// Rounding errors are about those of the plain sum.
public final class Winograd {
    /// With fewer channels, moving the tiles costs more of what the products save.
    private static final long LEAST_CHANNELS = 32;

    /// Where edges waste more, and the plain sum need not multiply by padding, it is the faster.
    private static final double MOST_MULTIPLICATIONS = 0.55;

    /// With fewer tiles, transforming the weights in each call costs what the products save.
    private static final long LEAST_TILES = 256;

    /// With fewer tiles, transforming the sums back costs more of what the products of a kernel's gradient save.
    private static final long LEAST_TILES_OF_GRADIENT = 128;

    private final Correlation c;
    private final Tiling tiling;
    private final MemoryDesc weights;

    private record Form(MemoryDesc weights) {}

    private Winograd(Correlation c, Tiling tiling, MemoryDesc weights) {
        this.c = c;
        this.tiling = tiling;
        this.weights = weights;
    }

    /// The convolution with weights that stay the same, if it is one of these.
    public static Optional<Winograd> of(Kernel.Product product) {
        return product instanceof Kernel.Convolution k
                ? Correlation.of(k).filter(Winograd::fits).flatMap(Winograd::of)
                : Optional.empty();
    }

    /// The steps of a convolution with weights that change, or of a kernel's gradient, if it is one of these.
    public static Optional<Supplier<Step>> prepare(Kernel.Product product) {
        if (product instanceof Kernel.Convolution c && c.op().kind() == Op.Convolve.Kind.KERNEL)
            return gradient(c);
        return of(product).filter(w -> w.tiling.allTiles() >= LEAST_TILES).map(Winograd::step);
    }

    private static Optional<Supplier<Step>> gradient(Kernel.Convolution c) {
        if (!Correlation.isPlain(c.op())
                || c.out().dtype() != DType.F32
                || !fits(Stream.of(c.a(), c.b()), c.a().sizes()[1], c.b().sizes()[1]))
            return Optional.empty();
        long[] s = c.b().sizes();
        var t = new Tiling((int) s[0], (int) s[2], (int) s[3], 1, 1, 1);
        if (t.allTiles() < LEAST_TILES_OF_GRADIENT || t.multiplications() > MOST_MULTIPLICATIONS)
            return Optional.empty();
        try {
            return KernelGradient.isSupported(c)
                    ? Optional.of(() -> new KernelGradient(c))
                    : Optional.empty();
        } catch (OneDnnException e) {
            return Optional.empty();
        }
    }

    private static Optional<Winograd> of(Correlation c) {
        var t = Tiling.of(c);
        if (t.tiles() < Tiling.LEAST || t.multiplications() > MOST_MULTIPLICATIONS)
            return Optional.empty();
        try {
            var open = MemoryDesc.any(DataType.F32, 16, c.channels(), c.outputs());
            var solo = products(c, t.tiles(), open);
            return solo.isReference()
                    ? Optional.empty()
                    : Optional.of(new Winograd(c, t, solo.weights()));
        } catch (OneDnnException e) {
            return Optional.empty();
        }
    }

    private static boolean fits(Correlation c) {
        var images = Stream.concat(Stream.of(c.image(), c.out()), c.epilogue().addend().stream());
        return c.kernel().dtype() == DType.F32 && fits(images, c.channels(), c.outputs());
    }

    private static boolean fits(Stream<View> images, long channels, long outputs) {
        return OneDnn.get().isPresent()
                && CpuBackend.isMachineCode()
                && channels >= LEAST_CHANNELS
                && outputs >= LEAST_CHANNELS
                && images.allMatch(v -> v.dtype() == DType.F32 && v.isChannelsLast());
    }

    /// The 16 products of so many tiles.
    static Solo products(Correlation c, int tiles, MemoryDesc weights) {
        return OneDnn.get()
                .orElseThrow()
                .solo(
                        MatMul.of(
                                sixteen(tiles, c.channels()),
                                weights,
                                sixteen(tiles, c.outputs())));
    }

    private static MemoryDesc sixteen(int tiles, long channels) {
        return MemoryDesc.strided(
                DataType.F32,
                new long[] {16, tiles, channels},
                new long[] {apart(tiles, channels), channels, 1});
    }

    /// Elements from one of the 16 to the next: not a multiple of 4 KiB, where they would get in each other's way in the caches.
    static long apart(int tiles, long channels) {
        return Math.ceilDiv(tiles * channels, 1024) * 1024 + 16;
    }

    /// How the transformed weights lie.
    public Backend.Packing packing() {
        return new Backend.Packing(new Form(weights), weights.bytes());
    }

    /// The convolution with transformed weights.
    ///
    /// @param packed where they lie
    public Supplier<Step> step(View packed) {
        return () -> {
            var tiles = new Tiles(c, tiling, weights, new PlainTiles(c, weights, plain()));
            return addresses -> tiles.run(addresses, addresses[packed.buffer()]);
        };
    }

    /// The convolution with weights as they are.
    public Supplier<Step> step() {
        var reorder = reorder();
        return () -> {
            var transform = new Transform(reorder);
            var tiles = new Tiles(c, tiling, weights, new PlainTiles(c, weights, plain()));
            return addresses -> {
                try (var scratch = Scratch.take(weights.bytes())) {
                    transform.run(addresses, scratch.address());
                    tiles.run(addresses, scratch.address());
                }
            };
        };
    }

    /// Transforms the weights.
    ///
    /// @param out where to
    public Supplier<Step> pack(View out) {
        var reorder = reorder();
        return () -> {
            var transform = new Transform(reorder);
            return addresses -> transform.run(addresses, addresses[out.buffer()]);
        };
    }

    private MemoryDesc plain() {
        return MemoryDesc.strided(
                DataType.F32,
                new long[] {16, c.channels(), c.outputs()},
                new long[] {c.channels() * c.outputs(), 1, c.channels()});
    }

    private Primitive reorder() {
        return OneDnn.get().orElseThrow().primitive(Reorder.of(plain(), weights));
    }

    /// The way of the weights.
    private final class Transform {
        private final BlockLoop loop;
        private final Primitive reorder;
        private final Call call;

        Transform(Primitive reorder) {
            long[] s = c.kernel().strides();
            this.loop = Transforms.kernel(c.outputs(), c.channels(), s[0], s[1]);
            this.reorder = reorder;
            this.call = reorder.call();
        }

        void run(long[] addresses, long to) {
            long[] s = c.kernel().strides();
            long origin = addresses[c.kernel().buffer()] + 4 * c.kernel().offset();
            try (var plain = Scratch.take(plain().bytes());
                    var scratch = Scratch.take(reorder.scratchpadBytes())) {
                for (int i = 0; i < 9; i++) loop.at(i, origin + 4 * (i % 3 * s[2] + i / 3 * s[3]));
                Transforms.planes(loop, 9, plain.address(), c.channels() * c.outputs());
                loop.run();
                call.set(reorder.slot(Role.SRC).orElseThrow(), plain.address());
                call.set(reorder.slot(Role.DST).orElseThrow(), to);
                reorder.slot(Role.SCRATCHPAD).ifPresent(p -> call.set(p, scratch.address()));
                call.run();
            }
        }
    }
}
