package dev.nacre.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/// Files in the form of Fashion-MNIST with few images, each class of another brightness.
final class SmallFashion {
    private SmallFashion() {}

    static Path write(Path folder, int train, int test) throws IOException {
        Files.createDirectories(folder);
        part(folder, "train", train);
        part(folder, "t10k", test);
        return folder;
    }

    private static void part(Path folder, String name, int n) throws IOException {
        ByteBuffer images =
                ByteBuffer.allocate(16 + n * 784).putInt(0x0803).putInt(n).putInt(28).putInt(28);
        ByteBuffer labels = ByteBuffer.allocate(8 + n).putInt(0x0801).putInt(n);
        for (int i = 0; i < n; i++) {
            labels.put((byte) (i % 10));
            for (int k = 0; k < 784; k++) {
                images.put((byte) (i % 10 * 25 + k % 5));
            }
        }
        gzip(folder.resolve(name + "-images-idx3-ubyte.gz"), images.array());
        gzip(folder.resolve(name + "-labels-idx1-ubyte.gz"), labels.array());
    }

    private static void gzip(Path file, byte[] bytes) throws IOException {
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
            out.write(bytes);
        }
    }
}
