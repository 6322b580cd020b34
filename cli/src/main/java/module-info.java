/// The `nacre` command.
module dev.nacre.cli {
    requires dev.nacre;
    requires dev.nacre.cpu;
    requires dev.nacre.nn;
    requires dev.nacre.formats;
    requires com.fasterxml.jackson.core;
    requires info.picocli;

    opens dev.nacre.cli to
            info.picocli;
}
