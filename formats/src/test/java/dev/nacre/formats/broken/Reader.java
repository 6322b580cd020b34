package dev.nacre.formats.broken;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.formats.model.Checkpoint;
import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.formats.npy.Npy;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.Activation;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Idx;
import dev.nacre.nn.data.Image;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.nn.data.TextFile;
import dev.nacre.nn.optim.AdamW;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;

/// A reader with a sound file for it.
record Reader(String name, byte[] good, Read read) {
    /// Reads a file.
    @FunctionalInterface
    interface Read {
        Object of(Path file);
    }

    static List<Reader> all(Path folder) throws IOException {
        List<Reader> out = new ArrayList<>();
        Path file = folder.resolve("good");
        SafeTensors.write(
                file,
                Map.of("a", Tensor.ones(3, 2), "b.c", Tensor.of(new long[] {1, 2})),
                Map.of("key", "some text"));
        out.add(new Reader("safetensors", Files.readAllBytes(file), SafeTensors::read));
        Npy.write(file, Tensor.arange(20).reshape(4, 5));
        out.add(new Reader("npy", Files.readAllBytes(file), Npy::read));
        model().write(file);
        out.add(new Reader("model", Files.readAllBytes(file), Model::read));
        Sequential net = (Sequential) model().network();
        Checkpoint.write(file, net, AdamW.of(1e-3).over(net.parameters()), Map.of("step", "3"));
        out.add(new Reader("checkpoint", Files.readAllBytes(file), Checkpoint::read));
        byte[] idx = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
        out.add(new Reader("idx", idx, Idx::read));
        out.add(new Reader("idx.gz", gzip(idx), Idx::read));
        byte[] text = "some text, and some more of it\n".repeat(9).getBytes(StandardCharsets.UTF_8);
        out.add(new Reader("text", text, TextFile::read));
        out.add(new Reader("text.gz", gzip(text), TextFile::read));
        images(out);
        return out;
    }

    private static Model model() {
        Rng rng = Rng.seed(1);
        return Model.of(
                        Sequential.of(
                                Conv2d.of(1, 2, 3, rng),
                                Activation.RELU,
                                new Flatten(),
                                Linear.of(8, 2, rng)),
                        Input.Images.of(new Preprocessing(1, 4, 4, List.of(0.5), List.of(0.25))))
                .labels(List.of("a", "b"));
    }

    private static byte[] gzip(byte[] data) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream to = new GZIPOutputStream(out)) {
            to.write(data);
        }
        return out.toByteArray();
    }

    private static void images(List<Reader> out) throws IOException {
        for (String format : List.of("png", "gif", "bmp", "tiff", "jpeg")) {
            for (int type :
                    new int[] {
                        BufferedImage.TYPE_BYTE_GRAY,
                        BufferedImage.TYPE_3BYTE_BGR,
                        BufferedImage.TYPE_BYTE_INDEXED
                    }) {
                ByteArrayOutputStream to = new ByteArrayOutputStream();
                if (ImageIO.write(picture(type), format, to)) {
                    out.add(new Reader(format + " " + type, to.toByteArray(), Image::read));
                }
            }
        }
        for (String[] kind :
                new String[][] {
                    {"jpeg", ""},
                    {"tiff", "LZW"},
                    {"tiff", "Deflate"},
                    {"tiff", "PackBits"},
                    {"bmp", "BI_RLE8"}
                }) {
            out.add(new Reader(kind[0] + " special " + kind[1], special(kind), Image::read));
        }
    }

    private static byte[] special(String[] kind) throws IOException {
        ImageWriter writer = ImageIO.getImageWritersByFormatName(kind[0]).next();
        ImageWriteParam how = writer.getDefaultWriteParam();
        if (kind[1].isEmpty()) {
            how.setProgressiveMode(ImageWriteParam.MODE_DEFAULT);
        } else {
            how.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            how.setCompressionType(kind[1]);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (var to = ImageIO.createImageOutputStream(out)) {
            writer.setOutput(to);
            int type =
                    kind[0].equals("bmp")
                            ? BufferedImage.TYPE_BYTE_INDEXED
                            : BufferedImage.TYPE_3BYTE_BGR;
            writer.write(null, new IIOImage(picture(type), null, null), how);
        } finally {
            writer.dispose();
        }
        return out.toByteArray();
    }

    private static BufferedImage picture(int type) {
        BufferedImage out = new BufferedImage(21, 17, type);
        for (int i = 0; i < 21 * 17; i++) {
            out.setRGB(i % 21, i / 21, i * 0x030507);
        }
        return out;
    }
}
