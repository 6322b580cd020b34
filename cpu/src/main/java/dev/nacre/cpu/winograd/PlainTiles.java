package dev.nacre.cpu.winograd;

import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.Reorder;
import dev.nacre.cpu.onednn.Slot.Role;
import java.util.Arrays;

/// Tiles with pixels that are not finite, by the plain sum. The transforms subtract pixels from each other, so of one infinity they make NaN of all four results of a tile, also of those that
/// do not see that pixel, and of those that should be infinite.
final class PlainTiles {
    private static final long FLOAT = 4;

    /// Of the 16 products those which together have each pixel of a patch once. What is not finite in a pixel is not finite in one of them, for any output.
    private static final int[] COVER = {0, 3, 12, 15};

    private final int channels;
    private final int outputs;
    private final MemoryDesc form;
    private final MemoryDesc planes;
    private float[] kernel = {}; // [tap, channel, output], of this run; empty: not needed yet

    /// @param form of the transformed weights
    /// @param planes of the same, 16 matrices `[channels, outputs]`, whose columns are dense
    PlainTiles(Correlation c, MemoryDesc form, MemoryDesc planes) {
        this.channels = Math.toIntExact(c.channels());
        this.outputs = Math.toIntExact(c.outputs());
        this.form = form;
        this.planes = planes;
    }

    /// Ends a run: the next one may have other weights.
    synchronized void forget() {
        kernel = new float[0];
    }

    /// Whether the products of some tiles are finite, as far as they are looked at.
    ///
    /// @param at of the first tile's products of the first output
    /// @param outputs from one tile to the next
    /// @param apart elements from one of the 16 products to the next
    static boolean areFinite(long at, int tiles, long outputs, long apart) {
        float sum = 0;
        for (int k : COVER) {
            long first = at + FLOAT * k * apart;
            for (int i = 0; i < tiles; i++) sum += 0 * Memory.f32(first + FLOAT * i * outputs);
        }
        return sum == 0;
    }

    /// Puts products there which the transform that follows makes the right results of: each of these is one product, and the other twelve are 0.
    ///
    /// @param weights where the transformed weights lie
    /// @param pixels where the patch begins
    /// @param row elements from one row of pixels to the next
    /// @param at of the tile's products of the first output
    void replace(long weights, long pixels, long row, long at, long apart) {
        float[] taps = kernel(weights);
        float[] sum = new float[outputs];
        for (int k = 0; k < 16; k++) put(sum, 1, at + FLOAT * k * apart);
        for (int y = 0; y < 2; y++) {
            for (int x = 0; x < 2; x++) {
                Arrays.fill(sum, 0);
                for (int tap = 0; tap < 9; tap++) {
                    long pixel = pixels + FLOAT * ((y + tap / 3) * row + (x + tap % 3) * channels);
                    add(sum, taps, tap * channels * outputs, pixel);
                }
                put(sum, y == x ? 1 : -1, at + FLOAT * (12 * y + 3 * x) * apart);
            }
        }
    }

    private void add(float[] sum, float[] taps, int first, long pixel) {
        for (int c = 0, w = first; c < channels; c++, w += outputs) {
            float p = Memory.f32(pixel + FLOAT * c);
            for (int o = 0; o < sum.length; o++) sum[o] += p * taps[w + o];
        }
    }

    private static void put(float[] sum, float sign, long at) {
        for (int o = 0; o < sum.length; o++) Memory.f32(at + FLOAT * o, sign * sum[o]);
    }

    /// The taps, out of the transformed weights `G·g·Gᵀ`: G keeps the first and the last of three as they are, and the difference of the other two rows is the one between.
    private synchronized float[] kernel(long weights) {
        if (kernel.length > 0) return kernel;
        var reorder = OneDnn.get().orElseThrow().primitive(Reorder.of(form, planes));
        try (var plain = Scratch.take(planes.bytes());
                var scratch = Scratch.take(reorder.scratchpadBytes())) {
            var call = reorder.call();
            call.set(reorder.slot(Role.SRC).orElseThrow(), weights);
            call.set(reorder.slot(Role.DST).orElseThrow(), plain.address());
            reorder.slot(Role.SCRATCHPAD).ifPresent(p -> call.set(p, scratch.address()));
            call.run();
            var taps = new float[9 * channels * outputs];
            var g = new float[3][4];
            for (int c = 0; c < channels; c++) {
                for (int o = 0; o < outputs; o++) {
                    for (int j = 0; j < 4; j++) {
                        long from = plain.address() + FLOAT * ((long) o * channels + c);
                        float[] u = new float[4];
                        for (int i = 0; i < 4; i++)
                            u[i] = Memory.f32(from + FLOAT * (4 * i + j) * channels * outputs);
                        g[0][j] = u[0];
                        g[1][j] = u[1] - u[2];
                        g[2][j] = u[3];
                    }
                    for (int i = 0; i < 3; i++) {
                        int to = (3 * i * channels + c) * outputs + o;
                        int next = channels * outputs;
                        taps[to] = g[i][0];
                        taps[to + next] = g[i][1] - g[i][2];
                        taps[to + 2 * next] = g[i][3];
                    }
                }
            }
            kernel = taps;
            return taps;
        }
    }
}
