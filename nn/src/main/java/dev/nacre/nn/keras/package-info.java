/// Keras's way to say the same: layers without input sizes, `compile`, `fit`, `evaluate`, `predict`, with Keras's names and defaults. Images have their channels last.
package dev.nacre.nn.keras;
