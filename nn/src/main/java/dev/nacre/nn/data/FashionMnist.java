package dev.nacre.nn.data;

import dev.nacre.compile.Folders;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 60,000 + 10,000 grey images of 28×28 pixels of ten kinds of clothes. MIT licence, Zalando SE.
///
/// The files are looked for in four places, in this order: a folder that is given; the user's cache; the folder of Debian's package
/// `dataset-fashion-mnist`; the official address, from which they are put into the cache. In the last three the files must have the known checksums; a
/// folder that is given may hold others of the same form.
public final class FashionMnist {
    /// One of the four files.
    ///
    /// @param sha256 of the unpacked file. The four files whose MD5 sums Zalando publishes unpack to these
    private record Part(String name, int rank, String sha256) {}

    private static final List<Part> PARTS =
            List.of(
                    new Part(
                            "train-images-idx3-ubyte",
                            3,
                            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
                    new Part(
                            "train-labels-idx1-ubyte",
                            1,
                            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
                    new Part(
                            "t10k-images-idx3-ubyte",
                            3,
                            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
                    new Part(
                            "t10k-labels-idx1-ubyte",
                            1,
                            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"));

    private static final List<String> CLASSES =
            List.of(
                    "T-shirt/top",
                    "Trouser",
                    "Pullover",
                    "Dress",
                    "Coat",
                    "Sandal",
                    "Shirt",
                    "Sneaker",
                    "Bag",
                    "Ankle boot");
    private static final int SIDE = 28;
    private static final int TIMEOUT_MILLIS = 10_000;
    private static final long LARGEST_DOWNLOAD = 100L << 20;
    private static final Duration DOWNLOAD_TIME = Duration.ofMinutes(30);

    private final Path cache;
    private final Path system;
    private final URI address;

    /// With places of its own, for tests.
    FashionMnist(Path cache, Path system, URI address) {
        this.cache = cache;
        this.system = system;
        this.address = address;
    }

    private static FashionMnist usual() {
        return new FashionMnist(
                Folders.cache().resolve("fashion-mnist"),
                Path.of("/usr/share/datasets/fashion-mnist"),
                URI.create("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"));
    }

    /// The images from the first place that has them.
    ///
    /// @param folder a place of the user's choice, if any
    /// @param notes is told about places passed over and downloads
    /// @throws NacreException if no place has them, or one has broken files; it says what was found where
    public static Split read(Optional<Path> folder, Consumer<String> notes) {
        return usual().search(folder, notes);
    }

    /// The images from the cache, Debian's folder or the official address.
    public static Split read() {
        return read(Optional.empty(), _ -> {});
    }

    /// What is where, one line for each place on this machine; nothing is downloaded.
    public static List<String> report() {
        FashionMnist f = usual();
        return Stream.of(f.cache, f.system)
                .map(place ->
                        f.name(place)
                                + (lacking(place).isEmpty() ? place + " has it" : lacking(place)))
                .toList();
    }

    /// The files that are read if a folder has them.
    public static List<Path> files(Path folder) {
        return PARTS.stream().map(p -> file(folder, p)).toList();
    }

    private String name(Path place) {
        return place == cache ? "cache: " : "Debian's dataset-fashion-mnist: ";
    }

    Split search(Optional<Path> folder, Consumer<String> notes) {
        List<String> tried = new ArrayList<>();
        if (folder.isEmpty()) {
            tried.add("given folder: none");
        } else {
            String lacks = lacking(folder.get());
            if (lacks.isEmpty()) {
                return load(folder.get(), false);
            }
            tried.add("given folder: " + lacks);
            notes.accept(lacks + "; looking elsewhere");
        }
        for (Path place : List.of(cache, system)) {
            String lacks = lacking(place);
            if (lacks.isEmpty()) {
                return load(place, true);
            }
            tried.add(name(place) + lacks);
        }
        try {
            download(notes);
        } catch (IOException e) {
            tried.add("download: " + address + " failed (" + reason(e) + ")");
            throw new NacreException(
                    "fashion-mnist: no data found\n  "
                            + String.join("\n  ", tried)
                            + "\n  hint: on Debian and Ubuntu 'apt install dataset-fashion-mnist' brings them; or put the four files into a folder and name it with --data");
        }
        return load(cache, true);
    }

    private static String reason(IOException e) {
        return e.getMessage() == null
                ? e.getClass().getSimpleName()
                : e.getClass().getSimpleName() + ": " + e.getMessage();
    }

    /// What a folder lacks; empty if nothing.
    private static String lacking(Path folder) {
        if (!Files.isDirectory(folder)) {
            return folder + (Files.exists(folder) ? " is no folder" : " does not exist");
        }
        Predicate<Part> isThere = p -> Files.exists(file(folder, p));
        List<String> missing =
                PARTS.stream().filter(isThere.negate()).map(p -> p.name + ".gz").toList();
        return missing.isEmpty() ? "" : folder + " lacks " + String.join(", ", missing);
    }

    /// The packed file, or the unpacked one where only that is there.
    private static Path file(Path folder, Part part) {
        Path plain = folder.resolve(part.name);
        return Files.exists(plain) && !Files.exists(folder.resolve(part.name + ".gz"))
                ? plain
                : folder.resolve(part.name + ".gz");
    }

    private static Split load(Path folder, boolean known) {
        List<Idx> files = new ArrayList<>();
        for (Part part : PARTS) {
            Path file = file(folder, part);
            Idx idx = Idx.read(file);
            if (known && !idx.sha256().equals(part.sha256)) {
                throw new NacreException(
                        "fashion-mnist: "
                                + file
                                + " has SHA-256 "
                                + idx.sha256()
                                + " unpacked, expected "
                                + part.sha256
                                + "\n  hint: delete it");
            }
            if (idx.sizes().size() != part.rank
                    || part.rank == 3 && !idx.sizes().subList(1, 3).equals(List.of(SIDE, SIDE))) {
                throw new NacreException(
                        "fashion-mnist: "
                                + file
                                + " must be of sizes "
                                + (part.rank == 3 ? "[n, 28, 28]" : "[n]")
                                + ", but is "
                                + idx.sizes());
            }
            files.add(idx);
        }
        ImageSet train = set("Fashion-MNIST, training", files.get(0), files.get(1));
        ImageSet test = set("Fashion-MNIST, test", files.get(2), files.get(3));
        return new Split(train, test, folder.toString());
    }

    private static ImageSet set(String name, Idx images, Idx labels) {
        return new ImageSet(name, images.data(), 1, SIDE, SIDE, 255, labels.data(), CLASSES);
    }

    private void download(Consumer<String> notes) throws IOException {
        notes.accept("downloading Fashion-MNIST (30 MB) from " + address + " to " + cache);
        Files.createDirectories(cache);
        for (Part part : PARTS) {
            Path target = cache.resolve(part.name + ".gz");
            if (!Files.exists(target)) {
                fetch(part, target);
            }
        }
    }

    /// Under another name until it is complete and known to be right.
    private void fetch(Part part, Path target) throws IOException {
        Path temporary = Files.createTempFile(cache, "download", ".gz");
        try {
            URLConnection connection = address.resolve(part.name + ".gz").toURL().openConnection();
            connection.setConnectTimeout(TIMEOUT_MILLIS);
            connection.setReadTimeout(TIMEOUT_MILLIS);
            try (InputStream in = connection.getInputStream();
                    OutputStream out = Files.newOutputStream(temporary)) {
                Budget.of(LARGEST_DOWNLOAD)
                        .time(DOWNLOAD_TIME)
                        .begin(p -> new NacreException("fashion-mnist: " + part.name + ".gz " + p))
                        .counted(in, 1, "the download")
                        .transferTo(out);
            }
            String sum;
            try {
                sum = Idx.read(temporary).sha256();
            } catch (NacreException e) {
                throw new IOException(part.name + ".gz came broken: " + e.getMessage(), e);
            }
            if (!sum.equals(part.sha256)) {
                throw new IOException(
                        part.name
                                + ".gz has SHA-256 "
                                + sum
                                + " unpacked, expected "
                                + part.sha256);
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
