package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.View;
import dev.nacre.cpu.kernels.Room;
import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.BlockProducts;
import dev.nacre.ir.Op;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// The gradient of a kernel of many channels, `out[o, c, i, j] = Σ g[n, o, y, x] · image[n, c, s·y + i − top, s·x + j − left]`, as one product for some channels of the image:
///
///     out[o, (c, i, j)] = Σ gᵀ[o, (n, y, x)] · patches[(n, y, x), (i, j, c)]
///
/// A part copies the patches of its channels, as many images at a time as stay in the second cache, and writes its product, turned, where it belongs. Which parts there are does not depend on
/// the number of threads.
public final class PatchGradient implements Step {
    /// Channels of a part.
    private static final int CHANNELS = 32;

    /// What patches take at a time.
    private static final long BYTES = 1 << 19;

    /// Fewer outputs are not worth the copies; of fewer channels there are too few parts; with more positions oneDNN's own is as fast.
    private static final long LEAST_OUTPUTS = 256;

    private static final long LEAST_CHANNELS = 128;
    private static final long MOST_POSITIONS = 2048;

    /// Each is two views of one loop.
    private static final long MOST_TAPS = 25;

    private final View image;
    private final View gradient;
    private final View out;
    private final List<Window> windows;
    private final DType type;
    private final int taps;
    private final long positions; // of one image
    private final int together; // images at a time
    private final Room room = new Room();
    private final long patches;
    private final long sums;
    private final List<Member> members = new ArrayList<>();
    private final Team.MemberWork part = (k, m) -> members.get(m).run(k);
    private long[] addresses = {};

    private PatchGradient(Kernel.Convolution c) {
        image = c.a();
        gradient = c.b();
        out = c.out();
        windows = c.op().windows();
        type = image.dtype();
        taps = (int) (out.sizes()[2] * out.sizes()[3]);
        positions = gradient.sizes()[2] * gradient.sizes()[3];
        together = together();
        patches = room.take(together * positions * row() * type.bytes());
        sums = room.take(gradient.sizes()[1] * row() * DType.F32.bytes());
        for (int i = 0; i < Team.get().size(); i++) members.add(new Member());
    }

    /// The steps of a kernel's gradient, if it is one for this.
    public static Optional<Supplier<Step>> prepare(Kernel.Product product) {
        return product instanceof Kernel.Convolution c
                        && c.op().kind() == Op.Convolve.Kind.KERNEL
                        && takes(c)
                ? Optional.of(() -> new PatchGradient(c))
                : Optional.empty();
    }

    private static boolean takes(Kernel.Convolution c) {
        long[] g = c.b().sizes();
        return c.op().groups() == 1
                && c.op().windows().size() == 2
                && c.a().dtype() == c.b().dtype()
                && BlockProducts.support(c.a().dtype())
                && c.a().strides()[1] == 1
                && isChannelsLast(c.b())
                && c.a().sizes()[1] % CHANNELS == 0
                && c.a().sizes()[1] >= LEAST_CHANNELS
                && g[1] >= LEAST_OUTPUTS
                && g[0] > 0
                && c.out().sizes()[2] * c.out().sizes()[3] <= MOST_TAPS
                && g[0] * g[2] * g[3] <= MOST_POSITIONS;
    }

    /// In every stride, also of a single image.
    private static boolean isChannelsLast(View v) {
        long[] n = v.sizes();
        long[] s = v.strides();
        return s[1] == 1 && s[3] == n[1] && s[2] == n[3] * s[3] && s[0] == n[2] * s[2];
    }

    /// As many images as stay in the cache, so that there is no rest.
    private int together() {
        long images = gradient.sizes()[0];
        long most = Math.clamp(BYTES / (positions * row() * type.bytes()), 1, images);
        while (images % most != 0) most--;
        return (int) most;
    }

    /// Elements of a patch.
    private long row() {
        return (long) taps * CHANNELS;
    }

    @Override
    public void run(long[] addresses) {
        this.addresses = addresses;
        Team.get().run((int) (image.sizes()[1] / CHANNELS), part);
    }

    /// What a thread needs.
    private final class Member {
        private final List<Tap> copies = new ArrayList<>();
        private final BlockLoop turn = turn();
        private final BlockProducts.Sum product = product();

        Member() {
            for (int i = 0; i < out.sizes()[2]; i++)
                for (int j = 0; j < out.sizes()[3]; j++) {
                    var tap = new Tap(i, j);
                    if (tap.copy.isPresent()) copies.add(tap);
                }
        }

        private BlockProducts.Sum product() {
            long outputs = gradient.sizes()[1];
            var g = BlockProducts.matrix(type, together * positions, outputs, outputs);
            var p = BlockProducts.matrix(type, together * positions, row(), row());
            return BlockProducts.Sum.of(g.transpose(0, 1), p, row());
        }

        /// To where the result wants them: views 0 to taps − 1 are the sums, the others the result.
        private BlockLoop turn() {
            long[] s = out.strides();
            var loop = new BlockLoop.Builder(out.sizes()[0], CHANNELS);
            var values = new int[taps];
            for (int t = 0; t < taps; t++) values[t] = loop.load(DType.F32, row(), 1);
            for (int t = 0; t < taps; t++) loop.store(values[t], out.dtype(), s[0], s[1]);
            return loop.build();
        }

        void run(int part) {
            long channel = (long) part * CHANNELS;
            try (var scratch = Scratch.take(room.bytes())) {
                long at = scratch.address();
                scratch.clear(patches, together * positions * row() * type.bytes());
                for (long first = 0; first < image.sizes()[0]; first += together) {
                    long from =
                            image.address(addresses)
                                    + (first * image.strides()[0] + channel) * type.bytes();
                    for (var tap : copies) tap.run(from, at + patches);
                    multiply(first, at);
                }
                for (int i = 0, t = 0; i < out.sizes()[2]; i++)
                    for (int j = 0; j < out.sizes()[3]; j++, t++) {
                        long[] s = out.strides();
                        long to = channel * s[1] + i * s[2] + j * s[3];
                        turn.at(t, at + sums + (long) t * CHANNELS * DType.F32.bytes());
                        turn.at(taps + t, out.address(addresses) + to * out.dtype().bytes());
                    }
                turn.run();
            }
        }

        private void multiply(long first, long at) {
            long from = gradient.address(addresses) + first * gradient.strides()[0] * type.bytes();
            try (var pad = Scratch.take(product.scratchpadBytes())) {
                product.run(first == 0, from, at + patches, at + sums, pad.address());
            }
        }
    }

    /// The pixels of all patches that lie at one place in them. Those outside of the image stay zero.
    private final class Tap {
        private final Optional<BlockLoop> copy;
        private final long from;
        private final long to;

        Tap(int i, int j) {
            Window down = windows.get(0);
            Window across = windows.get(1);
            long[] s = image.strides();
            long y = first(down, i);
            long x = first(across, j);
            long rows = end(down, i, image.sizes()[2], gradient.sizes()[2]) - y;
            long columns = end(across, j, image.sizes()[3], gradient.sizes()[3]) - x;
            long width = gradient.sizes()[3];
            from = offset(down, i, y) * s[2] + offset(across, j, x) * s[3];
            to = (y * width + x) * row() + (i * out.sizes()[3] + j) * CHANNELS;
            if (rows <= 0 || columns <= 0) {
                copy = Optional.empty();
                return;
            }
            var loop = new BlockLoop.Builder(together, rows, columns, CHANNELS);
            int pixel = loop.load(type, s[0], down.stride() * s[2], across.stride() * s[3], 1);
            loop.store(pixel, type, positions * row(), width * row(), row(), 1);
            copy = Optional.of(loop.build());
        }

        /// Where a tap of the patch at a position lies in the image.
        private static long offset(Window w, int tap, long position) {
            return w.stride() * position + w.dilation() * tap - w.before();
        }

        /// The first position whose tap lies in the image.
        private static long first(Window w, int tap) {
            return Math.max(0, Math.ceilDiv(-offset(w, tap, 0), w.stride()));
        }

        /// The position after the last one whose tap lies in the image.
        private static long end(Window w, int tap, long size, long positions) {
            return Math.min(positions, Math.ceilDiv(size - offset(w, tap, 0), w.stride()));
        }

        void run(long from, long to) {
            copy.orElseThrow()
                    .at(0, from + this.from * type.bytes())
                    .at(1, to + this.to * type.bytes())
                    .run();
        }
    }
}
