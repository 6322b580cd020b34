package dev.nacre.nn.data;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.Raster;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/// A picture: channels of rows of numbers from 0 (black) to 1 (white).
///
/// @param values channels × height × width numbers; kept, not copied
public record Image(int channels, int height, int width, float[] values) {
    /// More than this is taken for a mistake, before memory is asked for.
    private static final long MAX_PIXELS = 100_000_000;

    public Image {
        if (values.length != channels * height * width) {
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

    /// Reads PNG, JPEG, GIF, BMP or whatever else this JDK reads. Grey pictures have one channel, all others three. Transparent parts are shown on white.
    ///
    /// @throws NacreException if there is no such file, or it is no picture, or a broken one
    public static Image read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new NacreException(
                    "image: " + file + (Files.exists(file) ? " is no file" : " does not exist"));
        }
        if (!Files.isReadable(file)) {
            throw new NacreException("image: " + file + " cannot be read (permission denied)");
        }
        ImageIO.setUseCache(false);
        try (ImageInputStream in = ImageIO.createImageInputStream(new File(file.toString()))) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
            if (!readers.hasNext()) {
                throw new NacreException(
                        "image: " + file + " is no picture in a format known here " + formats());
            }
            ImageReader reader = readers.next();
            try {
                reader.setInput(in, true, true);
                long pixels = 1L * reader.getWidth(0) * reader.getHeight(0);
                if (pixels > MAX_PIXELS) {
                    throw new NacreException(
                            "image: "
                                    + file
                                    + " says it has "
                                    + reader.getWidth(0)
                                    + "×"
                                    + reader.getHeight(0)
                                    + " pixels; at most "
                                    + MAX_PIXELS
                                    + " are read");
                }
                return of(reader.read(0));
            } finally {
                reader.dispose();
            }
        } catch (NacreException e) {
            throw e;
        } catch (IOException | RuntimeException e) { // readers of broken files throw anything
            throw new NacreException("image: " + file + " is broken (" + reason(e) + ")", e);
        }
    }

    private static String reason(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        String text = cause.getMessage();
        return text == null ? cause.getClass().getSimpleName() : text;
    }

    private static TreeSet<String> formats() {
        TreeSet<String> names = new TreeSet<>();
        for (String name : ImageIO.getReaderFormatNames()) {
            names.add(name.toUpperCase(java.util.Locale.ROOT));
        }
        return names;
    }

    private static Image of(BufferedImage image) {
        boolean grey = image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY;
        return grey ? grey(image) : colour(image);
    }

    /// Read as stored: `getRGB` would brighten grey, which it takes for linear.
    private static Image grey(BufferedImage image) {
        Raster raster = image.getRaster();
        ColorModel model = image.getColorModel();
        float most = (1 << model.getComponentSize(0)) - 1;
        float opaque = model.hasAlpha() ? (1 << model.getComponentSize(1)) - 1 : 1;
        int h = image.getHeight();
        int w = image.getWidth();
        float[] out = new float[h * w];
        for (int i = 0; i < out.length; i++) {
            float alpha = model.hasAlpha() ? raster.getSample(i % w, i / w, 1) / opaque : 1;
            out[i] = raster.getSample(i % w, i / w, 0) / most * alpha + (1 - alpha);
        }
        return new Image(1, h, w, out);
    }

    private static Image colour(BufferedImage image) {
        int h = image.getHeight();
        int w = image.getWidth();
        int area = h * w;
        float[] out = new float[3 * area];
        for (int i = 0; i < area; i++) {
            int argb = image.getRGB(i % w, i / w);
            float alpha = (argb >>> 24) / 255f;
            for (int c = 0; c < 3; c++) {
                out[c * area + i] = ((argb >>> (16 - 8 * c)) & 255) / 255f * alpha + (1 - alpha);
            }
        }
        return new Image(3, h, w, out);
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
        if (newHeight == height && newWidth == width) {
            return this;
        }
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
