package dev.nacre.nn.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FashionMnistTest {
    private static final Path DEBIAN = Path.of("/usr/share/datasets/fashion-mnist");
    private static final URI NOWHERE = URI.create("http://127.0.0.1:1/");

    @TempDir Path folder;

    /// Files of the right form with a few images.
    static Path small(Path folder, int train, int test) throws IOException {
        Files.createDirectories(folder);
        images(folder.resolve("train-images-idx3-ubyte.gz"), train);
        labels(folder.resolve("train-labels-idx1-ubyte.gz"), train);
        images(folder.resolve("t10k-images-idx3-ubyte.gz"), test);
        labels(folder.resolve("t10k-labels-idx1-ubyte.gz"), test);
        return folder;
    }

    private static void images(Path file, int n) throws IOException {
        ByteBuffer b =
                ByteBuffer.allocate(16 + n * 784).putInt(0x0803).putInt(n).putInt(28).putInt(28);
        for (int i = 0; b.hasRemaining(); i++) {
            b.put((byte) (i * 31));
        }
        Files.write(file, IdxTest.gzip(b.array()));
    }

    private static void labels(Path file, int n) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(8 + n).putInt(0x0801).putInt(n);
        for (int i = 0; i < n; i++) {
            b.put((byte) (i % 10));
        }
        Files.write(file, IdxTest.gzip(b.array()));
    }

    private FashionMnist search(URI address) {
        return new FashionMnist(folder.resolve("cache"), folder.resolve("debian"), address);
    }

    @Test
    void givenFolderComesFirst() throws IOException {
        Split split =
                search(NOWHERE).search(Optional.of(small(folder.resolve("mine"), 20, 10)), _ -> {});
        assertEquals(20, split.train().size());
        assertEquals(10, split.test().size());
        assertEquals(folder.resolve("mine").toString(), split.origin());
    }

    @Test
    void nowhere() throws IOException {
        Files.createDirectories(folder.resolve("mine"));
        Files.createFile(folder.resolve("mine/train-images-idx3-ubyte"));
        List<String> notes = new ArrayList<>();
        NacreException e =
                assertThrows(
                        NacreException.class,
                        () ->
                                search(NOWHERE)
                                        .search(Optional.of(folder.resolve("mine")), notes::add));
        String lacks =
                folder.resolve("mine")
                        + " lacks train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz";
        String expected =
                """
                fashion-mnist: no data found
                  given folder: %s
                  cache: %s does not exist
                  Debian's dataset-fashion-mnist: %s does not exist
                  download: http://127.0.0.1:1/ failed (ConnectException: Connection refused)
                  hint: on Debian and Ubuntu 'apt install dataset-fashion-mnist' brings them; or put the four files into a folder and name it with --data\
                """
                        .formatted(lacks, folder.resolve("cache"), folder.resolve("debian"));
        assertEquals(expected, e.getMessage());
        assertEquals(
                List.of(
                        lacks + "; looking elsewhere",
                        "downloading Fashion-MNIST (30 MB) from http://127.0.0.1:1/ to "
                                + folder.resolve("cache")),
                notes);
    }

    @Test
    void otherImagesAreNotTakenFromTheCache() throws IOException {
        small(folder.resolve("cache"), 20, 10);
        NacreException e =
                assertThrows(
                        NacreException.class,
                        () -> search(NOWHERE).search(Optional.empty(), _ -> {}));
        assertTrue(
                e.getMessage()
                        .startsWith(
                                "fashion-mnist: "
                                        + folder.resolve("cache/train-images-idx3-ubyte.gz")
                                        + " has SHA-256 "),
                e.getMessage());
        assertTrue(
                e.getMessage()
                        .endsWith(
                                " unpacked, expected c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888\n  hint: delete it"),
                e.getMessage());
    }

    @Test
    void labelsMustFitImages() throws IOException {
        Path mine = small(folder.resolve("mine"), 20, 10);
        labels(mine.resolve("train-labels-idx1-ubyte.gz"), 19);
        NacreException e =
                assertThrows(
                        NacreException.class,
                        () -> search(NOWHERE).search(Optional.of(mine), _ -> {}));
        assertEquals(
                "Fashion-MNIST, training: 19 labels need 14896 pixels, but there are 15680",
                e.getMessage());
        Files.copy(
                mine.resolve("t10k-labels-idx1-ubyte.gz"),
                mine.resolve("train-images-idx3-ubyte.gz"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        e =
                assertThrows(
                        NacreException.class,
                        () -> search(NOWHERE).search(Optional.of(mine), _ -> {}));
        assertEquals(
                "fashion-mnist: "
                        + mine.resolve("train-images-idx3-ubyte.gz")
                        + " must be of sizes [n, 28, 28], but is [10]",
                e.getMessage());
    }

    @Test
    void aWrongDownloadLeavesNothingBehind() throws IOException {
        Path wrong = small(folder.resolve("wrong"), 20, 10);
        withServer(
                wrong,
                address -> {
                    NacreException e =
                            assertThrows(
                                    NacreException.class,
                                    () -> search(address).search(Optional.empty(), _ -> {}));
                    assertTrue(
                            e.getMessage()
                                    .contains(
                                            "failed (IOException: train-images-idx3-ubyte.gz has SHA-256 "),
                            e.getMessage());
                });
        try (var left = Files.list(folder.resolve("cache"))) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void downloadsIntoTheCache() throws IOException {
        assumeTrue(Files.isDirectory(DEBIAN), "needs the Debian package dataset-fashion-mnist");
        withServer(
                DEBIAN,
                address -> {
                    Split split = search(address).search(Optional.empty(), _ -> {});
                    assertEquals(60_000, split.train().size());
                    assertEquals(10_000, split.test().size());
                });
        assertTrue(Files.exists(folder.resolve("cache/t10k-labels-idx1-ubyte.gz")));
        Split again = search(NOWHERE).search(Optional.empty(), _ -> {});
        assertEquals(folder.resolve("cache").toString(), again.origin());
        assertFalse(again.train().preprocessing().mean().isEmpty());
    }

    private interface WithAddress {
        void run(URI address) throws IOException;
    }

    private static void withServer(Path files, WithAddress code) throws IOException {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/",
                exchange -> {
                    byte[] body =
                            Files.readAllBytes(
                                    files.resolve(exchange.getRequestURI().getPath().substring(1)));
                    exchange.sendResponseHeaders(200, body.length);
                    exchange.getResponseBody().write(body);
                    exchange.close();
                });
        server.start();
        try {
            code.run(URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/"));
        } finally {
            server.stop(0);
        }
    }
}
