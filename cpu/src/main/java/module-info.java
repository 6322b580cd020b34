/// The CPU backend. Without the Vector API (`--add-modules jdk.incubator.vector`) it runs scalar loops.
module dev.nacre.cpu {
    requires dev.nacre;
    requires static jdk.incubator.vector;
}
