package dev.nacre.ir;

import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongUnaryOperator;

/// What an [Op.Scan] repeats: a body that maps elements of sequences, states and constants to the next states and to outputs.
///
/// The body's inputs, and the scan's operands, are sequences, then states, then constants; a sequence operand has the body's input as its slices along axis 0, a state operand is
/// the first state. The body's outputs are the next states, then the outputs, then, if it `stops`, a bool that says whether this step is the last.
///
/// The results are numbered: the last states; the outputs of all steps, stacked along axis 0; the states before each step, stacked. Where no step ran because the loop had
/// stopped, what is stacked is zero.
///
/// @param sequences how many of the operands are sequences
/// @param states how many are first states
/// @param length how many steps there are: the sequences' size along axis 0
/// @param reverse whether the last elements come first; results are stacked at the place of the element they belong to
/// @param stops whether the body says when to stop
public record Iteration(
        Body body, int sequences, int states, long length, boolean reverse, boolean stops) {

    public int outputs() {
        return body.outputs().size() - states - (stops ? 1 : 0);
    }

    public int constants() {
        return body.inputs().size() - sequences - states;
    }

    /// Number of the result that is the last state k.
    public int last(int k) {
        return k;
    }

    /// Number of the result that is output k of all steps.
    public int stacked(int k) {
        return states + k;
    }

    /// Number of the result that is state k before each step.
    public int before(int k) {
        return states + outputs() + k;
    }

    /// Number of results.
    public int results() {
        return 2 * states + outputs();
    }

    /// The leaf of the body that stands for the element of sequence k.
    public Node sequence(int k) {
        return body.inputs().get(k);
    }

    public Node state(int k) {
        return body.inputs().get(sequences + k);
    }

    public Node constant(int k) {
        return body.inputs().get(sequences + states + k);
    }

    public Node next(int k) {
        return body.outputs().get(k);
    }

    public Node output(int k) {
        return body.outputs().get(states + k);
    }

    /// The condition, if it [#stops].
    public Node stop() {
        return body.outputs().getLast();
    }

    /// The type of a result.
    TensorType type(int result) {
        if (result < states) {
            return state(result).type();
        }
        boolean output = result < states + outputs();
        return stack(output ? output(result - states) : state(result - states - outputs()));
    }

    private TensorType stack(Node element) {
        return element.type().withShape(Shape.of(length).concat(element.shape()));
    }

    /// What kind of operand number i is, for messages.
    private String what(int i) {
        return i < sequences
                ? "sequence " + i
                : i < sequences + states
                        ? "state " + (i - sequences)
                        : "constant " + (i - sequences - states);
    }

    /// Throws if operands or the body do not fit.
    void check(List<Node> in) {
        Problem p = Problem.in("scan");
        p.require(
                        in.size() == body.inputs().size(),
                        "operands must be " + body.inputs().size() + ", not " + in.size())
                .throwShape();
        for (int i = 0; i < in.size(); i++) {
            p.operand(what(i), in.get(i).type(), in.get(i)::origin);
            Node x = body.inputs().get(i);
            TensorType wanted = i < sequences ? stack(x) : x.type();
            p.require(in.get(i).type().equals(wanted), what(i) + " must be " + wanted);
        }
        for (int k = 0; k < states; k++) {
            p.require(
                    next(k).type().equals(state(k).type()),
                    "state "
                            + k
                            + " is "
                            + state(k).type()
                            + ", so its next value cannot be "
                            + next(k).type());
        }
        p.require(
                !stops || stop().type().equals(new TensorType(DType.BOOL, Shape.SCALAR)),
                "the condition to stop must be a single bool"
                        + (stops ? ", not " + stop().type() : ""));
        p.throwShape();
    }

    Iteration bind(LongUnaryOperator known) {
        return new Iteration(
                body.bind(known), sequences, states, Shape.bound(length, known), reverse, stops);
    }

    /// The same with more outputs, placed after those there are.
    public Iteration with(List<Node> more) {
        List<Node> all = new ArrayList<>(body.outputs());
        all.addAll(states + outputs(), more);
        return new Iteration(
                Body.over(body.inputs(), all), sequences, states, length, reverse, stops);
    }

    /// Equal by what the body computes.
    @Override
    public boolean equals(Object o) {
        return o instanceof Iteration i
                && i.sequences == sequences
                && i.states == states
                && i.length == length
                && i.reverse == reverse
                && i.stops == stops
                && (i.body == body || i.body.key().equals(body.key()));
    }

    @Override
    public int hashCode() {
        return 31 * (31 * body.key().hashCode() + sequences) + Long.hashCode(length);
    }
}
