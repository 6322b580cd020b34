package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.nn.loss.BCEWithLogitsLoss;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.HalfMSELoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.KLDivLoss;
import dev.nacre.nn.loss.L1Loss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.loss.NLLLoss;
import dev.nacre.nn.loss.SmoothL1Loss;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.Map;

/// What a loss wants of its targets. Keras takes them in any number type, and with or without a last axis of size 1; here they become what the loss takes.
enum Targets {
    /// Class numbers: `[n, …]` for outputs `[n, …, classes]`.
    CLASSES,
    /// A distribution over the classes for each example, such as one-hot rows: of the output's shape.
    DISTRIBUTIONS,
    /// One of the two, told apart by the shape.
    CLASSES_OR_DISTRIBUTIONS,
    /// Numbers of the output's shape.
    VALUES,
    /// Whatever they are: the loss is the user's own.
    AS_GIVEN;

    /// What a loss given as an object wants.
    static Targets of(Loss loss) {
        return switch (loss) {
            case CrossEntropyLoss _ -> CLASSES_OR_DISTRIBUTIONS;
            case NLLLoss _ -> CLASSES;
            case BCEWithLogitsLoss _,
                    MSELoss _,
                    HalfMSELoss _,
                    L1Loss _,
                    HuberLoss _,
                    SmoothL1Loss _,
                    KLDivLoss _ ->
                    VALUES;
            default -> AS_GIVEN;
        };
    }

    /// The targets as the loss takes them.
    ///
    /// @param loss its name, for errors
    /// @param output the model's, with the batch
    Tensor prepared(String loss, Tensor y, Shape output) {
        if (y.rank() == 0) {
            return y; // refused when batches are made
        }
        Shape wanted = output.with(0, y.size(0));
        return switch (this) {
            case AS_GIVEN -> y;
            case VALUES -> values(loss, y, wanted);
            case CLASSES -> classes(loss, y, wanted);
            case DISTRIBUTIONS -> distributions(loss, y, wanted);
            case CLASSES_OR_DISTRIBUTIONS ->
                    y.shape().equals(wanted) && wanted.size(-1) != 1
                            ? floating(y)
                            : classes(loss, y, wanted);
        };
    }

    /// Weights of examples by their classes.
    ///
    /// @param prepared targets as the loss takes them
    Tensor weights(String loss, Tensor prepared, Map<Integer, Double> byClass) {
        Tensor numbers = numbers(loss, prepared).cast(DType.I64);
        Tensor out = Tensor.ones(numbers.shape().toArray());
        for (Map.Entry<Integer, Double> e : byClass.entrySet()) {
            Tensor weight = Tensor.of((float) (double) e.getValue());
            out = numbers.eq(e.getKey()).where(weight, out);
        }
        return out.realize();
    }

    private Tensor numbers(String loss, Tensor y) {
        boolean numbered =
                this == CLASSES || this == CLASSES_OR_DISTRIBUTIONS && y.dtype().isInteger();
        if (numbered || y.rank() == 1) {
            return y;
        }
        if (y.size(-1) == 1) {
            return y.squeeze(-1);
        }
        boolean oneClass =
                this == DISTRIBUTIONS
                        || this == CLASSES_OR_DISTRIBUTIONS
                        || y.ne(0).cast(DType.I64).sum(-1).eq(1).all().item() != 0;
        Problem.in(loss)
                .operand("target", y.type(), y::origin)
                .require(oneClass, "classWeight needs one class for each example")
                .hint("weights of examples can be given with sampleWeight(…)")
                .throwValue();
        return y.argmax(-1);
    }

    private static Tensor floating(Tensor y) {
        return y.dtype() == DType.F32 ? y : y.cast(DType.F32);
    }

    private static Tensor values(String loss, Tensor y, Shape wanted) {
        Tensor aligned = aligned(y, wanted);
        Problem.in(loss)
                .operand("target", y.type(), y::origin)
                .require(
                        aligned.shape().mayEqual(wanted),
                        () -> "the target must have the output's shape " + wanted)
                .throwShape();
        return floating(aligned);
    }

    private static Tensor aligned(Tensor y, Shape wanted) {
        if (y.rank() + 1 == wanted.rank() && wanted.size(-1) == 1) {
            return y.unsqueeze(-1);
        }
        return y.rank() == wanted.rank() + 1 && y.size(-1) == 1 ? y.squeeze(-1) : y;
    }

    private static Tensor classes(String loss, Tensor y, Shape output) {
        Shape wanted = output.range(0, output.rank() - 1);
        boolean column = y.shape().equals(wanted.concat(Shape.of(1)));
        Problem p = Problem.in(loss).operand("target", y.type(), y::origin);
        if (y.shape().equals(output) && !column) {
            p.hint("for one-hot rows compile with \"categorical_crossentropy\"");
        }
        p.require(
                        column || y.shape().equals(wanted),
                        () ->
                                "the target must be class numbers "
                                        + wanted
                                        + " (or with an axis of size 1 after them) for outputs "
                                        + output)
                .throwShape();
        Tensor numbers = column ? y.squeeze(-1) : y;
        if (!y.dtype().isFloating()) {
            return y.dtype() == DType.BOOL ? numbers.cast(DType.I64) : numbers;
        }
        Problem.in(loss)
                .operand("target", y.type(), y::origin)
                .require(
                        numbers.eq(numbers.floor()).all().item() != 0,
                        "class numbers must be whole numbers, but some have a fraction or are NaN")
                .throwDType();
        return numbers.cast(DType.I64);
    }

    private static Tensor distributions(String loss, Tensor y, Shape output) {
        Problem p = Problem.in(loss).operand("target", y.type(), y::origin);
        if (y.rank() < output.rank() || y.size(-1) == 1) {
            p.hint(
                    "for class numbers compile with \"sparse_categorical_crossentropy\", or give"
                            + " y.oneHot("
                            + output.size(-1)
                            + ", DType.F32)");
        }
        p.require(
                        y.shape().equals(output),
                        () -> "the target must have the output's shape " + output)
                .throwShape();
        return floating(y);
    }
}
