package dev.nacre.nn.data;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Random;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageOutputStream;
import org.w3c.dom.NodeList;

/// Pictures in files, made by the JDK's writers.
final class Pictures {
    private Pictures() {}

    /// Slopes with some noise: something of everything.
    static BufferedImage picture(int width, int height, boolean grey, long seed) {
        Random random = new Random(seed);
        BufferedImage out =
                new BufferedImage(
                        width,
                        height,
                        grey ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int[] v = {
                    x * 255 / width,
                    y * 255 / height,
                    (x / 5 + y / 7) % 2 * 200 + random.nextInt(56)
                };
                if (grey) {
                    out.getRaster().setSample(x, y, 0, v[random.nextInt(8) == 0 ? 2 : 0]);
                } else {
                    out.setRGB(x, y, v[0] << 16 | v[1] << 8 | v[2]);
                }
            }
        }
        return out;
    }

    static byte[] encoded(BufferedImage image, String format) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        if (!ImageIO.write(image, format, out)) {
            throw new IOException("no writer for " + format);
        }
        return out.toByteArray();
    }

    /// @param across sampling factor of the brightness, the others having 1
    static byte[] jpeg(
            BufferedImage image, float quality, boolean progressive, int across, int down)
            throws IOException {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ImageWriteParam how = writer.getDefaultWriteParam();
        how.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
        how.setCompressionQuality(quality);
        how.setProgressiveMode(
                progressive ? ImageWriteParam.MODE_DEFAULT : ImageWriteParam.MODE_DISABLED);
        IIOMetadata meta =
                writer.getDefaultImageMetadata(
                        ImageTypeSpecifier.createFromRenderedImage(image), how);
        String format = "javax_imageio_jpeg_image_1.0";
        IIOMetadataNode root = (IIOMetadataNode) meta.getAsTree(format);
        NodeList components = root.getElementsByTagName("componentSpec");
        if (components.getLength() > 1) {
            IIOMetadataNode first = (IIOMetadataNode) components.item(0);
            first.setAttribute("HsamplingFactor", Integer.toString(across));
            first.setAttribute("VsamplingFactor", Integer.toString(down));
            meta.setFromTree(format, root);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ImageOutputStream to = ImageIO.createImageOutputStream(out)) {
            writer.setOutput(to);
            writer.write(null, new IIOImage(image, null, meta), how);
        } finally {
            writer.dispose();
        }
        return out.toByteArray();
    }
}
