package dev.nacre.nn.keras;

import dev.nacre.type.NacreException;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/// A value that is watched from epoch to epoch. NaN is never better than anything.
///
/// @param callback who watches, for errors
/// @param name of the value in the logs
/// @param mode `min`, `max`, or `auto`: by the name
/// @param minDelta by how much a value must be better to count as better
record Monitor(String callback, String name, String mode, double minDelta) {
    private static final List<String> UP =
            List.of(
                    "accuracy",
                    "acc",
                    "auc",
                    "precision",
                    "recall",
                    "f1",
                    "fbeta",
                    "iou",
                    "io",
                    "r2",
                    "similarity",
                    "dice",
                    "specificity",
                    "sensitivity");
    private static final List<String> DOWN =
            List.of(
                    "loss",
                    "error",
                    "mse",
                    "mae",
                    "mape",
                    "msle",
                    "rmse",
                    "crossentropy",
                    "hinge",
                    "divergence",
                    "poisson",
                    "perplexity",
                    "logcosh",
                    "cosh");

    Monitor {
        if (!List.of("auto", "min", "max").contains(mode)) {
            throw new NacreException(
                    callback + ": the mode must be auto, min or max, but is " + mode);
        }
        if (!(Math.abs(minDelta) < Double.POSITIVE_INFINITY)) {
            throw new NacreException(
                    callback + ": minDelta must be a finite number, but is " + minDelta);
        }
    }

    /// The value in the logs of an epoch.
    double in(Map<String, Double> logs) {
        require(logs.keySet());
        return logs.get(name);
    }

    /// Throws unless the value is among these.
    void require(Collection<String> names) {
        if (!names.contains(name)) {
            throw new NacreException(
                    callback
                            + ": there is no '"
                            + name
                            + "'; there are "
                            + String.join(", ", names)
                            + (name.startsWith("val_") && names.contains(name.substring(4))
                                    ? "\n  hint: fit(…, validationSplit(0.2)), or validationData(x, y)"
                                    : ""));
        }
    }

    /// What every value is better than, but NaN.
    double worst() {
        return isUp() ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }

    boolean isBetter(double value, double than) {
        double delta = Math.abs(minDelta);
        return isUp() ? value - delta > than : value + delta < than;
    }

    /// Whether larger is better. Keras asks its metrics; here the words of the name tell.
    private boolean isUp() {
        if (!mode.equals("auto")) {
            return mode.equals("max");
        }
        List<String> words = Arrays.asList(name.split("_"));
        boolean down = words.stream().anyMatch(DOWN::contains);
        if (down == words.stream().anyMatch(UP::contains)) {
            throw new NacreException(
                    callback
                            + ": whether '"
                            + name
                            + "' should grow or shrink cannot be told from its name\n"
                            + "  hint: .mode(\"max\") or .mode(\"min\")");
        }
        return !down;
    }
}
