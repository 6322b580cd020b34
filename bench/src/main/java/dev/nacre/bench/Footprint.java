package dev.nacre.bench;

import dev.nacre.compile.Memory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;

/// What memory of this process a program is answerable for: objects that it reaches, and native memory that neither the heap nor the JVM itself has.
///
/// Resident memory alone does not tell a leak from a JVM that is still starting: the heap is touched piece by piece, and the JIT takes tens of MiB while it works and leaves machine code behind. So the heap is there
/// from the start (`-Xms`, `-XX:+AlwaysPreTouch`), what is reachable in it is counted by a full collection, and what the JVM knows to have taken for itself (`-XX:NativeMemoryTracking=summary`) is subtracted.
final class Footprint {
    /// Flags of a JVM that can be looked at like this.
    ///
    /// @param heap in MiB
    static List<String> flags(int heap) {
        return List.of(
                "-Xmx" + heap + "m",
                "-Xms" + heap + "m",
                "-XX:+AlwaysPreTouch",
                "-XX:NativeMemoryTracking=summary");
    }

    private static final int MOST_COLLECTIONS = 20;
    private static final int CLEANING_MILLIS = 50;
    private static final int LITTLE = 256; // KiB

    private static final Pattern COMMITTED = Pattern.compile("committed=(\\d+)KB");

    private Footprint() {}

    /// KiB of native memory beside the heap and what the JVM has for itself. What the program has allocated through the JVM is not the JVM's. What nobody needs any more is given back before: blocks that nobody
    /// reaches, those that wait for the next tensors, and what the C library keeps of what was freed. How much of that there is depends on when the last collection was.
    static long ofProgram() {
        settle();
        String tracked = diagnostic("vmNativeMemory", "summary", "scale=KB");
        return resident() - committed(tracked, "Total") + committed(tracked, "- *Other");
    }

    /// KiB of the JVM itself: code, metadata, collector, compilers.
    static long ofJvm() {
        String tracked = diagnostic("vmNativeMemory", "summary", "scale=KB");
        return committed(tracked, "Total")
                - committed(tracked, "- *Java Heap")
                - committed(tracked, "- *Other");
    }

    private static long committed(String tracked, String of) {
        for (String line : tracked.split("\n")) {
            if (line.matches(of + "[ :].*")) {
                Matcher m = COMMITTED.matcher(line);
                return m.find() ? Long.parseLong(m.group(1)) : 0;
            }
        }
        return 0;
    }

    /// Collects until nothing more comes back: what a collection finds is freed by a thread that may have to wait for its turn.
    private static void settle() {
        long before = 0;
        for (int i = 0;
                i < 2
                        || i < MOST_COLLECTIONS
                                && resident() < before - LITTLE; // idle blocks need two
                i++) {
            before = resident();
            live();
            try {
                Thread.sleep(CLEANING_MILLIS);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            Memory.release();
            diagnostic("systemTrimNativeHeap");
        }
    }

    /// KiB of the heap that are reachable. Counting objects makes any collector do a full collection, also one that does not obey `System.gc()`.
    static long live() {
        String[] lines = diagnostic("gcClassHistogram").split("\n");
        String total = lines[lines.length - 1]; // Total, objects, bytes
        return Long.parseLong(total.strip().split("\\s+")[2]) / 1024;
    }

    private static String diagnostic(String command, String... arguments) {
        try {
            Object[] given =
                    arguments.length == 0 ? new Object[] {new String[0]} : new Object[] {arguments};
            return (String)
                    ManagementFactory.getPlatformMBeanServer()
                            .invoke(
                                    new ObjectName("com.sun.management:type=DiagnosticCommand"),
                                    command,
                                    given,
                                    new String[] {String[].class.getName()});
        } catch (JMException e) {
            throw new IllegalStateException(e);
        }
    }

    /// KiB of this process, as Linux counts it.
    static long resident() {
        return status("VmRSS");
    }

    /// The most that ever were.
    static long peak() {
        return status("VmHWM");
    }

    private static long status(String kind) {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(l -> l.startsWith(kind))
                    .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
