/// The `nacre` command.
module dev.nacre.cli {
    requires dev.nacre;
    requires dev.nacre.cpu;
    requires dev.nacre.nn;
    requires dev.nacre.formats;
    requires dev.nacre.models;
    requires com.fasterxml.jackson.core;
    requires info.picocli;

    opens dev.nacre.cli to
            info.picocli;
}
