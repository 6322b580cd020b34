package dev.nacre.nn.keras;

import static dev.nacre.nn.Activation.RELU;
import static dev.nacre.nn.Activation.SIGMOID;
import static dev.nacre.nn.Activation.SOFTMAX;
import static dev.nacre.nn.keras.Fit.batchSize;
import static dev.nacre.nn.keras.Fit.callback;
import static dev.nacre.nn.keras.Fit.epochs;
import static dev.nacre.nn.keras.Fit.validationSplit;
import static dev.nacre.nn.keras.Fit.verbose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.optim.Adam;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SequentialTest {
    private final Tensor centres = Rng.seed(1).normal(10, 100).realize();
    private final Tensor y = Rng.seed(2).integers(10, Shape.of(500)).realize();
    private final Tensor x = centres.take(y, 0).add(Rng.seed(3).normal(500, 100)).realize();

    /// The founding program (a).
    @Test
    void foundingProgram() {
        var model = Sequential.of(Input.of(100), Dense.of(64, RELU), Dense.of(10, SOFTMAX));
        model.compile("adam", "sparse_categorical_crossentropy", "accuracy");
        History h = model.fit(x, y, epochs(10), verbose(0));
        assertEquals(10, h.epochs());
        assertEquals(List.of("loss", "accuracy"), h.names());
        assertTrue(h.of("loss").getLast() < h.of("loss").getFirst() / 4, h.toString());
        assertTrue(h.of("accuracy").getLast() > 0.9, h.toString());
        Map<String, Double> e = model.evaluate(x, y);
        Tensor p = model.predict(x);
        assertEquals(1, p.sum(1).min().item(), 1e-5);
        assertEquals(new Accuracy().of(p, y).item(), e.get("accuracy"), 1e-6);
        assertEquals(p.gather(1, y.unsqueeze(1)).log().mean().neg().item(), e.get("loss"), 1e-4);
        assertEquals(7114, model.parameterCount());
    }

    @Test
    void certainSoftmaxKeepsItsDigits() {
        var model = Sequential.of(Input.of(2), Dense.of(2, SOFTMAX));
        model.compile("sgd", "sparse_categorical_crossentropy");
        model.load(Map.of("0.weight", Tensor.eye(2), "0.bias", Tensor.zeros(2)));
        double loss =
                model.evaluate(
                                Tensor.of(new float[] {200, 0}).reshape(1, 2),
                                Tensor.of(new long[] {1}))
                        .get("loss");
        assertEquals(200, loss, 1e-3); // through probabilities it would be infinite
    }

    @Test
    void objectsInsteadOfNames() {
        var model = Sequential.of(Dense.of(16, RELU), Dropout.of(0.2), Dense.of(10));
        model.compile(Adam.of(1e-2), new CrossEntropyLoss(), new Accuracy());
        History h =
                model.fit(
                        x,
                        y.unsqueeze(1),
                        epochs(3),
                        batchSize(50),
                        validationSplit(0.2),
                        verbose(0));
        assertEquals(List.of("loss", "accuracy", "val_loss", "val_accuracy"), h.names());
        assertEquals("[500, 10]", model.predict(x).shape().toString());
    }

    @Test
    void oneHotAndBinary() {
        var many = Sequential.of(Input.of(100), Dense.of(10, SOFTMAX));
        many.compile("adam", "categorical_crossentropy", "accuracy");
        assertTrue(
                many.fit(x, y.oneHot(10, DType.F32), epochs(5), verbose(0)).of("accuracy").getLast()
                        > 0.5);
        var two = Sequential.of(Input.of(100), Dense.of(1, SIGMOID));
        two.compile("rmsprop", "binary_crossentropy", "accuracy");
        Tensor even = y.mod(2).cast(DType.F32).unsqueeze(1).realize();
        assertTrue(two.fit(x, even, epochs(10), verbose(0)).of("accuracy").getLast() > 0.6);
    }

    @Test
    void images() {
        var model =
                Sequential.of(
                        Input.of(10, 10, 1),
                        Conv2D.of(4, 3, RELU).padding("same"),
                        MaxPooling2D.of(2),
                        Conv2D.of(8, 3, RELU).strides(2),
                        Flatten.of(),
                        Dense.of(10, SOFTMAX));
        model.compile("adam", "sparse_categorical_crossentropy", "accuracy");
        Tensor images = x.reshape(500, 10, 10, 1);
        assertEquals("[500, 10]", model.predict(images).shape().toString());
        History h = model.fit(images, y, epochs(3), verbose(0));
        assertTrue(h.of("loss").getLast() < h.of("loss").getFirst(), h.toString());
    }

    @Test
    void stopping() {
        var model = Sequential.of(Input.of(100), Dense.of(10, SOFTMAX));
        model.compile("adam", "sparse_categorical_crossentropy");
        assertEquals(
                2,
                model.fit(x, y, epochs(10), verbose(0), callback((epoch, _) -> epoch < 1))
                        .epochs());
        int[] calls = new int[1];
        EarlyStopping stop = EarlyStopping.of("loss", 2);
        for (double loss : new double[] {3, 2, 2.5, 2.4, 2.3}) {
            if (!stop.onEpochEnd(calls[0]++, Map.of("loss", loss))) {
                break;
            }
        }
        assertEquals(4, calls[0]);
    }

    private static String error(org.junit.jupiter.api.function.Executable e) {
        return assertThrows(NacreException.class, e).getMessage();
    }

    @Test
    void misuse() {
        var model = Sequential.of(Input.of(100), Dense.of(10));
        assertEquals(
                "fit: the model is not compiled\n  hint: model.compile(\"adam\", \"sparse_categorical_crossentropy\", \"accuracy\")",
                error(() -> model.fit(x, y)));
        assertEquals(
                "compile: there is no optimizer 'adma'; there are adam, adamw, sgd, rmsprop, adagrad",
                error(() -> model.compile("adma", "mse")));
        assertEquals(
                "compile: sparse_categorical_crossentropy needs probabilities, so the last layer's activation must be SOFTMAX, but it is LINEAR\n  hint: for logits pass the loss as an object, new CrossEntropyLoss()",
                error(() -> model.compile("adam", "sparse_categorical_crossentropy")));
        assertEquals(
                "summary: the layers' sizes are not known yet\n  hint: begin with Input.of(…), or fit first",
                error(() -> Sequential.of(Dense.of(3)).summary()));
        model.compile("adam", "mse");
        assertEquals(
                "batches: there are no examples: x is f32[0, 100]",
                error(() -> model.fit(Tensor.zeros(0, 100), Tensor.zeros(0, 10))));
        assertTrue(error(() -> Input.of(-1, 3)).contains("are [-1, 3]"));
        var classes = Sequential.of(Input.of(100), Dense.of(9, SOFTMAX));
        classes.compile("adam", "sparse_categorical_crossentropy");
        assertTrue(
                error(() -> classes.fit(x, y, verbose(0)))
                        .matches(
                                "crossEntropyLoss: label 9 at position \\d+ is out of range: the classes are 0 to 8"));
    }
}
