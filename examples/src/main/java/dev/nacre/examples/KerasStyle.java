package dev.nacre.examples;

import static dev.nacre.nn.Activation.RELU;
import static dev.nacre.nn.Activation.SOFTMAX;
import static dev.nacre.nn.keras.Fit.epochs;

import dev.nacre.Rng;
import dev.nacre.nn.keras.Dense;
import dev.nacre.nn.keras.Input;
import dev.nacre.nn.keras.Sequential;

/// A stack of layers, compiled and fitted, as in Keras.
public final class KerasStyle {
    private KerasStyle() {}

    public static void main(String[] args) {
        var data = Blobs.of(1000, 100, 10, Rng.seed(1));

        var model = Sequential.of(Input.of(100), Dense.of(64, RELU), Dense.of(10, SOFTMAX));
        model.compile("adam", "sparse_categorical_crossentropy", "accuracy");
        model.fit(data.x(), data.y(), epochs(10));

        IO.print(model.summary());
        IO.println(model.evaluate(data.x(), data.y()));
    }
}
