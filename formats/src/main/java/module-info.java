/// Readers and writers of files that other frameworks use.
module dev.nacre.formats {
    requires transitive dev.nacre;
    requires transitive dev.nacre.nn;

    exports dev.nacre.formats.json;
}
