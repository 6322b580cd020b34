package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.util.Map;
import java.util.function.Supplier;

/// A part of a model: some variables, some smaller modules, and how they are applied.
///
/// ```java
/// record Net(Linear fc1, Linear fc2) implements Module {
///     Net(Rng rng) {
///         this(Linear.of(100, 64, rng), Linear.of(64, 10, rng));
///     }
///
///     @Override
///     public Tensor forward(Tensor x) {
///         return fc2.forward(fc1.forward(x).relu());
///     }
/// }
/// ```
///
/// `forward(x, Mode.TRAIN)` is the call in a training loop and `forward(x)` the one for use: see [Mode].
///
/// The components of a record, or the fields of a final class, are its tree: see [Tree]. `IO.println(Tree.of(net))` prints it with shapes and numbers of parameters; `IO.println(net)` prints what a record prints
/// of itself, its layers in one line, unless it has a `toString` that returns `Tree.of(this).toString()`. A module overrides one of the two `forward` methods: the first if it does the
/// same in training and evaluation, else the second. Import this interface by its name: a bare `dev.nacre.nn.*` leaves `Module` ambiguous with
/// `java.lang.Module`.
public interface Module {
    /// The module applied to `x` for evaluation.
    default Tensor forward(Tensor x) {
        return forward(x, Mode.EVAL);
    }

    /// The module applied to `x`.
    default Tensor forward(Tensor x, Mode mode) {
        if (!Forms.overridesOne(getClass())) {
            throw new NacreException(
                    "forward: "
                            + Contents.type(this)
                            + " overrides neither forward(Tensor) nor forward(Tensor, Mode)\n  hint: override the first, or the second if training and evaluation differ");
        }
        if (mode != Mode.EVAL) {
            Forms.requireSameInBothModes(this);
        }
        return forward(x);
    }

    /// Whether training and evaluation of this very module differ, its parts aside: true of dropout and batch normalisation.
    default boolean dependsOnMode() {
        return false;
    }

    /// The trainable variables, each once, in the order of the components. Gives all variables their names in the tree.
    default Parameters parameters() {
        return Tree.of(this).named().parameters();
    }

    /// All variables by key, trainable or not: what a checkpoint holds. States of sources of random numbers are among them ([Variable#isRandomState]), so that a training that goes on from
    /// a checkpoint draws what it would have drawn; weights from elsewhere may come without.
    default Map<String, Variable> state() {
        return Tree.of(this).named().state();
    }

    /// Takes over the values of a state with exactly this module's keys; see [Tree#load].
    default void load(Map<String, ? extends Tensor> state) {
        Tree.of(this).named().load(state);
    }

    /// Number of trainable numbers.
    default long parameterCount() {
        return Tree.of(this).parameterCount();
    }

    /// A table of the parts, their parameters and shapes.
    default String summary() {
        return Tree.of(this).summary();
    }

    /// The [#summary()] with the shapes of what each part puts out for an input of f32 with these sizes, of which [dev.nacre.type.Shape#ANY] may be one: `net.summary(Shape.ANY, 784)`. Nothing is computed.
    default String summary(long... sizes) {
        return summary(DType.F32, sizes);
    }

    /// The same for inputs of another type, such as class indices or tokens.
    default String summary(DType dtype, long... sizes) {
        Tensor x = Tensor.symbol("x", dtype, sizes);
        return summary(() -> forward(x));
    }

    /// The same for any call of it, as of modules that take several tensors: `net.summary(() -> net.forward(a, b))`. Nothing is computed that the call does not read.
    default String summary(Supplier<?> call) {
        return Tree.of(this).summary(call);
    }
}
