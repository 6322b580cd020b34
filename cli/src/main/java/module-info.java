/// The `nacre` command.
module dev.nacre.cli {
    requires dev.nacre;
    requires dev.nacre.cpu;
    requires dev.nacre.nn;
    requires dev.nacre.formats;
    requires dev.nacre.models;
    requires info.picocli;
    requires jdk.unsupported;

    opens dev.nacre.cli to
            info.picocli;
}
