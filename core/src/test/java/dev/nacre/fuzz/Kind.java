package dev.nacre.fuzz;

import dev.nacre.Tensor;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;

/// A step that programs are made of: what it takes, what it means in plain loops, and how it is written with tensors.
///
/// @param name for printing
/// @param arity how many values it takes
/// @param draw its arguments for operands that were picked
/// @param loops its meaning
/// @param tensors the same with tensors
record Kind(
        String name,
        int arity,
        BiFunction<Random, List<Numbers>, long[]> draw,
        BiFunction<List<Numbers>, long[], Numbers> loops,
        BiFunction<List<Tensor>, long[], Tensor> tensors) {

    static final long[] NONE = {};

    /// One without arguments.
    Kind(
            String name,
            int arity,
            java.util.function.Function<List<Numbers>, Numbers> loops,
            java.util.function.Function<List<Tensor>, Tensor> tensors) {
        this(name, arity, (_, _) -> NONE, (in, _) -> loops.apply(in), (in, _) -> tensors.apply(in));
    }
}
