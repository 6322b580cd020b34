package dev.nacre.ir;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.RandomAccess;

/// A [Body] on arguments, not written out: its results are nodes that find their inputs when somebody asks for them.
///
/// An eager loop derives the same gradients and the same updates in each step. Recorded once, they cost a node for each result that somebody asks for, and the step's plan is found without looking
/// inside. Whoever does look sees an ordinary graph, so nobody but [Order#written] has to know of this.
final class Applied {
    private final Body body;
    private final Node head; // stands for the application in written orders, nowhere else
    private final Node[] headAlone; // what each result is made of, as it was written down
    private final Replay.Run run; // null: none
    private final int number;
    private final List<Node> results;
    private volatile Node[][] inputs; // of each result; null: not asked for

    /// @param run that it belongs to; null: none
    /// @param number of the head in the run, followed by those of the results
    private Applied(Body body, Node[] arguments, Replay.Run run, int number) {
        this.body = body;
        Node first = body.outputs().getFirst();
        for (int k = 1; first.arity() == 0 && k < body.outputs().size(); k++) {
            first = body.outputs().get(k); // not a leaf, for which the head might be taken
        }
        this.run = run;
        this.number = number;
        this.head = new Node(this, -1, first, arguments, run, number);
        this.headAlone = new Node[] {head};
        this.results = new Results();
    }

    /// The results, each made when somebody first asks for it: of an update nobody asks for most.
    private final class Results extends AbstractList<Node> implements RandomAccess {
        private final Node[] made = new Node[body.outputs().size()];

        @Override
        public Node get(int k) {
            Node n = made[k]; // of what another thread has made, all is there that never changes
            return n == null ? make(k) : n;
        }

        private synchronized Node make(int k) {
            if (made[k] == null) {
                Node pattern = body.outputs().get(k);
                int argument = pattern.arity() == 0 ? body.inputs().indexOf(pattern) : -1;
                made[k] =
                        argument >= 0
                                ? head.written()[argument]
                                : pattern.arity() == 0
                                        ? pattern
                                        : new Node(
                                                Applied.this,
                                                k,
                                                pattern,
                                                headAlone,
                                                run,
                                                number + 1 + k);
            }
            return made[k];
        }

        @Override
        public int size() {
            return made.length;
        }
    }

    private static Applied of(Body body, Node[] operands) {
        Replay replay = Replay.here();
        Replay.Point point = replay.next(body.what(), operands, null);
        if (point == null) {
            point = replay.add(body.what(), operands, null, body, 1 + body.outputs().size());
        }
        return point == null
                ? new Applied(body, operands, null, 0)
                : new Applied(body, operands, replay.run(), point.number());
    }

    /// The outputs of a body with the arguments put in place of the inputs.
    static List<Node> results(Body body, Node[] arguments) {
        return body.outputs().isEmpty() ? List.of() : of(body, arguments).results;
    }

    /// The outputs of the body that a run like this one has applied here, if it recorded the function asked for.
    static Optional<List<Node>> again(Body.Recorded what, Node[] operands) {
        Replay replay = Replay.here();
        Replay.Point point = replay.next(what, operands, null);
        return point == null
                ? Optional.empty()
                : Optional.of(
                        new Applied(point.body(), operands, replay.run(), point.number()).results);
    }

    Body body() {
        return body;
    }

    /// The same result of the body on other arguments, which the head among `written` has.
    static Node on(Node result, int number, Node[] written) {
        Node head = written[0];
        return head.made() == result.made() ? result : head.made().results.get(number);
    }

    /// The head of the body on other arguments.
    Node headOn(List<Node> others) {
        return Arrays.equals(head.written(), others.toArray())
                ? head
                : of(body, others.toArray(Node[]::new)).head;
    }

    /// The inputs of a result, or of the head, which has those of the first.
    Node[] inputs(int result) {
        Node[][] known = inputs;
        if (known == null) {
            synchronized (this) {
                known = inputs == null ? writtenOut() : inputs;
                inputs = known;
            }
        }
        return known[Math.max(0, result)];
    }

    private Node[][] writtenOut() {
        Map<Node, Node> done = new IdentityHashMap<>();
        for (int i = 0; i < head.written().length; i++) {
            done.put(body.inputs().get(i), head.written()[i]);
        }
        Map<Node, Node> own = new IdentityHashMap<>(); // a result that others are computed from
        Node[][] out = new Node[results.size()][];
        for (int k = 0; k < out.length; k++) {
            own.putIfAbsent(body.outputs().get(k), results.get(k));
        }
        Map<Node, Node[]> found = new IdentityHashMap<>();
        for (Node n : Graph.topological(body.outputs())) {
            if (!done.containsKey(n)) {
                List<Node> in = n.inputs().stream().map(done::get).toList();
                found.put(n, in.toArray(Node[]::new));
                Node result = own.get(n);
                done.put(n, result == null ? n.withInputs(in) : result);
            }
        }
        for (int k = 0; k < out.length; k++) {
            out[k] = found.getOrDefault(body.outputs().get(k), new Node[0]);
        }
        return out;
    }
}
