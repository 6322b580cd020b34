package dev.nacre.nn.keras;

import dev.nacre.nn.Activation;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.L1Loss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.metric.Accuracy;
import dev.nacre.nn.metric.BinaryAccuracy;
import dev.nacre.nn.metric.MeanError;
import dev.nacre.nn.metric.Metric;
import dev.nacre.nn.metric.TopKAccuracy;
import dev.nacre.nn.optim.Rule;
import dev.nacre.type.NacreException;
import java.util.List;
import java.util.Locale;

/// What Keras's names stand for, with Keras's defaults.
final class Names {
    private Names() {}

    /// Keras takes the names of functions (`mean_squared_error`), of classes (`MeanSquaredError`) and short ones in either case (`mse`, `MSE`).
    private static String canonical(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        boolean ofClass = !name.equals(lower) && !name.equals(name.toUpperCase(Locale.ROOT));
        String words =
                ofClass
                        ? name.replaceAll("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_")
                        : name;
        return words.toLowerCase(Locale.ROOT);
    }

    static Rule optimizer(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "adam" -> Optimizers.adam(1e-3);
            case "adamw" -> Optimizers.adamW(1e-3);
            case "sgd" -> Optimizers.sgd(0.01);
            case "rmsprop" -> Optimizers.rmsprop(1e-3);
            case "adagrad" -> Optimizers.adagrad(1e-3);
            default ->
                    throw unknown(
                            "optimizer",
                            name,
                            List.of("adam", "adamw", "sgd", "rmsprop", "adagrad"));
        };
    }

    /// The loss, on what comes before the last layer's activation.
    static Loss loss(String name, Activation last) {
        return switch (canonical(name)) {
            case "sparse_categorical_crossentropy", "categorical_crossentropy" -> {
                require(name, last, Activation.SOFTMAX, "new CrossEntropyLoss()");
                yield new CrossEntropyLoss();
            }
            case "binary_crossentropy", "bce" -> {
                require(name, last, Activation.SIGMOID, "new BCEWithLogitsLoss()");
                yield new BCEWithLogitsLoss();
            }
            case "mse", "mean_squared_error" -> new MSELoss();
            case "mae", "mean_absolute_error" -> new L1Loss();
            case "huber" -> new HuberLoss();
            default ->
                    throw unknown(
                            "loss",
                            name,
                            List.of(
                                    "sparse_categorical_crossentropy",
                                    "categorical_crossentropy",
                                    "binary_crossentropy",
                                    "mse",
                                    "mae",
                                    "huber"));
        };
    }

    /// What a loss wants of its targets.
    static Targets targets(String loss) {
        return switch (canonical(loss)) {
            case "sparse_categorical_crossentropy" -> Targets.CLASSES;
            case "categorical_crossentropy" -> Targets.DISTRIBUTIONS;
            default -> Targets.VALUES;
        };
    }

    private static void require(String loss, Activation last, Activation wanted, String otherwise) {
        if (last != wanted) {
            throw new NacreException(
                    "compile: "
                            + loss
                            + " needs probabilities, so the last layer's activation must be "
                            + wanted
                            + ", but it is "
                            + last
                            + "\n  hint: for logits pass the loss as an object, "
                            + otherwise);
        }
    }

    static Metric metric(String name) {
        return switch (canonical(name)) {
            case "accuracy", "acc" -> new ShapedAccuracy();
            case "binary_accuracy" -> new BinaryAccuracy();
            case "categorical_accuracy", "sparse_categorical_accuracy" ->
                    new ClassesLast.OfMetric(new Accuracy());
            case "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy" ->
                    new ClassesLast.OfMetric(new TopKAccuracy(5));
            case "mse", "mean_squared_error" -> new MeanError(true);
            case "mae", "mean_absolute_error" -> new MeanError(false);
            default ->
                    throw unknown(
                            "metric",
                            name,
                            List.of(
                                    "accuracy",
                                    "binary_accuracy",
                                    "categorical_accuracy",
                                    "sparse_categorical_accuracy",
                                    "top_k_categorical_accuracy",
                                    "sparse_top_k_categorical_accuracy",
                                    "mse",
                                    "mae"));
        };
    }

    private static NacreException unknown(String what, String name, List<String> known) {
        return new NacreException(
                "compile: there is no "
                        + what
                        + " '"
                        + name
                        + "'; there are "
                        + String.join(", ", known));
    }
}
