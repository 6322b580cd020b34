/// The CPU backend. Without the Vector API (`--add-modules jdk.incubator.vector`) it runs scalar loops.
module dev.nacre.cpu {
    requires transitive dev.nacre;
    requires static jdk.incubator.vector;

    exports dev.nacre.cpu;
    exports dev.nacre.cpu.onednn;

    provides dev.nacre.compile.Backend with
            dev.nacre.cpu.CpuBackend;
}
