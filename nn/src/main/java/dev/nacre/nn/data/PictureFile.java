package dev.nacre.nn.data;

import dev.nacre.nn.data.Jpeg.Broken;
import dev.nacre.type.NacreException;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.Raster;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStreamImpl;

/// Reads pictures from files that nobody vouches for. What kind it is is told by the first bytes. Sizes that the file declares are looked at before a decoder sees it; JPEG is decoded by
/// [Jpeg], everything else by the JDK's readers, which are plain Java too, from a stream that ends when the time is over.
final class PictureFile {
    /// What may be read. The JDK's WBMP is not: any file that begins with two zeros would be one.
    private enum Kind {
        BMP,
        GIF,
        JPEG,
        PNG,
        TIFF;

        static Kind of(byte[] data) throws Broken {
            String first =
                    new String(data, 0, Math.min(8, data.length), StandardCharsets.ISO_8859_1);
            if (Jpeg.isOne(data)) {
                return JPEG;
            } else if (first.equals("\u0089PNG\r\n\u001a\n")) {
                return PNG;
            } else if (first.startsWith("GIF87a") || first.startsWith("GIF89a")) {
                return GIF;
            } else if (first.startsWith("II*\0") || first.startsWith("MM\0*")) {
                return TIFF;
            } else if (first.startsWith("BM")) {
                return BMP;
            }
            throw new Broken("");
        }
    }

    private final String file; // its name, for messages
    private final Budget.Tally tally;

    private PictureFile(String file, Budget budget) {
        this.file = file;
        this.tally = budget.begin(problem -> new NacreException("image: " + file + " " + problem));
    }

    static Image read(Path file, Budget budget) {
        if (!Files.isRegularFile(file)) {
            throw new NacreException(
                    "image: " + file + (Files.exists(file) ? " is no file" : " does not exist"));
        }
        if (!Files.isReadable(file)) {
            throw new NacreException("image: " + file + " cannot be read (permission denied)");
        }
        PictureFile picture = new PictureFile(file.toString(), budget);
        byte[] data;
        try (InputStream in = Files.newInputStream(file)) {
            data = picture.tally.readAll(in, "the file");
        } catch (IOException e) {
            throw new NacreException(
                    "image: " + file + " cannot be read (" + e.getMessage() + ")", e);
        }
        return picture.read(data);
    }

    static Image read(byte[] data, Budget budget) {
        return new PictureFile("the data", budget).read(data);
    }

    private Image read(byte[] data) {
        if (data.length == 0) {
            throw new NacreException("image: " + file + " is empty");
        }
        try {
            return decode(data);
        } catch (NacreException e) {
            throw e;
        } catch (Broken e) {
            throw new NacreException(
                    "image: "
                            + file
                            + (e.getMessage().isEmpty()
                                    ? " is no picture in a format known here "
                                            + java.util.Arrays.toString(Kind.values())
                                    : " is broken (" + e.getMessage() + ")"));
        } catch (IOException | RuntimeException e) { // readers of broken files throw anything
            throw new NacreException("image: " + file + " is broken (" + reason(e) + ")", e);
        } catch (OutOfMemoryError e) { // the budget is larger than what is free
            throw new NacreException(
                    "image: " + file + " takes more memory to read than there is", e);
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

    private Image decode(byte[] data) throws Broken, IOException {
        Kind kind = Kind.of(data);
        return switch (kind) {
            case JPEG -> Jpeg.decode(data, tally);
            case PNG -> decodeByJdk(kind, Png.essentials(data, tally));
            case TIFF -> decodeByJdk(kind, Tiff.checked(data, tally));
            case BMP -> decodeByJdk(kind, Bmp.checked(data));
            case GIF -> decodeByJdk(kind, data);
        };
    }

    private Image decodeByJdk(Kind kind, byte[] data) throws IOException {
        Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(kind.name());
        if (!readers.hasNext()) {
            throw new NacreException("image: this JDK has no reader for " + kind + ": " + file);
        }
        ImageReader reader = readers.next();
        try (Stream in = new Stream(data, tally)) {
            reader.setInput(in, true, true);
            int width = reader.getWidth(0);
            int height = reader.getHeight(0);
            // As read: at most 8 bytes for a pixel; as an image: 4 for each of up to 3 channels.
            int wide = kind == Kind.GIF ? 1 : kind == Kind.BMP ? 4 : 8;
            tally.claim(width + "×" + height + " pixels", wide + 12, width, height);
            return of(reader.read(0));
        } finally {
            reader.dispose();
        }
    }

    /// The bytes for the JDK's readers, some of which read on for ever behind the end of a broken file.
    private static final class Stream extends ImageInputStreamImpl {
        private static final int PATIENCE = 1 << 12;

        private final byte[] data;
        private final Budget.Tally tally;
        private int reads;
        private int atEnd;

        Stream(byte[] data, Budget.Tally tally) {
            this.data = data;
            this.tally = tally;
        }

        private boolean isAtEnd() throws IOException {
            bitOffset = 0;
            if (++reads % 1024 == 0) {
                tally.checkTime();
            }
            if (streamPos < data.length) {
                return false;
            }
            if (++atEnd > PATIENCE) {
                throw new EOFException("it is cut short");
            }
            return true;
        }

        @Override
        public int read() throws IOException {
            return isAtEnd() ? -1 : data[(int) streamPos++] & 0xFF;
        }

        @Override
        public int read(byte[] to, int from, int length) throws IOException {
            if (length == 0) {
                return 0;
            }
            if (isAtEnd()) {
                return -1;
            }
            int n = (int) Math.min(length, data.length - streamPos);
            System.arraycopy(data, (int) streamPos, to, from, n);
            streamPos += n;
            return n;
        }

        @Override
        public long length() {
            return data.length;
        }
    }

    private static Image of(BufferedImage image) {
        boolean grey = image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY;
        return grey ? grey(image) : colour(image);
    }

    /// Read as stored: `getRGB` would brighten grey, which it takes for linear.
    private static Image grey(BufferedImage image) {
        Raster raster = image.getRaster();
        ColorModel model = image.getColorModel();
        float most = (float) ((1L << model.getComponentSize(0)) - 1);
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
}
