package dev.nacre.ir;

import dev.nacre.type.NacreException;
import dev.nacre.type.Precision;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;

/// A small graph of its own: the meaning of a [Op.Fused]. Compared by identity.
public final class Body {
    private final List<Node> inputs;
    private final List<Node> outputs;
    private final Map<List<TensorType>, Body> bound = new ConcurrentHashMap<>();
    private final Map<Meaning, Body> derivatives = new ConcurrentHashMap<>();
    private volatile GraphKey key; // null: not asked for
    private volatile Object what = this;

    /// All that the body of a composite depends on.
    private record Meaning(Composite what, List<TensorType> types, Precision precision) {
        Meaning(Composite what, List<TensorType> types) {
            this(what, types, Precision.current());
        }
    }

    private static final Map<Meaning, Body> KNOWN = Collections.synchronizedMap(new Recent<>(256));

    private Body(List<Node> inputs, List<Node> outputs) {
        this.inputs = inputs;
        this.outputs = outputs;
    }

    /// Records what `meaning` does to inputs of the given types.
    public static Body of(List<TensorType> types, Function<List<Node>, List<Node>> meaning) {
        List<Node> inputs = new ArrayList<>();
        for (TensorType t : types) {
            inputs.add(Symbol.node("arg" + inputs.size(), t));
        }
        return new Body(List.copyOf(inputs), List.copyOf(meaning.apply(List.copyOf(inputs))));
    }

    /// The body of a composite whose attributes say all. An eager loop, which writes the same composites down in each step, records it once.
    static Body of(
            Composite what, List<TensorType> types, Function<List<Node>, List<Node>> meaning) {
        Meaning key = new Meaning(what, types);
        Body known =
                KNOWN.get(key); // not computed in the map: a meaning may have composites itself
        if (known == null) {
            known = Replay.aside(() -> of(types, meaning));
            KNOWN.put(key, known);
        }
        return known;
    }

    /// What a function of tensors makes of operands, recorded once for their types; empty if it refuses them.
    public static Optional<List<Node>> recorded(
            Recorded what, Node[] operands, Function<List<Node>, Node> meaning) {
        Optional<List<Node>> again = Applied.again(what, operands);
        if (again.isPresent()) {
            return again;
        }
        Body body;
        try {
            body =
                    of(
                            what,
                            Arrays.stream(operands).map(Node::type).toList(),
                            in -> List.of(meaning.apply(in)));
        } catch (NacreException e) {
            return Optional.empty(); // it says why to the operands themselves, which have names
        }
        body.what = what;
        return Optional.of(body.applied(operands));
    }

    /// A function of tensors whose graph is longer than it takes to find it again.
    ///
    /// @param attributes all that it depends on besides its operands and the precision
    public record Recorded(String name, List<?> attributes, Precision precision)
            implements Composite {
        /// With the precision of this moment.
        public static Recorded of(String name, Object... attributes) {
            return new Recorded(name, List.of(attributes), Precision.current());
        }
    }

    /// What tells this body when it is applied.
    Object what() {
        return what;
    }

    /// The body of this one's derivative, recorded once as well.
    public Body derivative(
            Composite what, List<TensorType> types, Function<List<Node>, List<Node>> meaning) {
        return derivatives.computeIfAbsent(new Meaning(what, types), k -> of(k.types, meaning));
    }

    /// The body with given leaves as inputs; the outputs depend on no others.
    public static Body over(List<Node> inputs, List<Node> outputs) {
        return new Body(List.copyOf(inputs), List.copyOf(outputs));
    }

    /// The same, where `meaning` may also use nodes from outside: whatever it captures becomes a further input. Gives the body and the nodes captured, in the
    /// order of the further inputs.
    public static Closure closure(List<Node> arguments, Function<List<Node>, List<Node>> meaning) {
        List<Node> inputs = new ArrayList<>();
        for (Node a : arguments) {
            inputs.add(Symbol.node("arg" + inputs.size(), a.type()));
        }
        List<Node> outputs = meaning.apply(List.copyOf(inputs));
        List<Node> captured = captured(inputs, outputs);
        List<Node> stands = new ArrayList<>();
        for (Node c : captured) {
            stands.add(Symbol.node("captured" + stands.size(), c.type()));
        }
        List<Node> lifted = Graph.substitute(outputs, captured, stands);
        inputs.addAll(stands);
        return new Closure(new Body(List.copyOf(inputs), lifted), captured);
    }

    /// What outputs depend on besides the inputs.
    private static List<Node> captured(List<Node> inputs, List<Node> outputs) {
        Set<Node> inside = Collections.newSetFromMap(new IdentityHashMap<>());
        inside.addAll(inputs);
        Set<Node> captured = Collections.newSetFromMap(new IdentityHashMap<>());
        List<Node> order = new ArrayList<>();
        Set<Node> numbers = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Node n : Graph.topological(outputs)) {
            if (n.inputs().stream().anyMatch(inside::contains)) {
                inside.add(n);
            } else if (isNumber(n, numbers)) {
                numbers.add(n);
            }
        }
        List<Node> all = Graph.topological(outputs);
        for (Node n : all.reversed()) { // what is only repeated is captured as it was before
            for (Node in : inside.contains(n) ? n.inputs() : List.<Node>of()) {
                if (in.op() instanceof Op.Broadcast && !numbers.contains(in)) {
                    inside.add(in);
                }
            }
        }
        for (Node n : all) {
            for (Node in : inside.contains(n) ? n.inputs() : List.<Node>of()) {
                if (!inside.contains(in) && !numbers.contains(in) && captured.add(in)) {
                    order.add(in);
                }
            }
        }
        for (Node out : outputs) { // a result that does not depend on the arguments
            if (!inside.contains(out) && !numbers.contains(out) && captured.add(out)) {
                order.add(out);
            }
        }
        return List.copyOf(order);
    }

    /// Whether a node is a number that the body itself contains, repeated to some shape or not.
    private static boolean isNumber(Node n, Set<Node> numbers) {
        return n.op() instanceof Op.Constant
                || (n.op() instanceof Op.Broadcast || n.op() instanceof Op.Reshape)
                        && numbers.contains(n.input(0));
    }

    /// A body and what it captured from outside.
    public record Closure(Body body, List<Node> captured) {}

    /// The leaves that stand for the arguments.
    public List<Node> inputs() {
        return inputs;
    }

    public List<Node> outputs() {
        return outputs;
    }

    /// What the body computes, as a value.
    GraphKey key() {
        GraphKey k = key;
        if (k == null) {
            k = GraphKey.of(this);
            key = k;
        }
        return k;
    }

    /// The body with unknown sizes replaced ([Op#bind]): one body for equal sizes.
    Body bind(LongUnaryOperator known) {
        List<TensorType> types =
                inputs.stream().map(x -> x.type().withShape(x.shape().bind(known))).toList();
        if (types.equals(inputs.stream().map(Node::type).toList())) {
            return this;
        }
        return bound.computeIfAbsent(types, t -> of(t, in -> rebuilt(in, known)));
    }

    private List<Node> rebuilt(List<Node> arguments, LongUnaryOperator known) {
        Map<Node, Node> places = new IdentityHashMap<>();
        for (int i = 0; i < arguments.size(); i++) {
            places.put(inputs.get(i), arguments.get(i));
        }
        return Graph.rewrite(
                outputs,
                (n, in) -> places.containsKey(n) ? places.get(n) : Node.of(n.op().bind(known), in));
    }

    /// The same as [#inline], written out only where somebody looks: a step that is repeated costs a node for each output.
    ///
    /// @param arguments not to be changed any more
    public List<Node> applied(Node[] arguments) {
        return Applied.results(this, arguments);
    }

    /// The outputs with the arguments put in place of the inputs.
    public List<Node> inline(List<Node> arguments) {
        return Graph.substitute(outputs, inputs, arguments);
    }
}
