package dev.nacre.formats.broken;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.formats.model.Model;
import dev.nacre.formats.npy.Npy;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.data.Idx;
import dev.nacre.nn.data.Image;
import dev.nacre.nn.data.TextFile;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The table of readers and mutations: each ends in the library's own exception or in a result, in seconds, in a Java virtual machine with 256 MiB and the serial collector.
class BrokenFilesTest {
    @TempDir Path folder;

    private static final long SLOW = 10_000_000_000L;

    /// What runs in the small virtual machine: prints what went wrong, and `done`.
    static final class Small {
        private Small() {}

        public static void main(String[] args) throws IOException {
            System.setProperty("java.awt.headless", "true");
            Path folder = Path.of(args[0]);
            int rounds = Integer.parseInt(args[1]);
            long seed = Long.parseLong(args[2]);
            bombs(folder);
            for (Reader r : Reader.all(folder)) {
                check(r.name() + " whole", r.good(), r, folder, true);
                for (Mutation m : Mutation.values()) {
                    Random random = new Random(seed + r.name().hashCode());
                    for (int i = 0; i < rounds; i++) {
                        byte[] bad = m.of(r.good(), random);
                        bad = r.name().startsWith("png") && i % 2 == 0 ? summed(bad) : bad;
                        check(r.name() + " " + m + " " + i, bad, r, folder, false);
                    }
                }
            }
            IO.println("done");
        }

        /// With right checksums, so that what is broken comes further than these.
        private static byte[] summed(byte[] png) {
            byte[] out = png.clone();
            var b = java.nio.ByteBuffer.wrap(out);
            for (long at = 8; at + 12 <= out.length; ) {
                int length = b.getInt((int) at);
                if (length < 0 || at + 12 + length > out.length) {
                    break;
                }
                CRC32 sum = new CRC32();
                sum.update(out, (int) at + 4, 4 + length);
                b.putInt((int) at + 8 + length, (int) sum.getValue());
                at += 12 + length;
            }
            return out;
        }

        private static void bombs(Path folder) throws IOException {
            for (Map.Entry<String, byte[]> e : Bombs.all().entrySet()) {
                Path file = Files.write(folder.resolve(e.getKey()), e.getValue());
                String name = e.getKey();
                long begin = System.nanoTime();
                try {
                    if (name.contains("idx")) {
                        Idx.read(file);
                    } else if (name.endsWith("text.gz")) {
                        TextFile.read(file);
                    } else if (name.endsWith("safetensors")) {
                        SafeTensors.read(file);
                    } else if (name.endsWith("npy")) {
                        Npy.read(file);
                    } else {
                        Image.read(file);
                    }
                    // Its text is passed over, its profile not looked at; many scans are many, but
                    // few enough.
                    if (!List.of("text.png", "scans.jpeg").contains(name)) {
                        IO.println("BAD bomb " + name + " was read");
                    }
                } catch (NacreException e2) {
                    if (name.equals("text.png")) {
                        IO.println("BAD bomb " + name + " " + e2.getMessage());
                    }
                } catch (Throwable t) {
                    IO.println("BAD bomb " + name + " " + t);
                }
                if (System.nanoTime() - begin > SLOW) {
                    IO.println("BAD bomb " + name + " took too long");
                }
                Files.delete(file);
            }
        }

        private static void check(String what, byte[] data, Reader r, Path folder, boolean whole)
                throws IOException {
            Path file = folder.resolve("mutated." + r.name().replace(' ', '-'));
            Files.write(file, data);
            long begin = System.nanoTime();
            try {
                Object read = r.read().of(file);
                if (read instanceof Model m) {
                    m.network().summary();
                }
            } catch (NacreException e) {
                if (whole || !e.getMessage().contains(file.toString())) {
                    IO.println("BAD " + what + " " + e);
                }
            } catch (Throwable t) {
                IO.println("BAD " + what + " " + t);
            }
            if (System.nanoTime() - begin > SLOW) {
                IO.println("BAD " + what + " took too long");
            }
        }
    }

    private void run(int rounds, long seed, int minutes) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(
                List.of(
                        "-Xmx256m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "--enable-native-access=ALL-UNNAMED"));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(a -> a.startsWith("--add-modules"))
                .forEach(command::add);
        command.add("-cp");
        command.add(
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path")));
        command.addAll(
                List.of(
                        Small.class.getName(),
                        folder.toString(),
                        Integer.toString(rounds),
                        Long.toString(seed)));
        Path out = folder.resolve("out.log");
        Process p =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(out.toFile())
                        .start();
        try {
            assertTrue(p.waitFor(minutes, TimeUnit.MINUTES), () -> "hangs: " + text(out));
        } finally {
            p.destroyForcibly();
        }
        List<String> lines =
                Arrays.stream(text(out).split("\n"))
                        .filter(l -> l.startsWith("BAD") || l.startsWith("Exception"))
                        .toList();
        assertEquals(List.of(), lines, "seed " + seed);
        assertTrue(text(out).contains("done"), text(out));
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    @Test
    void everyReaderWithEveryMutation() throws Exception {
        run(6, 1, 2);
    }

    @Test
    @Tag("nightly")
    void manyMore() throws Exception {
        run(3000, System.nanoTime(), 60);
    }
}
