package dev.nacre.cpu.winograd;

import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.Optional;

/// The three linear maps and the adjoints of two of them, as loops. With d a patch of 4×4 pixels and g a kernel:
///
///     Y = Aᵀ · ((G·g·Gᵀ) ∘ (Bᵀ·d·B)) · A
///
///     Bᵀ = 1  0 −1  0      G = 1    0   0        Aᵀ = 1  1  1  0
///          0  1  1  0          1/2  1/2 1/2           0  1 −1 −1
///          0 −1  1  0          1/2 −1/2 1/2
///          0  1  0 −1          0    0   1
final class Transforms {
    private static final long FLOAT = 4;

    private Transforms() {}

    /// Says where views 0 to 15, column by column, find the pixels of the patches.
    static void pixels(BlockLoop loop, Patch patch, long at) {
        for (int j = 0; j < 4; j++)
            for (int i = 0; i < 4; i++)
                loop.at(4 * j + i, at + FLOAT * (i * patch.rowElements() + j * patch.channels()));
    }

    /// Says where 16 views, row by row, find their planes.
    ///
    /// @param apart elements from one plane to the next
    static void planes(BlockLoop loop, int firstView, long at, long apart) {
        for (int k = 0; k < 16; k++) loop.at(firstView + k, at + FLOAT * k * apart);
    }

    /// The same for views 0 to 15, column by column.
    static void planesByColumn(BlockLoop loop, long at, long apart) {
        for (int j = 0; j < 4; j++)
            for (int i = 0; i < 4; i++) loop.at(4 * j + i, at + FLOAT * (4 * i + j) * apart);
    }

    /// `Bᵀ·d·B` of tiles side by side.
    ///
    /// Views 0 to 15, column by column: the pixels of the patches. 16 to 31, row by row: the results, dense.
    ///
    /// @param step elements from one row of pixels to the next
    /// @param image elements from one image to the next
    static BlockLoop input(
            int images, int rows, int columns, long channels, long step, long image) {
        var b = new BlockLoop.Builder(images, rows, columns, channels);
        long tiles = (long) rows * columns * channels;
        var t = new int[4][4];
        for (int j = 0; j < 4; j++) {
            var d = new int[4];
            for (int i = 0; i < 4; i++) d[i] = b.load(DType.F32, image, 2 * step, 2 * channels, 1);
            var column = differences(b, d);
            for (int i = 0; i < 4; i++) t[i][j] = column[i];
        }
        for (int i = 0; i < 4; i++)
            for (int v : differences(b, t[i]))
                b.store(v, DType.F32, tiles, columns * channels, channels, 1);
        return b.build();
    }

    private static int[] differences(BlockLoop.Builder b, int[] d) {
        return new int[] {
            b.apply(Binary.SUB, d[0], d[2]),
            b.apply(Binary.ADD, d[1], d[2]),
            b.apply(Binary.SUB, d[2], d[1]),
            b.apply(Binary.SUB, d[1], d[3])
        };
    }

    /// `G·g·Gᵀ` of all kernels.
    ///
    /// Views 0 to 8, column by column: the taps. 9 to 24, row by row: the results, dense `[outputs, channels]`.
    static BlockLoop kernel(long outputs, long channels, long outputStep, long channelStep) {
        var b = new BlockLoop.Builder(outputs, channels);
        int half = b.number(0.5);
        var t = new int[4][3];
        for (int j = 0; j < 3; j++) {
            var g = new int[3];
            for (int i = 0; i < 3; i++) g[i] = b.load(DType.F32, outputStep, channelStep);
            var column = means(b, g, half);
            for (int i = 0; i < 4; i++) t[i][j] = column[i];
        }
        for (int i = 0; i < 4; i++)
            for (int v : means(b, t[i], half)) b.store(v, DType.F32, channels, 1);
        return b.build();
    }

    private static int[] means(BlockLoop.Builder b, int[] g, int half) {
        int ends = b.apply(Binary.ADD, g[0], g[2]);
        return new int[] {
            g[0],
            b.apply(Binary.MUL, b.apply(Binary.ADD, ends, g[1]), half),
            b.apply(Binary.MUL, b.apply(Binary.SUB, ends, g[1]), half),
            g[2]
        };
    }

    /// What follows the sums.
    ///
    /// @param bias the step from one output's to the next one's, if there is any
    /// @param activation applied last
    record Epilogue(Optional<Long> bias, boolean addend, Optional<Unary> activation) {}

    /// `Aᵀ·m·A` of tiles side by side, or of their first `high` rows and `wide` columns.
    ///
    /// Views 0 to 15, column by column: the products. Then the bias if there is one; then for each pixel, row by row, the addend if there is one and the result.
    ///
    /// @param products elements from one image of products to the next, and from one row of them
    /// @param pixels elements from one image of the result to the next, and from one row of it
    static BlockLoop output(
            int images,
            int rows,
            int columns,
            int high,
            int wide,
            long outputs,
            long[] products,
            long[] pixels,
            Epilogue e) {
        var b = new BlockLoop.Builder(images, rows, columns, outputs);
        var s = new int[2][4];
        for (int j = 0; j < 4; j++) {
            var m = new int[4];
            for (int i = 0; i < 4; i++)
                m[i] = b.load(DType.F32, products[0], products[1], outputs, 1);
            var column = sums(b, m, high);
            for (int i = 0; i < high; i++) s[i][j] = column[i];
        }
        var bias = e.bias.map(step -> b.load(DType.F32, 0, 0, 0, step));
        for (int i = 0; i < high; i++) {
            for (int y : sums(b, s[i], wide)) {
                if (bias.isPresent()) y = b.apply(Binary.ADD, y, bias.get());
                if (e.addend)
                    y =
                            b.apply(
                                    Binary.ADD,
                                    y,
                                    b.load(DType.F32, pixels[0], 2 * pixels[1], 2 * outputs, 1));
                if (e.activation.isPresent()) y = b.apply(e.activation.get(), y);
                b.store(y, DType.F32, pixels[0], 2 * pixels[1], 2 * outputs, 1);
            }
        }
        return b.build();
    }

    /// `A·y·Aᵀ` of tiles side by side of which the result has so many rows and columns.
    ///
    /// First the views of the pixels, row by row; then 16, row by row: the results, dense.
    ///
    /// @param pixels elements from one tile to the next
    static BlockLoop gradient(int columns, int high, int wide, long outputs, long pixels) {
        var b = new BlockLoop.Builder(columns, outputs);
        var t = new int[4][2];
        var y = new int[high][wide];
        for (int i = 0; i < high; i++)
            for (int j = 0; j < wide; j++) y[i][j] = b.load(DType.F32, pixels, 1);
        for (int j = 0; j < wide; j++) {
            var column = spread(b, y[0][j], high == 2 ? y[1][j] : -1);
            for (int i = 0; i < 4; i++) t[i][j] = column[i];
        }
        for (int i = 0; i < 4; i++)
            for (int v : spread(b, t[i][0], wide == 2 ? t[i][1] : -1))
                b.store(v, DType.F32, outputs, 1);
        return b.build();
    }

    /// @param second −1: zero
    private static int[] spread(BlockLoop.Builder b, int first, int second) {
        return second < 0
                ? new int[] {first, first, first, b.number(0)}
                : new int[] {
                    first,
                    b.apply(Binary.ADD, first, second),
                    b.apply(Binary.SUB, first, second),
                    b.apply(Unary.NEG, second)
                };
    }

    /// `Gᵀ·m·G`: the gradient of all kernels.
    ///
    /// Views 0 to 15, column by column: the sums, dense `[outputs, channels]`. 16 to 24, row by row: the taps.
    static BlockLoop taps(long outputs, long channels, long outputStep, long channelStep) {
        var b = new BlockLoop.Builder(outputs, channels);
        int half = b.number(0.5);
        var t = new int[3][4];
        for (int j = 0; j < 4; j++) {
            var m = new int[4];
            for (int i = 0; i < 4; i++) m[i] = b.load(DType.F32, channels, 1);
            var column = gathered(b, m, half);
            for (int i = 0; i < 3; i++) t[i][j] = column[i];
        }
        for (int i = 0; i < 3; i++)
            for (int v : gathered(b, t[i], half)) b.store(v, DType.F32, outputStep, channelStep);
        return b.build();
    }

    private static int[] gathered(BlockLoop.Builder b, int[] m, int half) {
        int plus = b.apply(Binary.MUL, b.apply(Binary.ADD, m[1], m[2]), half);
        int minus = b.apply(Binary.MUL, b.apply(Binary.SUB, m[1], m[2]), half);
        return new int[] {b.apply(Binary.ADD, m[0], plus), minus, b.apply(Binary.ADD, plus, m[3])};
    }

    private static int[] sums(BlockLoop.Builder b, int[] m, int count) {
        int plus = b.apply(Binary.ADD, b.apply(Binary.ADD, m[0], m[1]), m[2]);
        if (count == 1) return new int[] {plus};
        int minus = b.apply(Binary.SUB, b.apply(Binary.SUB, m[1], m[2]), m[3]);
        return new int[] {plus, minus};
    }
}
