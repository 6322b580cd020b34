/// Layers, losses, optimizers, data and training.
module dev.nacre.nn {
    requires transitive dev.nacre;
    requires java.desktop; // pictures

    exports dev.nacre.nn.data;
}
