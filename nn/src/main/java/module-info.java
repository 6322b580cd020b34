/// Layers, losses, optimizers, data and training.
module dev.nacre.nn {
    requires transitive dev.nacre;
    requires java.desktop;

    exports dev.nacre.nn;
    exports dev.nacre.nn.data;
    exports dev.nacre.nn.keras;
    exports dev.nacre.nn.loss;
    exports dev.nacre.nn.metric;
    exports dev.nacre.nn.optim;
    exports dev.nacre.nn.train;
}
