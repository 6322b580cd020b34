/// Layers, losses, optimizers, data and training.
module dev.nacre.nn {
    requires transitive dev.nacre;
    requires java.desktop;

    exports dev.nacre.nn;
    exports dev.nacre.nn.data;
    exports dev.nacre.nn.loss;
    exports dev.nacre.nn.optim;
}
