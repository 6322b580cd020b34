package dev.nacre.cpu.winograd;

import dev.nacre.compile.Backend;
import dev.nacre.compile.Kernel;
import dev.nacre.compile.Memory;
import dev.nacre.compile.View;
import dev.nacre.cpu.CpuBackend;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.onednn.DataType;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.OneDnnException;
import dev.nacre.cpu.onednn.Reorder;
import dev.nacre.cpu.onednn.Slot.Role;
import dev.nacre.cpu.onednn.Solo;
import dev.nacre.ir.Op;
import dev.nacre.ir.Unary;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// Which convolutions are computed so, and their steps.
///
/// Taken are f32 convolutions by 3×3 with stride 1 of channels-last images, whose weights stay the same, so that they are transformed once; with at least 64 channels and outputs, and enough
/// tiles that the weights, 16/9 of the plain ones, are worth reading; and where loops are machine code (elsewhere it has not been measured).
/// Rounding errors are about those of the plain sum.
public final class Winograd {
    /// With fewer channels, moving the tiles costs more of what the products save.
    private static final long LEAST_CHANNELS = 64;

    /// Where edges waste more, and the plain sum need not multiply by padding, it is the faster.
    private static final double MOST_MULTIPLICATIONS = 0.55;

    private final Kernel.Convolution c;
    private final Tiling tiling;
    private final MemoryDesc weights;

    private record Form(MemoryDesc weights) {}

    private Winograd(Kernel.Convolution c, Tiling tiling, MemoryDesc weights) {
        this.c = c;
        this.tiling = tiling;
        this.weights = weights;
    }

    /// The convolution, if it is one of these.
    public static Optional<Winograd> of(Kernel.Product product) {
        if (!(product instanceof Kernel.Convolution c) || !fits(c)) return Optional.empty();
        var t =
                Tiling.of(
                        (int) c.out().sizes()[0],
                        (int) c.out().sizes()[2],
                        (int) c.out().sizes()[3],
                        c.a().sizes()[1],
                        c.out().sizes()[1]);
        if (t.tiles() < Tiling.LEAST || t.multiplications() > MOST_MULTIPLICATIONS)
            return Optional.empty();
        try {
            var open = MemoryDesc.any(DataType.F32, 16, c.a().sizes()[1], c.out().sizes()[1]);
            var solo = products(c, t.tiles(), open);
            return solo.isReference()
                    ? Optional.empty()
                    : Optional.of(new Winograd(c, t, solo.weights()));
        } catch (OneDnnException e) {
            return Optional.empty();
        }
    }

    private static boolean fits(Kernel.Convolution c) {
        return OneDnn.get().isPresent()
                && CpuBackend.isMachineCode()
                && c.op().kind() == Op.Convolve.Kind.FORWARD
                && c.op().groups() == 1
                && c.out().rank() == 4
                && c.op().windows().stream().allMatch(Winograd::isPlain)
                && c.b().sizes()[0] >= LEAST_CHANNELS
                && c.b().sizes()[1] >= LEAST_CHANNELS
                && c.reads().stream().allMatch(v -> v.dtype() == DType.F32)
                && c.a().isChannelsLast()
                && c.out().isChannelsLast()
                && c.epilogue().addend().map(View::isChannelsLast).orElse(true);
    }

    private static boolean isPlain(Window w) {
        return w.size() == 3 && w.stride() == 1 && w.dilation() == 1;
    }

    static Unary function(Kernel.Activation a) {
        return switch (a) {
            case RELU -> Unary.RELU;
            case SIGMOID -> Unary.SIGMOID;
            case TANH -> Unary.TANH;
        };
    }

    /// The 16 products of so many tiles.
    static Solo products(Kernel.Convolution c, int tiles, MemoryDesc weights) {
        long in = c.a().sizes()[1];
        long out = c.out().sizes()[1];
        return OneDnn.get()
                .orElseThrow()
                .solo(MatMul.of(sixteen(tiles, in), weights, sixteen(tiles, out)));
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
    public Supplier<Step> step() {
        return () -> new Tiles(c, tiling, weights);
    }

    /// Transforms the weights.
    ///
    /// @param out where to
    public Supplier<Step> pack(View out) {
        long channels = c.a().sizes()[1];
        long outputs = c.out().sizes()[1];
        var lies =
                MemoryDesc.strided(
                        DataType.F32,
                        new long[] {16, channels, outputs},
                        new long[] {channels * outputs, 1, channels});
        var reorder = OneDnn.get().orElseThrow().primitive(Reorder.of(lies, weights));
        var from = c.b();
        return () -> {
            var loop = Transforms.kernel(outputs, channels, from.strides()[0], from.strides()[1]);
            var call = reorder.call();
            return addresses -> {
                var room = Memory.allocate(lies.bytes(), "transformed weights");
                var scratch = Memory.allocate(reorder.scratchpadBytes(), "a library call");
                long origin = addresses[from.buffer()] + 4 * from.offset();
                for (int i = 0; i < 9; i++)
                    loop.at(
                            i,
                            origin + 4 * (i % 3 * from.strides()[2] + i / 3 * from.strides()[3]));
                for (int k = 0; k < 16; k++)
                    loop.at(9 + k, room.address() + 4 * k * channels * outputs);
                loop.run();
                call.set(reorder.slot(Role.SRC).orElseThrow(), room.address());
                call.set(reorder.slot(Role.DST).orElseThrow(), addresses[out.buffer()]);
                reorder.slot(Role.SCRATCHPAD).ifPresent(s -> call.set(s, scratch.address()));
                call.run();
                java.lang.ref.Reference.reachabilityFence(List.of(room, scratch));
            };
        };
    }
}
