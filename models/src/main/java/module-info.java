/// Whole networks, with the names their published weights have.
module dev.nacre.models {
    requires transitive dev.nacre.nn;

    exports dev.nacre.models;

    opens dev.nacre.models to
            dev.nacre.nn;
}
