package dev.nacre.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Where and when numbers were taken, so that they can be judged and taken again.
final class About {
    /// Instruction sets that decide which kernels an engine takes.
    private static final List<String> FLAGS =
            List.of("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8");

    private About() {}

    /// What by name.
    static Map<String, String> lines(
            Summary.Limits limits, Map<String, String> versions, String command) {
        Map<String, String> out = new LinkedHashMap<>();
        out.put("machine", processor());
        out.put(
                "limits",
                String.format(
                        Locale.ROOT,
                        "products %.0f GFLOP/s in f32 and %.0f in bf16 (oneDNN, n = 1024), copies %.1f GB/s",
                        limits.f32(),
                        limits.bf16(),
                        limits.copy()));
        out.put(
                "system",
                System.getProperty("os.name")
                        + " "
                        + System.getProperty("os.version")
                        + ", JDK "
                        + Runtime.version());
        out.put(
                "engines",
                versions.entrySet().stream()
                        .map(e -> e.getKey() + ": " + e.getValue())
                        .collect(Collectors.joining("; ")));
        out.put(
                "date",
                ZonedDateTime.now(ZoneOffset.UTC)
                        .format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm 'UTC'")));
        out.put("command", command);
        return out;
    }

    private static String processor() {
        String model = field("model name");
        List<String> has = List.of(field("flags").split(" "));
        return model
                + ", "
                + Runtime.getRuntime().availableProcessors()
                + " processors; "
                + FLAGS.stream()
                        .map(f -> has.contains(f) ? f : "no " + f)
                        .collect(Collectors.joining(", "));
    }

    private static String field(String name) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(l -> l.startsWith(name))
                    .map(l -> l.substring(l.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("");
        } catch (IOException _) {
            return System.getProperty("os.arch");
        }
    }
}
