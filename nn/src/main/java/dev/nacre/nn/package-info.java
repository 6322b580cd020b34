/// Layers, initializers, losses, optimizers, metrics, data and training.
package dev.nacre.nn;
