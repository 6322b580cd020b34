package dev.nacre.nn.data;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.ValueException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/// Images of one size, each with the number of its class.
public final class ImageSet {
    private final String name;
    private final byte[] pixels;
    private final int channels;
    private final int height;
    private final int width;
    private final int maximum;
    private final byte[] labels;
    private final List<String> classes;

    /// @param name for people
    /// @param pixels all images after one another, each as channels of rows; unsigned. Kept, not copied
    /// @param maximum the value of a white pixel
    /// @param labels one class index per image. Kept, not copied
    /// @param classes the names of the classes
    /// @throws ValueException if a label is no class, or the number of pixels is not that of the images
    public ImageSet(
            String name,
            byte[] pixels,
            int channels,
            int height,
            int width,
            int maximum,
            byte[] labels,
            List<String> classes) {
        long wanted = (long) labels.length * channels * height * width;
        if (pixels.length != wanted) {
            throw new ValueException(
                    name
                            + ": "
                            + labels.length
                            + " labels need "
                            + wanted
                            + " pixels, but there are "
                            + pixels.length);
        }
        for (int i = 0; i < labels.length; i++) {
            int label = Byte.toUnsignedInt(labels[i]);
            if (label >= classes.size()) {
                throw new ValueException(
                        name
                                + ": label "
                                + label
                                + " of example "
                                + i
                                + " is none of the "
                                + classes.size()
                                + " classes");
            }
        }
        this.name = name;
        this.pixels = pixels;
        this.channels = channels;
        this.height = height;
        this.width = width;
        this.maximum = maximum;
        this.labels = labels;
        this.classes = List.copyOf(classes);
    }

    public String name() {
        return name;
    }

    /// How many images there are.
    public int size() {
        return labels.length;
    }

    public int channels() {
        return channels;
    }

    public int height() {
        return height;
    }

    public int width() {
        return width;
    }

    /// The names of the classes; a label is a place in this list.
    public List<String> classes() {
        return classes;
    }

    public int label(int index) {
        return Byte.toUnsignedInt(labels[index]);
    }

    /// The pixels as they are stored: u8 `[n, channels, height, width]`.
    public Tensor images() {
        return Tensor.ofUnsigned(pixels, labels.length, channels, height, width);
    }

    /// The class indices: i64 `[n]`.
    public Tensor labels() {
        long[] out = new long[labels.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = label(i);
        }
        return Tensor.of(out, out.length);
    }

    /// Stored pixels as numbers from 0 to 1 in f32.
    public Tensor toUnit(Tensor images) {
        return images.cast(DType.F32).mul(1.0 / maximum);
    }

    /// One image with pixels from 0 to 1.
    public Image image(int index) {
        int size = channels * height * width;
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = Byte.toUnsignedInt(pixels[index * size + i]) / (float) maximum;
        }
        return new Image(channels, height, width, values);
    }

    /// Some of the images, in the given order.
    public ImageSet subset(String name, int[] indices) {
        int size = channels * height * width;
        byte[] chosen = new byte[indices.length * size];
        byte[] theirs = new byte[indices.length];
        for (int i = 0; i < indices.length; i++) {
            System.arraycopy(pixels, indices[i] * size, chosen, i * size, size);
            theirs[i] = labels[indices[i]];
        }
        return new ImageSet(name, chosen, channels, height, width, maximum, theirs, classes);
    }

    /// What makes images like these fit for a network: their size, and the mean and standard deviation of each channel.
    public Preprocessing preprocessing() {
        if (size() == 0) {
            throw new ValueException(name + ": there are no images");
        }
        List<Double> mean = new ArrayList<>();
        List<Double> std = new ArrayList<>();
        int area = height * width;
        for (int c = 0; c < channels; c++) {
            long sum = 0;
            long squares = 0;
            for (int i = 0; i < size(); i++) {
                int from = (i * channels + c) * area;
                for (int k = from; k < from + area; k++) {
                    int p = Byte.toUnsignedInt(pixels[k]);
                    sum += p;
                    squares += p * p;
                }
            }
            double n = (double) size() * area;
            double m = sum / n;
            double deviation = Math.sqrt(squares / n - m * m);
            mean.add(m / maximum);
            std.add(deviation == 0 ? 1 : deviation / maximum);
        }
        return new Preprocessing(channels, height, width, mean, std);
    }

    /// A fingerprint of pixels and labels.
    public String sha256() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(pixels);
            return HexFormat.of().formatHex(digest.digest(labels));
        } catch (NoSuchAlgorithmException e) {
            throw new NacreException("sha256: this JDK has no SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return name
                + ": "
                + size()
                + " images of "
                + channels
                + "×"
                + height
                + "×"
                + width
                + " in "
                + classes.size()
                + " classes";
    }
}
