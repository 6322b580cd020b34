package dev.nacre.bench.protocol;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// What Linux tells about the time and memory that were used. Elsewhere the numbers are 0.
final class Machine {
    /// In the kernel's ticks, since the machine started.
    ///
    /// @param all of every processor
    /// @param others of processes other than this one, and of other guests of the hypervisor
    record Ticks(long all, long others) {
        /// Per cent of the time since an earlier moment that others took.
        double othersSince(Ticks before) {
            long passed = all - before.all;
            return passed == 0 ? 0 : Math.max(0, 100.0 * (others - before.others) / passed);
        }
    }

    private Machine() {}

    static Ticks ticks() {
        try {
            String first = Files.readAllLines(Path.of("/proc/stat")).getFirst();
            long[] f =
                    Arrays.stream(first.strip().split("\\s+"))
                            .skip(1)
                            .limit(8)
                            .mapToLong(Long::parseLong)
                            .toArray();
            long all = Arrays.stream(f).sum();
            long idle = f[3] + f[4];
            // user and system time, counted from behind the name in parentheses
            String self = Files.readString(Path.of("/proc/self/stat"));
            String[] own = self.substring(self.lastIndexOf(')') + 2).split(" ");
            return new Ticks(all, all - idle - Long.parseLong(own[11]) - Long.parseLong(own[12]));
        } catch (IOException _) {
            return new Ticks(0, 0);
        }
    }

    /// The most resident memory that this process has had, in KiB.
    static long peakMemory() {
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(l -> l.startsWith("VmHWM:"))
                    .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")))
                    .findFirst()
                    .orElse(0);
        } catch (IOException _) {
            return 0;
        }
    }
}
