package dev.nacre.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;

/// Another JVM on the same class path.
final class Child {
    /// libtorch as fast as it gets from Java: MKL for OpenBLAS, no collection of pointers behind its back.
    static final List<String> LIBTORCH =
            List.of(
                    "-Dorg.bytedeco.openblas.load=mkl_rt",
                    "-Dorg.bytedeco.javacpp.nopointergc=true",
                    "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0");

    private Child() {}

    static List<String> command(List<String> options, String... main) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                ProcessHandle.current().info().command().orElse("java"),
                                "--add-modules",
                                "jdk.incubator.vector",
                                "--enable-native-access=ALL-UNNAMED",
                                "-XX:+UseSerialGC"));
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(main));
        return command;
    }

    /// The number that the child prints after `RESULT`.
    static double number(List<String> options, String... main)
            throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command(options, main)).redirectErrorStream(true).start();
        StringBuilder said = new StringBuilder();
        double result = Double.NaN;
        try (BufferedReader in = new BufferedReader(new InputStreamReader(p.getInputStream()))) {
            for (String line; (line = in.readLine()) != null; ) {
                if (line.startsWith("RESULT ")) {
                    result = Double.parseDouble(line.substring(7));
                } else {
                    said.append(line).append('\n');
                }
            }
        }
        if (p.waitFor() != 0 || Double.isNaN(result)) {
            throw new IllegalStateException(main[0] + " failed:\n" + said);
        }
        return result;
    }
}
