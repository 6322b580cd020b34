package dev.nacre.ir;

import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/// Recognizes what a thread writes down as what was written down before, while it is being written: node by node, from one computation to the next.
///
/// What is written between two computations is a run. Its nodes are numbered, and each is told by its op and by what it is applied to: nodes of the run by their numbers, leaves by the order of
/// their first use and their kinds, constants by their values. All runs of all threads form a tree of [points][Point], in which runs that begin alike share their beginning. A run's point therefore
/// says all about its graph but the numbers behind its leaves, and what was found out about the graph once (types, the derivative of a loss, the plan) is noted there for the next run that comes by.
///
/// ```
/// step 1   x·w → relu → loss          new points: types are inferred, derivative and plan are looked for and noted
/// step 2   x·w → relu → loss          the same points: all of that is there
/// step 3   x·w → tanh → loss          leaves the way after x·w
/// ```
///
/// Nodes made of anything else (symbols, results of earlier runs or of other threads) belong to no run and leave no trace here. Points hold ops, types and recorded bodies, never nodes of a run, nor tensors.
public final class Replay {
    /// Ways on from a point that are kept: where there are more, there may be a number in them that is another each time.
    private static final int WAYS = 8;

    /// So many ways were given up, with none taken a second time: no more are kept, until so many others have come.
    private static final int IN_VAIN = 256;

    private static final int PATIENCE = 1 << 14;

    private static final int LONGEST = 4096;

    /// Points of all runs; where there are more, all are forgotten.
    private static final int MOST = 1 << 14;

    /// What is noted of so many nodes takes about as much memory as a point.
    private static final int NOTED = 8;

    /// An input that is a constant.
    private static final int CONSTANT = Integer.MIN_VALUE;

    private static final Op[] NO_CONSTANTS = {};
    private static final Kind[] NO_KINDS = {};

    private static final PerThread<Replay> HERE = new PerThread<>(Replay::new);
    private static final AtomicInteger POINTS = new AtomicInteger();
    private static final AtomicLong LEAVES = new AtomicLong();
    private static volatile Point start = Point.first();
    private static volatile boolean off;

    private Run run = new Run();
    private Point at = start; // null: the run is not followed any further
    private int[] inputs = new int[16]; // of what is being written down
    private Node[] writing; // operands of the run's node that is new; null: none
    private final Uses leaves = new Uses();

    private Replay() {}

    /// The one of this thread.
    public static Replay here() {
        return HERE.get();
    }

    /// The mark of this thread's run.
    Run run() {
        return run;
    }

    /// A number for a leaf that no other has.
    static long leaf() {
        return LEAVES.incrementAndGet();
    }

    /// Whether runs are recognized; for tests.
    static void enable(boolean on) {
        off = !on;
        here().begin();
    }

    /// How many points there are, about.
    static int points() {
        return POINTS.get();
    }

    /// Whether this thread's run is followed so far.
    boolean isFollowed() {
        return at != null;
    }

    // -------------------------------------------------------------------------------------------
    // marks of nodes

    /// The mark that the nodes of a run bear.
    static final class Run {
        private Computed computed; // null: not yet, as far as this thread knows

        Object graph(long number) {
            Computed c = computed;
            return c == null || c.places[(int) number] < 0 ? null : c.graph;
        }

        int place(long number) {
            Computed c = computed;
            return c == null ? 0 : c.places[(int) number];
        }
    }

    /// @param graph that the nodes were computed in
    /// @param places there, by their numbers in the run; −1: not computed
    private record Computed(Object graph, int[] places) {}

    /// Notes that this run's nodes were computed: [Node#computedIn] for all of them.
    ///
    /// @param places from [#places]
    public void computedIn(Object graph, int[] places) {
        run.computed = new Computed(graph, places);
    }

    /// The places in an order of this run's nodes, by their numbers; −1: not in it.
    ///
    /// @param point that the run has come to
    public int[] places(Order order, Point point) {
        int[] out = new int[point.nodes];
        Arrays.fill(out, -1);
        for (int k = 0; k < order.size(); k++) {
            Node n = order.get(k);
            if (n.run() == run) {
                out[(int) n.numbered()] = k;
            }
        }
        return out;
    }

    // ------------------------------------------------------------------------------------------------ the course

    /// Begins another run.
    public void begin() {
        run = new Run();
        writing = null;
        at = off ? null : start;
        leaves.clear();
    }

    /// Follows this run no further; further nodes belong to none, until another [begins][#begin].
    public void leave() {
        at = null;
    }

    /// Runs code that writes down what is kept for all runs, and belongs to none.
    public static <R> R aside(Supplier<R> code) {
        Replay r = here();
        Run whole = r.run;
        Point before = r.at;
        r.at = null;
        try {
            return code.get();
        } finally {
            r.at = r.run == whole ? before : r.at; // or else it has computed something
        }
    }

    /// Where a node leads that is about to be written down; null if that is not known yet, or it belongs to no run.
    ///
    /// @param what an op or body
    /// @param remark that the node is given; null: none
    Point next(Object what, Node[] operands, String remark) {
        writing = null;
        if (at == null
                || what instanceof Op.Fused f && f.what().derivesAnew()
                || !belongs(operands)) {
            return null;
        }
        leaves.keep(at.leaves); // what was written down last may have been refused
        encode(operands);
        for (Point p : at.ways) {
            if (p.is(what, inputs, operands, remark)) {
                if (at.lost != 0) {
                    at.lost = 0;
                }
                at = p;
                return p;
            }
        }
        writing = operands;
        return null;
    }

    /// Adds the node that [#next] did not know, if it belongs to the run.
    ///
    /// @param made what is to be known of it: a pattern or a body
    /// @param nodes how many the node stands for
    Point add(Object what, Node[] operands, String remark, Object made, int nodes) {
        if (writing != operands || at == null) {
            return null;
        }
        writing = null;
        Kind[] fresh = new Kind[leaves.size() - at.leaves];
        Op[] constants = NO_CONSTANTS;
        int seen = at.leaves;
        for (int i = 0; i < operands.length; i++) {
            if (inputs[i] == CONSTANT) {
                constants = Arrays.copyOf(constants, operands.length);
                constants[i] = operands[i].op();
            } else if (inputs[i] == ~seen) {
                fresh[seen++ - at.leaves] = Kind.of(source(operands[i]));
            }
        }
        Point p =
                new Point(
                        what,
                        Arrays.copyOf(inputs, operands.length),
                        constants,
                        fresh,
                        remark,
                        made,
                        leaves.size(),
                        at.nodes,
                        at.nodes + nodes);
        at = p.nodes <= LONGEST && at.lead(p) ? p : null;
        return at;
    }

    private boolean belongs(Node[] operands) {
        for (Node n : operands) {
            if (n.run() != run
                    && (n.op() instanceof Op.Leaf l
                            ? l.source() instanceof Symbol
                            : n.written().length > 0)) {
                return false;
            }
        }
        return true;
    }

    private void encode(Node[] operands) {
        if (inputs.length < operands.length) {
            inputs = new int[2 * operands.length];
        }
        for (int i = 0; i < operands.length; i++) {
            Node n = operands[i];
            inputs[i] =
                    n.run() == run
                            ? (int) n.numbered()
                            : n.op() instanceof Op.Leaf ? ~leaves.use(n.numbered()) : CONSTANT;
        }
    }

    private static Source source(Node leaf) {
        return ((Op.Leaf) leaf.op()).source();
    }

    // ------------------------------------------------------------------------------------------------ questions

    /// The number of a node of this run, −1 if it is none.
    public int number(Node n) {
        return at != null && n.run() == run ? (int) n.numbered() : -1;
    }

    /// The order in which a leaf was first used in this run, −1 if it was not.
    public int use(Node leaf) {
        leaves.keep(at == null ? 0 : at.leaves);
        return leaves.find(leaf.numbered());
    }

    /// Where what is known of this run's graph is noted; empty if the run is not followed.
    ///
    /// @param what is asked
    /// @param details numbers of nodes, and the like
    public Optional<Point> ask(Object what, int... details) {
        if (at == null) {
            return Optional.empty();
        }
        for (Point p : at.ways) {
            if (p.what.equals(what) && Arrays.equals(p.inputs, details)) {
                return Optional.of(p);
            }
        }
        Point p =
                new Point(
                        what,
                        details.clone(),
                        NO_CONSTANTS,
                        NO_KINDS,
                        null,
                        null,
                        at.leaves,
                        at.nodes,
                        at.nodes);
        return at.lead(p) ? Optional.of(p) : Optional.empty();
    }

    // -------------------------------------------------------------------------------------------------- points

    /// What a leaf is besides its numbers.
    private record Kind(TensorType type, Class<?> source, boolean trainable) {
        static Kind of(Source s) {
            return new Kind(s.type(), s.getClass(), s.isTrainable());
        }

        boolean isOf(Source s) {
            return source == s.getClass() && trainable == s.isTrainable() && type.equals(s.type());
        }
    }

    /// What follows from a node's op and inputs.
    record Pattern(TensorType type, int hash, String remark) {}

    /// A place that runs come by.
    public static final class Point {
        private static final Point[] NONE = {};

        private final Object what; // an op, a body or a question
        private final int[] inputs;
        private final Op[] constants; // of the inputs, in their places
        private final Kind[] fresh; // of the leaves that are used for the first time
        private final String remark; // null: none
        private final Object made; // a pattern or a body; null: no node
        private final int leaves; // used up to here
        private final int first; // number of the node that is written down here
        private final int nodes; // written down up to here
        private volatile Point[] ways = NONE;
        private volatile Object note; // null: none
        private int lost; // ways given up since one was last taken again, about

        private Point(
                Object what,
                int[] inputs,
                Op[] constants,
                Kind[] fresh,
                String remark,
                Object made,
                int leaves,
                int first,
                int nodes) {
            this.what = what;
            this.inputs = inputs;
            this.constants = constants;
            this.fresh = fresh;
            this.remark = remark;
            this.made = made;
            this.leaves = leaves;
            this.first = first;
            this.nodes = nodes;
        }

        private static Point first() {
            return new Point("start", new int[0], NO_CONSTANTS, NO_KINDS, null, null, 0, 0, 0);
        }

        private boolean is(Object what, int[] inputs, Node[] operands, String remark) {
            if (this.what != what && !this.what.equals(what)
                    || this.inputs.length != operands.length
                    || made == null
                    || !Objects.equals(this.remark, remark)) {
                return false;
            }
            int seen = leaves - fresh.length;
            for (int i = 0; i < operands.length; i++) {
                int in = this.inputs[i];
                if (in != inputs[i]
                        || in == CONSTANT && !constants[i].equals(operands[i].op())
                        || in == ~seen
                                && !fresh[seen++ - leaves + fresh.length].isOf(
                                        source(operands[i]))) {
                    return false;
                }
            }
            return true;
        }

        /// Adds a way on, in place of the oldest if there are many; not where it would hardly ever be taken again.
        private synchronized boolean lead(Point to) {
            if (ways.length == WAYS && ++lost > IN_VAIN) {
                lost = lost > PATIENCE ? 0 : lost;
                return false;
            }
            if (POINTS.incrementAndGet() > MOST) {
                POINTS.set(0);
                start = first();
            }
            Point[] more = new Point[Math.min(WAYS, ways.length + 1)];
            System.arraycopy(ways, 0, more, 1, more.length - 1);
            more[0] = to;
            ways = more;
            return true;
        }

        /// What is known of a node.
        Pattern pattern() {
            return (Pattern) made;
        }

        /// What is applied.
        Body body() {
            return (Body) made;
        }

        /// The number of the first node written down here.
        int number() {
            return first;
        }

        /// What was noted of the graph of all runs that come here.
        public Optional<Object> note() {
            return Optional.ofNullable(note);
        }

        /// Notes something about their graph, which must hold no tensors.
        ///
        /// @param nodes that it says something of, which is how much memory it takes
        public void note(Object note, int nodes) {
            this.note = note;
            POINTS.addAndGet(nodes / NOTED);
        }
    }
}
