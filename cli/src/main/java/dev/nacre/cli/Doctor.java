package dev.nacre.cli;

import dev.nacre.compile.Memory;
import dev.nacre.cpu.CpuBackend;
import dev.nacre.cpu.Native;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.nn.data.FashionMnist;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// `nacre doctor`.
@Command(
        name = "doctor",
        description = "Print what Nacre found on this machine, and how to get what is missing.",
        footerHeading = "%nExamples:%n",
        footer = "  nacre doctor",
        mixinStandardHelpOptions = true)
final class Doctor implements Runnable {
    @Spec private CommandSpec spec;

    Doctor() {}

    @Override
    public void run() {
        List<String> missing = new ArrayList<>();
        PrintWriter out = spec.commandLine().getOut();
        row(out, "nacre", new Build().getVersion()[0].replaceFirst("nacre ", ""));
        row(out, "jdk", Runtime.version() + "  " + System.getProperty("java.home"));
        row(
                out,
                "machine",
                System.getProperty("os.name")
                        + " "
                        + System.getProperty("os.arch")
                        + ", "
                        + Runtime.getRuntime().availableProcessors()
                        + " processors");
        row(out, "vectors", vectors(missing));
        row(out, "oneDNN", oneDnn(missing));
        row(out, "threads", Team.get().size() + "  (-Dnacre.threads=N changes it)");
        row(out, "memory", memory());
        out.println("oneDNN was looked for:");
        Native.report().forEach(line -> out.println("  " + line));
        out.println("Fashion-MNIST was looked for:");
        FashionMnist.report().forEach(line -> out.println("  " + line));
        out.println(
                missing.isEmpty() ? "Nothing is missing." : "Missing, so some things are slower:");
        missing.forEach(line -> out.println("  " + line));
        out.flush();
    }

    private static void row(PrintWriter out, String name, String value) {
        out.printf(Locale.ROOT, "%-9s%s%n", name, value);
    }

    private static String vectors(List<String> missing) {
        OptionalInt bits = CpuBackend.vectorBits();
        if (bits.isPresent()) {
            return bits.getAsInt()
                    + " bits, "
                    + (CpuBackend.isMachineCode() ? "own machine code" : "Vector API");
        }
        missing.add(
                "vectors: start java with --add-modules jdk.incubator.vector, without -Dnacre.vector=off");
        return "none: loops run on single numbers";
    }

    private static String oneDnn(List<String> missing) {
        Optional<OneDnn> library = OneDnn.get();
        if (library.isPresent()) {
            return library.get().version()
                    + " for "
                    + library.get().instructions()
                    + "  "
                    + library.get().path();
        }
        missing.add(
                "oneDNN: put "
                        + Build.property("onednn")
                        + " on the class path, or install libdnnl 3; without -Dnacre.onednn=off");
        return "none: products and convolutions run in Java";
    }

    private static String memory() {
        return String.format(
                Locale.ROOT,
                "%,d MiB for Java objects (-Xmx), %,d MiB for tensors (-Dnacre.memory)",
                Runtime.getRuntime().maxMemory() >> 20,
                Memory.limit() >> 20);
    }
}
