package dev.nacre;

import dev.nacre.compile.Stabilize;
import dev.nacre.ir.Body;
import dev.nacre.ir.Iteration;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Symbol;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.stream.IntStream;

/// A loop in a graph: a step, written as a function of tensors, is applied to the elements of sequences one after the other and carries states from step to step. The step is recorded
/// once, however long the sequences are, and differentiated as a whole.
///
/// ```java
/// // cumulative product of rows
/// Tensor products = Scan.over(x).from(Tensor.ones(3)).states((row, product) -> product.mul(row));
///
/// // a simple recurrent network: all its states, and the last
/// Scan.Result r =
///         Scan.over(x).from(h0).run((in, state) -> {
///             Tensor h = in.get(0).matmul(w).add(state.get(0).matmul(u)).tanh();
///             return Scan.step(h).giving(h);
///         });
/// Tensor all = r.outputs().get(0);
/// Tensor last = r.states().get(0);
/// ```
///
/// In Theano's words: `over` takes the `sequences`, `from` the initial values of `outputs_info`, whatever the step uses besides is one of the `non_sequences`, [Step#giving] are
/// outputs without `outputs_info`, [#backwards()] is `go_backwards`, [Step#until] is `until`, [#times] is `n_steps`.
///
/// What the step uses from outside, variables too, is the same in all steps, and so are random numbers drawn in it: draw them outside, for all steps, and pass them in as a
/// sequence. A state keeps its type. Of no elements, the last states are the first. Immutable.
///
/// Gradients: those of sequences, first states and everything used from outside, of any order. What the derivative needs of each step is kept. Products of elements or states with
/// matrices that are the same in all steps are computed for all steps at once where no state stands in the way.
public final class Scan {
    /// What one step results in.
    ///
    /// @param states the next states, in the order of the first ones
    /// @param outputs what is collected over all steps
    /// @param stop a single bool: whether this step is the last
    public record Step(List<Tensor> states, List<Tensor> outputs, Optional<Tensor> stop) {
        public Step {
            states = List.copyOf(states);
            outputs = List.copyOf(outputs);
        }

        /// With tensors that are collected over all steps.
        public Step giving(Tensor... outputs) {
            return new Step(states, List.of(outputs), stop);
        }

        /// Ends the loop after this step if `stop` is true. Of the steps that are not made, outputs are zeros.
        public Step until(Tensor stop) {
            return new Step(states, outputs, Optional.of(stop));
        }
    }

    /// A step that gives these states.
    public static Step step(Tensor... states) {
        return new Step(List.of(states), List.of(), Optional.empty());
    }

    /// What is done with the elements and states of each step.
    @FunctionalInterface
    public interface Action {
        Step apply(List<Tensor> elements, List<Tensor> states);
    }

    /// What a loop results in.
    ///
    /// @param outputs those of all steps along axis 0, at the places of the elements they belong to
    /// @param states those after the last step
    public record Result(List<Tensor> outputs, List<Tensor> states) {}

    private final List<Tensor> sequences;
    private final List<Tensor> firsts;
    private final long length;
    private final boolean reverse;

    private Scan(List<Tensor> sequences, List<Tensor> firsts, long length, boolean reverse) {
        this.sequences = sequences;
        this.firsts = firsts;
        this.length = length;
        this.reverse = reverse;
    }

    /// A loop over the elements along axis 0 of sequences, which are of one length.
    public static Scan over(Tensor... sequences) {
        return along(0, sequences);
    }

    /// A loop over the elements along any axis of sequences, which are of one length.
    public static Scan along(int axis, Tensor... sequences) {
        if (sequences.length == 0) {
            throw new NacreException(
                    "scan: needs at least one sequence\n  hint: Scan.times(n) makes n steps without any");
        }
        Problem p = Problem.in("scan");
        for (int i = 0; i < sequences.length; i++) {
            Tensor x = sequences[i];
            p.operand("sequence " + i, x.type(), x::origin);
            p.require(x.rank() > 0, "sequence " + i + " is a single number and has no elements");
        }
        p.throwShape();
        long length = sequences[0].size(axis);
        for (int i = 1; i < sequences.length; i++) {
            p.require(
                    sequences[i].size(axis) == length,
                    "sequences must be of one length, but sequence "
                            + i
                            + " has "
                            + sequences[i].size(axis)
                            + " elements and sequence 0 has "
                            + length);
        }
        p.throwShape();
        List<Tensor> first =
                Arrays.stream(sequences).map(x -> axis == 0 ? x : toFront(x, axis)).toList();
        return new Scan(first, List.of(), length, false);
    }

    private static Tensor toFront(Tensor x, int axis) {
        int moved = axis < 0 ? axis + x.rank() : axis;
        int[] order =
                IntStream.concat(
                                IntStream.of(moved),
                                IntStream.range(0, x.rank()).filter(a -> a != moved))
                        .toArray();
        return x.permute(order);
    }

    /// A loop of `n` steps without sequences.
    public static Scan times(long n) {
        if (n < 0) {
            throw new NacreException("scan: steps must not be negative, but are " + n);
        }
        return new Scan(List.of(), List.of(), n, false);
    }

    /// With the states before the first step.
    public Scan from(Tensor... firsts) {
        return new Scan(sequences, List.of(firsts), length, reverse);
    }

    /// From the last element to the first.
    public Scan backwards() {
        return new Scan(sequences, firsts, length, !reverse);
    }

    /// The states after each step, along axis 0, of a loop over one sequence with one state.
    ///
    /// @param step the next state, of an element and the state
    public Tensor states(BinaryOperator<Tensor> step) {
        if (sequences.size() != 1 || firsts.size() != 1) {
            throw new NacreException(
                    "scan: states(…) is for one sequence and one state, but there are "
                            + sequences.size()
                            + " and "
                            + firsts.size()
                            + "\n  hint: use run(…)");
        }
        return run(
                        (x, s) -> {
                            Tensor next = step.apply(x.get(0), s.get(0));
                            return step(next).giving(next);
                        })
                .outputs()
                .getFirst();
    }

    /// The loop with this step.
    public Result run(Action action) {
        List<Node> arguments = new ArrayList<>();
        for (Tensor x : sequences) {
            arguments.add(Symbol.node("element", x.type().withShape(x.shape().range(1, x.rank()))));
        }
        firsts.forEach(s -> arguments.add(Symbol.node("state", s.type())));
        List<Step> recorded = new ArrayList<>();
        Body.Closure c = Body.closure(arguments, in -> record(action, in, recorded));
        Step step = recorded.getFirst();
        Body body = Body.over(c.body().inputs(), Stabilize.run(c.body().outputs()));
        Iteration loop =
                new Iteration(
                        body,
                        sequences.size(),
                        firsts.size(),
                        length,
                        reverse,
                        step.stop.isPresent());
        List<Node> operands = new ArrayList<>();
        sequences.forEach(x -> operands.add(x.node()));
        firsts.forEach(x -> operands.add(x.node()));
        operands.addAll(c.captured());
        List<Tensor> outputs = new ArrayList<>();
        for (int k = 0; k < loop.outputs(); k++) {
            outputs.add(new Tensor(Node.of(new Op.Scan(loop, loop.stacked(k)), operands)));
        }
        List<Tensor> states = new ArrayList<>();
        for (int k = 0; k < loop.states(); k++) {
            states.add(new Tensor(Node.of(new Op.Scan(loop, loop.last(k)), operands)));
        }
        return new Result(List.copyOf(outputs), List.copyOf(states));
    }

    private List<Node> record(Action action, List<Node> in, List<Step> recorded) {
        List<Tensor> arguments = in.stream().map(Tensor::new).toList();
        Step step =
                action.apply(
                        arguments.subList(0, sequences.size()),
                        arguments.subList(sequences.size(), arguments.size()));
        if (step.states.size() != firsts.size()) {
            throw new NacreException(
                    "scan: there are "
                            + firsts.size()
                            + " first states, but the step gives "
                            + step.states.size());
        }
        recorded.add(step);
        List<Node> out = new ArrayList<>();
        step.states.forEach(t -> out.add(t.node()));
        step.outputs.forEach(t -> out.add(t.node()));
        step.stop.ifPresent(t -> out.add(t.node()));
        return out;
    }
}
