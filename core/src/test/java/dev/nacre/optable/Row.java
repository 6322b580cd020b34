package dev.nacre.optable;

import dev.nacre.ir.Node;
import dev.nacre.reference.Array;
import dev.nacre.type.DType;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/// One thing to test: a graph over operands that are drawn at random.
///
/// @param name unique in the table
/// @param dtypes element types of the operands that are not fixed to one (indices, conditions)
/// @param smallest smallest size `n` of the row's free axis
/// @param generator draws operands
/// @param builder builds the graph
/// @param differentiable whether the gradient of the floating operands is what finite differences measure: false where it is chosen otherwise or stopped
/// @param slack how many times the tolerance of one op the result may be off
/// @param note what to know about the row: kinks that the domain avoids, and the like
public record Row(
        String name,
        List<DType> dtypes,
        int smallest,
        Function<Draw, List<Array>> generator,
        Function<List<Node>, Node> builder,
        boolean differentiable,
        double slack,
        String note) {

    /// A differentiable row for all floating types and sizes.
    static Row of(
            String name,
            Function<Draw, List<Array>> generator,
            Function<List<Node>, Node> builder) {
        return new Row(name, DTypes.FLOATING, 0, generator, builder, true, 1, "");
    }

    Row on(List<DType> types) {
        return new Row(name, types, smallest, generator, builder, differentiable, slack, note);
    }

    Row from(int smallestSize) {
        return new Row(name, dtypes, smallestSize, generator, builder, differentiable, slack, note);
    }

    Row flat() {
        return new Row(name, dtypes, smallest, generator, builder, false, slack, note);
    }

    Row slack(double times) {
        return new Row(name, dtypes, smallest, generator, builder, differentiable, times, note);
    }

    Row note(String text) {
        return new Row(name, dtypes, smallest, generator, builder, differentiable, slack, text);
    }

    /// Operands of the row for a size of its free axis; equal arguments give equal operands.
    public List<Array> operands(long seed, DType dtype, int size) {
        return generator.apply(new Draw(seed, dtype, size));
    }

    /// Operands of a middling size.
    public List<Array> operands(long seed, DType dtype) {
        return operands(seed, dtype, Math.max(3, smallest));
    }

    /// The graph of the row.
    public Node apply(List<Node> in) {
        return builder.apply(in);
    }

    /// Sizes worth testing: none, one, a few, an odd number beyond two vectors of 8 lanes.
    public List<Integer> sizes() {
        return IntStream.of(0, 1, 3, 17).filter(n -> n >= smallest).boxed().toList();
    }

    @Override
    public String toString() {
        return name;
    }
}
