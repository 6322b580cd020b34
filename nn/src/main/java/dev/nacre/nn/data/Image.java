package dev.nacre.nn.data;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.nio.file.Path;
import java.util.Arrays;

/// A picture: channels of rows of numbers from 0 (black) to 1 (white).
///
/// @param values channels × height × width numbers; kept, not copied
public record Image(int channels, int height, int width, float[] values) {
    public Image {
        if (channels < 1
                || height < 1
                || width < 1
                || values.length != (long) channels * height * width) {
            throw new NacreException(
                    "image: "
                            + channels
                            + "×"
                            + height
                            + "×"
                            + width
                            + " needs other than "
                            + values.length
                            + " values");
        }
    }

    /// Reads PNG, JPEG, GIF, BMP or TIFF, of several pictures the first, with the usual [Budget]. Grey pictures have one channel, all others three. Transparent parts are shown on white;
    /// colour profiles are not applied.
    ///
    /// @throws NacreException if there is no such file, or it is no picture, a broken one, or one that takes more memory or time than its budget
    public static Image read(Path file) {
        return read(file, Budget.usual());
    }

    /// Reads a picture with a budget of choice. A pixel takes some 14 bytes (grey and large samples up to 20) until it is read: 256 MiB are good for about 15 million pixels.
    public static Image read(Path file, Budget budget) {
        return PictureFile.read(file, budget);
    }

    /// Reads a picture that came by another way than a file, a request's body for instance.
    ///
    /// @param file what a file would hold
    public static Image read(byte[] file) {
        return read(file, Budget.usual());
    }

    /// The same with a budget of choice.
    public static Image read(byte[] file, Budget budget) {
        return PictureFile.read(file, budget);
    }

    /// As many channels as asked for: colour to grey by `0.299 r + 0.587 g + 0.114 b` (ITU-R BT.601), grey to colour by repetition.
    public Image withChannels(int wanted) {
        if (wanted == channels) {
            return this;
        }
        int area = height * width;
        float[] out = new float[wanted * area];
        for (int i = 0; i < area; i++) {
            float grey =
                    channels == 1
                            ? values[i]
                            : 0.299f * values[i]
                                    + 0.587f * values[area + i]
                                    + 0.114f * values[2 * area + i];
            for (int c = 0; c < wanted; c++) {
                out[c * area + i] = grey;
            }
        }
        return new Image(wanted, height, width, out);
    }

    /// Stretched or shrunk by a triangle filter as wide as the larger of an old and a new pixel: bilinear interpolation upwards, and downwards an average in
    /// which every old pixel counts.
    public Image resize(int newHeight, int newWidth) {
        if (newHeight < 1 || newWidth < 1) {
            throw new NacreException(
                    "resize: the size must be positive, but is " + newHeight + "×" + newWidth);
        }
        if (newHeight == height && newWidth == width) {
            return this;
        }
        Budget.usual()
                .begin(problem ->
                        new NacreException(
                                "resize: to " + newHeight + "×" + newWidth + " " + problem))
                .claim("numbers", 4, channels, newHeight, (long) width + newWidth);
        float[] rows = new float[channels * newHeight * width];
        Filter vertical = new Filter(height, newHeight);
        Filter horizontal = new Filter(width, newWidth);
        for (int c = 0; c < channels; c++) {
            for (int y = 0; y < newHeight; y++) {
                for (int x = 0; x < width; x++) {
                    rows[(c * newHeight + y) * width + x] =
                            vertical.at(y, values, c * height * width + x, width);
                }
            }
        }
        float[] out = new float[channels * newHeight * newWidth];
        for (int line = 0; line < channels * newHeight; line++) {
            for (int x = 0; x < newWidth; x++) {
                out[line * newWidth + x] = horizontal.at(x, rows, line * width, 1);
            }
        }
        return new Image(channels, newHeight, newWidth, out);
    }

    /// The weights of old pixels in each new one along one axis.
    private static final class Filter {
        private final int[] first;
        private final float[][] weights;

        Filter(int from, int to) {
            double scale = (double) from / to;
            double reach = Math.max(1, scale);
            first = new int[to];
            weights = new float[to][];
            for (int i = 0; i < to; i++) {
                double centre = (i + 0.5) * scale;
                int low = Math.max(0, (int) (centre - reach + 0.5));
                int high = Math.min(from, (int) (centre + reach + 0.5));
                double[] w = new double[high - low];
                double sum = 0;
                for (int k = 0; k < w.length; k++) {
                    w[k] = Math.max(0, 1 - Math.abs(low + k + 0.5 - centre) / reach);
                    sum += w[k];
                }
                first[i] = low;
                weights[i] = new float[w.length];
                for (int k = 0; k < w.length; k++) {
                    weights[i][k] = (float) (w[k] / sum);
                }
            }
        }

        float at(int i, float[] values, int base, int stride) {
            float sum = 0;
            for (int k = 0; k < weights[i].length; k++) {
                sum += weights[i][k] * values[base + (first[i] + k) * stride];
            }
            return sum;
        }
    }

    /// Dark and bright exchanged.
    public Image invert() {
        float[] out = values.clone();
        for (int i = 0; i < out.length; i++) {
            out[i] = 1 - out[i];
        }
        return new Image(channels, height, width, out);
    }

    /// How bright the outermost pixels are on average: the background, as a rule.
    public double border() {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < values.length; i++) {
            int x = i % width;
            int y = i / width % height;
            if (x == 0 || y == 0 || x == width - 1 || y == height - 1) {
                sum += values[i];
                count++;
            }
        }
        return sum / count;
    }

    /// A batch of one: f32 `[1, channels, height, width]`.
    public Tensor tensor() {
        return Tensor.of(values, 1, channels, height, width);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Image i
                && i.channels == channels
                && i.height == height
                && i.width == width
                && Arrays.equals(i.values, values);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(values);
    }

    @Override
    public String toString() {
        return "image " + channels + "×" + height + "×" + width;
    }
}
