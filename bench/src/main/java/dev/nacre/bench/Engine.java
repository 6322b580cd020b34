package dev.nacre.bench;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Something that is measured, and how its process is started: with the settings that make it fastest.
///
/// @param name as it stands in the results
/// @param peer the peer it belongs to ([#PEERS]), if it is one
/// @param project its folder in `bench/peers`, if it needs a class path of its own
/// @param main the class that serves
/// @param options of the JVM
/// @param environment variables
/// @param warmSeconds how long it needs until its times no longer fall
/// @param only the workloads it is asked for; empty for all
record Engine(
        String name,
        Optional<String> peer,
        Optional<String> project,
        String main,
        List<String> options,
        Map<String, String> environment,
        double warmSeconds,
        Set<String> only) {
    static final String NACRE = "nacre";

    /// What can be measured beside Nacre.
    static final List<String> PEERS = List.of("libtorch", "onnxruntime", "tensorflow", "dl4j");

    /// glibc keeps large blocks instead of giving them back after every tensor, and asks for huge pages.
    private static final String MALLOC =
            "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=68719476736:glibc.malloc.top_pad=67108864";

    private static final List<String> MKL =
            List.of(
                    "-Dorg.bytedeco.openblas.load=mkl_rt",
                    "-Dorg.bytedeco.javacpp.nopointergc=true");

    private static final int THREADS = Runtime.getRuntime().availableProcessors();

    /// Nacre with the flags that this JVM has got, which are those of every program that the launcher starts.
    static Engine nacre() {
        return own(NACRE, "dev.nacre.bench.workload.NacreEngine", Set.of());
    }

    /// The machine's limits: oneDNN and copies without Nacre's engine.
    static Engine direct() {
        return own("direct", "dev.nacre.bench.workload.DirectEngine", Set.of("W12"));
    }

    /// Nacre as another checkout has it.
    ///
    /// @param options of the JVM, as its own launcher gives them
    static Engine other(String name, List<String> options) {
        return own(name, nacre().main, options, Set.of());
    }

    private static Engine own(String name, String main, Set<String> only) {
        return own(name, main, flags(), only);
    }

    private static Engine own(String name, String main, List<String> options, Set<String> only) {
        return new Engine(
                name, Optional.empty(), Optional.empty(), main, options, Map.of(), 3, only);
    }

    /// This JVM's flags.
    static List<String> flags() {
        return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(f -> !f.startsWith("-agentlib") && !f.startsWith("-javaagent"))
                .toList();
    }

    /// The engines that belong to some peers.
    static List<Engine> of(List<String> peers) {
        List<Engine> all = new ArrayList<>();
        String torch = "dev.nacre.bench.libtorch.LibTorchEngine";
        all.add(peer("libtorch", "libtorch", torch, MKL, THREADS, Set.of()));
        // a second thread only costs in steps as small as this
        all.add(peer("libtorch-1thread", "libtorch", torch, MKL, 1, Set.of("W1", "W14")));
        all.add(
                peer(
                        "mkl",
                        "libtorch",
                        "dev.nacre.bench.libtorch.MklEngine",
                        List.of(),
                        THREADS,
                        Set.of("W12")));
        all.add(
                peer(
                        "onnxruntime",
                        "onnxruntime",
                        "dev.nacre.bench.onnxruntime.OnnxRuntimeEngine",
                        List.of(),
                        THREADS,
                        Set.of("W5", "W8", "W9", "W12", "W14")));
        String tensorFlow = "dev.nacre.bench.tensorflow.TensorFlowEngine";
        Set<String> most = Set.of("W1", "W2", "W3", "W4", "W5", "W8", "W9", "W11", "W12");
        all.add(peer("tensorflow", "tensorflow", tensorFlow, List.of(), THREADS, most));
        all.add(peer("tensorflow-1thread", "tensorflow", tensorFlow, List.of(), 1, Set.of("W1")));
        all.add(
                peer(
                        "dl4j",
                        "dl4j",
                        "dev.nacre.bench.dl4j.Dl4jEngine",
                        MKL.subList(0, 1),
                        THREADS,
                        Set.of("W1", "W2", "W3", "W6", "W9", "W11", "W12")));
        return all.stream().filter(e -> peers.contains(e.peer.orElseThrow())).toList();
    }

    private static Engine peer(
            String name,
            String peer,
            String main,
            List<String> more,
            int threads,
            Set<String> only) {
        List<String> options =
                new ArrayList<>(
                        List.of(
                                "--enable-native-access=ALL-UNNAMED",
                                "-XX:+UseSerialGC",
                                "-Xmx8g",
                                "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
                                "-Dbench.threads=" + threads));
        options.addAll(more);
        Map<String, String> environment =
                Map.of(
                        "OMP_NUM_THREADS",
                        Integer.toString(threads),
                        "GLIBC_TUNABLES",
                        MALLOC,
                        "TF_CPP_MIN_LOG_LEVEL",
                        "1");
        return new Engine(
                name,
                Optional.of(peer),
                Optional.of(peer),
                main,
                options,
                environment,
                peer.equals("dl4j") ? 8 : 3,
                only);
    }

    boolean isNacre() {
        return name.equals(NACRE);
    }

    boolean mayHave(String workload) {
        return only.isEmpty() || only.contains(workload);
    }
}
