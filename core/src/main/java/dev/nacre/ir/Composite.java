package dev.nacre.ir;

import java.util.List;
import java.util.Optional;

/// The name of a group of ops that a backend may compute in one piece ([Op.Fused]): attention, pooling, layer norm, an LSTM cell.
///
/// Equal composites applied to equally typed inputs must have bodies of equal meaning; implement it as a record of the attributes.
public interface Composite {
    /// A short name for plans and errors.
    String name();

    /// Gradients of the inputs, if they are not to be derived from the body: user-defined derivatives come in here. The list has one entry per input.
    default Optional<List<Node>> differentiate(List<Node> inputs, Node output, Node grad) {
        return Optional.empty();
    }

    /// Whether [#differentiate] is code of the user's, which may do another thing each time.
    default boolean derivesAnew() {
        return false;
    }

    /// Whether the forward values inside are recomputed for the derivative instead of kept.
    default boolean recomputes() {
        return false;
    }

    /// Outputs of the body, by number, that the derivative takes as further operands: what a backend that has computed the composite can spare itself when it computes the
    /// derivative. They follow from the other operands, so the derivative's own body does not look at them, and where nobody claims it they are not kept.
    default List<Integer> saved() {
        return List.of();
    }

    /// The composite of the derivative of `of`: what a backend that knows `of` may claim as well. Inputs: those of `of`, then the gradient of its
    /// output number `output`, then what `of` has [saved][#saved()]; outputs: the gradients of the inputs in `wanted`, in order.
    record Derivative(Composite of, int output, List<Integer> wanted) implements Composite {
        @Override
        public String name() {
            return of.name() + "'";
        }

        @Override
        public boolean recomputes() {
            return of.recomputes();
        }
    }
}
