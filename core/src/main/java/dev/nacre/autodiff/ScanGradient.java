package dev.nacre.autodiff;

import dev.nacre.ir.Body;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Iteration;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/// The derivative of a loop: a loop in the other direction that carries the gradients of the states and adds up those of the constants.
///
/// What the steps back need of the steps forth is an output of the forward loop, of which a variant with more outputs is asked for; the compiler makes one loop of
/// both. Moves and what does not depend on the step are made again.
///
/// ```
/// forward    hₜ = tanh(xₜ + hₜ₋₁·W)
/// backward   δₜ = (1 − hₜ²)·(ḡₜ + ḣₜ);  ḣₜ₋₁ = δₜ·Wᵀ;  W̄ += hₜ₋₁ᵀ·δₜ;  x̄ₜ = δₜ
/// ```
final class ScanGradient {
    private final Iteration loop;
    private final List<Node> operands;
    private final Map<Integer, Node> gradients;

    private final List<Node> sequences = new ArrayList<>(); // operands of the loop back
    private final List<Node> firsts = new ArrayList<>();
    private final List<Node> constants = new ArrayList<>();
    private final List<Node> elements = new ArrayList<>(); // their stands in its body
    private final List<Node> states = new ArrayList<>();
    private final List<Node> fixed = new ArrayList<>();

    private Node ran; // whether this step was made; null if all are

    private ScanGradient(Iteration loop, List<Node> operands, Map<Integer, Node> gradients) {
        this.loop = loop;
        this.operands = operands;
        this.gradients = gradients;
    }

    /// The gradients of those operands that are wanted.
    ///
    /// @param gradients those of the results, by number
    /// @param wanted which operands
    static Map<Integer, Node> of(
            Iteration loop,
            List<Node> operands,
            Map<Integer, Node> gradients,
            IntPredicate wanted) {
        return new ScanGradient(loop, operands, gradients).run(wanted);
    }

    private Map<Integer, Node> run(IntPredicate wanted) {
        int firstState = loop.sequences();
        int firstConstant = firstState + loop.states();
        int[] carried =
                IntStream.range(0, loop.states())
                        .filter(k -> loop.state(k).dtype().isFloating())
                        .toArray();
        int[] wantedSequences = IntStream.range(0, firstState).filter(wanted).toArray();
        int[] wantedConstants =
                IntStream.range(firstConstant, operands.size()).filter(wanted).toArray();

        List<Node> by = new ArrayList<>();
        IntStream.of(carried).forEach(k -> by.add(loop.state(k)));
        IntStream.of(wantedConstants).forEach(i -> by.add(loop.body().inputs().get(i)));
        IntStream.of(wantedSequences).forEach(i -> by.add(loop.body().inputs().get(i)));
        List<Node> pulled = pull(carried, wantedConstants, by);
        List<Node> results = steps(pulled, carried, wantedConstants);
        Iteration back =
                new Iteration(
                        Body.over(concat(elements, states, fixed), results),
                        sequences.size(),
                        firsts.size(),
                        loop.length(),
                        !loop.reverse(),
                        false);
        List<Node> given = concat(sequences, firsts, constants);
        Map<Integer, Node> out = new LinkedHashMap<>();
        for (int i = 0; i < carried.length; i++) {
            if (wanted.test(firstState + carried[i]) && !Reverse.isNone(pulled.get(i))) {
                out.put(firstState + carried[i], Node.of(new Op.Scan(back, i), given));
            }
        }
        for (int i = 0; i < wantedConstants.length; i++) {
            if (!Reverse.isNone(pulled.get(carried.length + i))) {
                out.put(wantedConstants[i], Node.of(new Op.Scan(back, carried.length + i), given));
            }
        }
        for (int i = 0; i < wantedSequences.length; i++) {
            if (!Reverse.isNone(pulled.get(carried.length + wantedConstants.length + i))) {
                out.put(wantedSequences[i], Node.of(new Op.Scan(back, back.stacked(i)), given));
            }
        }
        return out;
    }

    @SafeVarargs
    private static List<Node> concat(List<Node>... parts) {
        List<Node> out = new ArrayList<>();
        for (List<Node> p : parts) {
            out.addAll(p);
        }
        return out;
    }

    /// The gradients that one step back computes, over stands for what the step forth has computed.
    private List<Node> pull(int[] carried, int[] wantedConstants, List<Node> by) {
        List<Node> ends = new ArrayList<>();
        List<Node> cotangents = new ArrayList<>();
        for (int k : carried) {
            TensorType t = loop.state(k).type();
            firsts.add(
                    gradients.getOrDefault(
                            loop.last(k), operands.get(loop.sequences() + k).zerosLike()));
            states.add(Symbol.node("gradient of state " + k, t));
            ends.add(loop.next(k));
            cotangents.add(states.getLast());
        }
        for (int i : wantedConstants) {
            Node x = operands.get(i);
            firsts.add(x.zerosLike().cast(x.dtype().arithmetic())); // many steps are added up
            states.add(Symbol.node("gradient of operand " + i, firsts.getLast().type()));
        }
        for (int o = 0; o < loop.outputs(); o++) {
            Node g = gradients.get(loop.stacked(o));
            if (g != null) {
                ends.add(loop.output(o));
                cotangents.add(sequence(g, loop.output(o).type()));
            }
        }
        List<Node> pulled = new ArrayList<>(Reverse.gradients(ends, cotangents, by));
        for (int i = 0; i < carried.length; i++) {
            Node g = gradients.get(loop.before(carried[i]));
            if (g != null) {
                pulled.set(i, pulled.get(i).add(sequence(g, loop.state(carried[i]).type())));
            }
        }
        return overSaved(pulled);
    }

    private Node sequence(Node whole, TensorType element) {
        sequences.add(whole);
        elements.add(Symbol.node("element " + elements.size(), element));
        return elements.getLast();
    }

    private Node constant(Node whole) {
        constants.add(whole);
        fixed.add(Symbol.node("constant " + fixed.size(), whole.type()));
        return fixed.getLast();
    }

    // ------------------------------------------------------------------------------------------
    // what is saved

    /// The same expressions, with stands in place of what belongs to the body forth.
    private List<Node> overSaved(List<Node> pulled) {
        List<Node> leaves = loop.body().inputs();
        Set<Node> forth = Collections.newSetFromMap(new IdentityHashMap<>());
        forth.addAll(leaves);
        forth.addAll(Graph.topological(loop.body().outputs()));
        List<Node> needed = List.copyOf(needed(pulled, forth));
        List<Node> saved =
                new ArrayList<>(needed.stream().filter(n -> !leaves.contains(n)).toList());
        if (loop.stops()) {
            saved.add(Node.of(Op.Constant.ofLong(1, DType.BOOL)));
        }
        Iteration more = saved.isEmpty() ? loop : loop.with(saved);
        List<Node> stands = new ArrayList<>();
        for (Node n : needed) {
            stands.add(
                    leaves.contains(n)
                            ? stand(leaves.indexOf(n), more)
                            : savedAs(saved.indexOf(n), n, more));
        }
        ran = loop.stops() ? savedAs(saved.size() - 1, saved.getLast(), more) : null;
        return Graph.substitute(pulled, needed, stands);
    }

    private Node stand(int input, Iteration more) {
        int k = input - loop.sequences();
        if (k < 0) {
            return sequence(operands.get(input), loop.sequence(input).type());
        }
        return k < loop.states()
                ? sequence(
                        Node.of(new Op.Scan(more, more.before(k)), operands), loop.state(k).type())
                : constant(operands.get(input));
    }

    private Node savedAs(int i, Node n, Iteration more) {
        return sequence(
                Node.of(new Op.Scan(more, more.stacked(loop.outputs() + i)), operands), n.type());
    }

    /// What the expressions use of the body forth: its leaves, and what is not made again from those.
    private static Set<Node> needed(List<Node> pulled, Set<Node> forth) {
        Set<Node> needed = new LinkedHashSet<>();
        Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        ArrayDeque<Node> open = new ArrayDeque<>(pulled);
        while (!open.isEmpty()) {
            Node n = open.poll();
            if (!seen.add(n)) {
                continue;
            }
            boolean again = !forth.contains(n) || n.op() instanceof Op.Constant || isMove(n.op());
            if (again) {
                open.addAll(n.inputs());
            } else {
                needed.add(n);
            }
        }
        return needed;
    }

    private static boolean isMove(Op op) {
        return op instanceof Op.Reshape
                || op instanceof Op.Permute
                || op instanceof Op.Broadcast
                || op instanceof Op.Slice;
    }

    // -------------------------------------------------------------------------------------------
    // one step back

    /// The next states and outputs of the body back. A step that was not made forth changes nothing back.
    private List<Node> steps(List<Node> pulled, int[] carried, int[] wantedConstants) {
        List<Node> out = new ArrayList<>();
        for (int i = 0; i < states.size(); i++) {
            Node state = states.get(i);
            boolean adds = i >= carried.length;
            Node next = adds ? state.add(pulled.get(i).cast(state.dtype())) : pulled.get(i);
            out.add(ran == null ? next : chosen(next, state));
        }
        for (int i = carried.length + wantedConstants.length; i < pulled.size(); i++) {
            Node g = pulled.get(i);
            out.add(ran == null ? g : chosen(g, g.zerosLike()));
        }
        return out;
    }

    private Node chosen(Node ifRan, Node otherwise) {
        return ran.broadcastTo(ifRan.shape()).where(ifRan, otherwise);
    }
}
