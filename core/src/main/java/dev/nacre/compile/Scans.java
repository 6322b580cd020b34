package dev.nacre.compile;

import dev.nacre.ir.Graph;
import dev.nacre.ir.GraphKey;
import dev.nacre.ir.Iteration;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Rewrites loops: loops on the same operands with the same states become one; what nobody wants is dropped; what can be computed for all steps at once moves out of the
/// loop, before it ([Hoisting]) or after it ([Sinking]).
///
/// ```
/// before   scan(x, h): h ← tanh(x·w + h·u), out h          scan(x, h): h ← tanh(x·w + h·u), out h, out 1 − h²
/// after    y = X·w;  scan(y, h): h ← tanh(y + h·u), out h, out 1 − h²
/// ```
final class Scans {
    /// What loops that become one have in common: their states and when they end.
    private record Key(
            List<Node> operands,
            int sequences,
            int states,
            long length,
            boolean reverse,
            boolean stops,
            GraphKey heart) {
        static Key of(Node n) {
            Iteration loop = ((Op.Scan) n.op()).loop();
            List<Node> all = new ArrayList<>(loop.body().inputs());
            all.addAll(loop.body().outputs().subList(0, loop.states()));
            if (loop.stops()) {
                all.add(loop.stop());
            }
            return new Key(
                    n.inputs(),
                    loop.sequences(),
                    loop.states(),
                    loop.length(),
                    loop.reverse(),
                    loop.stops(),
                    GraphKey.of(Graph.topological(all)));
        }
    }

    private final UnaryOperator<List<Node>> simplify;
    private final Map<Node, Key> keys = new IdentityHashMap<>();
    private final Map<Key, List<Node>> groups = new HashMap<>();
    private final Map<Node, Node> replaced = new IdentityHashMap<>();

    private Scans(UnaryOperator<List<Node>> simplify) {
        this.simplify = simplify;
    }

    /// @param roots a simplified graph
    /// @param simplify what makes it so
    static List<Node> run(List<Node> roots, UnaryOperator<List<Node>> simplify) {
        Scans pass = new Scans(simplify);
        for (Node n : Graph.topological(roots)) {
            if (n.op() instanceof Op.Scan) {
                Key key = Key.of(n);
                pass.keys.put(n, key);
                pass.groups.computeIfAbsent(key, _ -> new ArrayList<>()).add(n);
            }
        }
        return pass.groups.isEmpty()
                ? roots
                : simplify.apply(Graph.rewrite(roots, pass::rewritten));
    }

    private Node rewritten(Node n, List<Node> in) {
        if (!(n.op() instanceof Op.Scan)) {
            return n.withInputs(in);
        }
        Iteration loop = ((Op.Scan) n.op()).loop();
        int result = ((Op.Scan) n.op()).result();
        if (loop.length() == 0) { // of no steps, the last states are the first
            return result < loop.states() ? in.get(loop.sequences() + result) : n.zerosLike();
        }
        if (!replaced.containsKey(n)) {
            rewrite(groups.get(keys.get(n)), in);
        }
        return replaced.get(n);
    }

    private void rewrite(List<Node> members, List<Node> operands) {
        Iteration first = ((Op.Scan) members.getFirst().op()).loop();
        Draft draft = new Draft(first, operands);
        Map<Node, Draft.Output> outputs = new IdentityHashMap<>();
        for (Node m : members) {
            want(draft, first, m, outputs);
        }
        List<Draft.State> states = List.copyOf(draft.states);
        draft.prune();
        draft.rewrite(simplify);
        Hoisting.run(draft);
        Sinking.run(draft);
        for (Node m : members) {
            Iteration loop = ((Op.Scan) m.op()).loop();
            int result = ((Op.Scan) m.op()).result();
            int before = result - loop.before(0);
            replaced.put(
                    m,
                    outputs.containsKey(m)
                            ? outputs.get(m).stacked
                            : result < loop.states()
                                    ? states.get(result).last
                                    : states.get(before).before);
        }
    }

    /// Notes what a member wants of the loop that all become.
    private static void want(
            Draft draft, Iteration first, Node member, Map<Node, Draft.Output> outputs) {
        Iteration loop = ((Op.Scan) member.op()).loop();
        int result = ((Op.Scan) member.op()).result();
        int before = result - loop.before(0);
        if (result < loop.states()) {
            draft.states.get(result).lastWanted = true;
        } else if (before >= 0 && !loop.stops()) {
            draft.states.get(before).beforeWanted = true;
        } else { // where a loop stops early, states before steps end with zeros as outputs do
            Node value =
                    before >= 0
                            ? first.state(before)
                            : substituted(loop.output(result - loop.states()), loop, first);
            outputs.put(member, draft.output(value));
        }
    }

    private static Node substituted(Node value, Iteration from, Iteration to) {
        return from.body() == to.body()
                ? value
                : Graph.substitute(List.of(value), from.body().inputs(), to.body().inputs())
                        .getFirst();
    }
}
