/// Readers and writers of files that other frameworks use.
module dev.nacre.formats {
    requires com.fasterxml.jackson.core;
    requires transitive dev.nacre;
    requires transitive dev.nacre.nn;

    exports dev.nacre.formats;
    exports dev.nacre.formats.model;
    exports dev.nacre.formats.npy;
    exports dev.nacre.formats.safetensors;
}
