package dev.nacre.ir;

import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/// One vertex of the expression graph: an op applied to other nodes, with the type that follows. Immutable, but for a note of where its numbers
/// are once they have been computed.
///
/// Nodes compare by identity, so comparing never walks a graph; [#hash()] is structural, and equal expressions are merged once per compilation, not on
/// every construction (see docs/decisions/002).
public final class Node implements Algebra<Node> {
    private static int created; // by any thread: two nodes may take one number

    /// An era in which so many nodes were written down has ended, even if nothing has been computed.
    private static final int LONG = 1 << 13;

    private static int now; // the era

    private static int begun; // the number of the last node before it

    private static Consumer<Node> watcher; // null: nobody

    private final int serial = next();
    private final Op op;
    private final Node[] written; // the inputs, or what has them
    private final TensorType type;
    private final int hash;
    private final Applied made; // null: written down as it is
    private final int number; // of the result of what made it; -1: the head
    private volatile Node known; // null: not computed
    private volatile boolean settled;
    private final String remark; // null: none
    private final boolean symbolic;
    private final int era = now; // when it was written down
    private final int age;
    private final Replay.Run run; // that it belongs to; null: none
    private final long numbered; // in the run; of a leaf: among all leaves
    private Object graph; // null: not computed yet, as far as this thread knows
    private int place;

    private Node(Op op, Node[] inputs) {
        this(op, inputs, null);
    }

    private Node(Op op, Node[] inputs, String remark) {
        this.op = op;
        this.written = inputs;
        this.made = null;
        this.number = 0;
        Consumer<Node> w = watcher; // another thread may send it away
        Replay replay = inputs.length == 0 ? null : Replay.here();
        if (replay != null && (w != null || Places.areKept())) {
            replay.leave();
        }
        Replay.Point point = replay == null ? null : replay.next(op, inputs, remark);
        if (point != null) {
            Replay.Pattern like = point.pattern();
            this.type = like.type();
            this.hash = like.hash();
            this.remark = like.remark();
            this.age = 0;
            this.symbolic = false; // or it would belong to no run
            this.run = replay.run();
            this.numbered = point.number();
            return;
        }
        this.type = op.infer(Arrays.asList(inputs));
        if (!type.shape().isAddressable(type.dtype().bytes())) {
            type.addressable(op.name());
        }
        int h = op.structure();
        int most = 0;
        boolean waits = op instanceof Op.Leaf l && l.source() instanceof Symbol;
        for (Node in : inputs) {
            h = 31 * h + in.hash;
            most = Math.max(most, in.ageBelow(era));
            waits |= in.symbolic;
        }
        this.hash = h;
        this.age = most;
        this.symbolic = waits;
        this.remark = remark != null ? remark : inherited(op, type, inputs);
        Replay.Point added =
                replay == null
                        ? null
                        : replay.add(
                                op, inputs, remark, new Replay.Pattern(type, hash, this.remark), 1);
        this.run = added == null ? null : replay.run();
        this.numbered = added != null ? added.number() : op instanceof Op.Leaf ? Replay.leaf() : -1;
        if (Places.areKept()) {
            Places.note(this);
        }
        if (w != null) {
            w.accept(this);
        }
    }

    /// Tells somebody of each node that is written down, by this thread at least, for as long as it matters; null: nobody.
    public static void watch(Consumer<Node> watcher) {
        Node.watcher = watcher;
    }

    /// A remark goes with what a gradient can pass through.
    private static String inherited(Op op, TensorType type, Node[] inputs) {
        if (op instanceof Op.Detach || !type.dtype().isFloating()) {
            return null;
        }
        for (Node in : inputs) {
            if (in.remark != null) {
                return in.remark;
            }
        }
        return switch (op) {
            case Op.Fused f -> f.body().outputs().get(f.output()).remark;
            case Op.Scan s -> ofAny(s.loop().body().outputs());
            default -> null;
        };
    }

    private static String ofAny(List<Node> nodes) {
        for (Node n : nodes) {
            if (n.remark != null) {
                return n.remark;
            }
        }
        return null;
    }

    /// A result of an application.
    ///
    /// @param pattern what it is in the body
    /// @param written what the application has in its place
    /// @param run that it belongs to; null: none
    /// @param numbered its number there
    Node(Applied made, int number, Node pattern, Node[] written, Replay.Run run, long numbered) {
        this.op = pattern.op;
        this.written = written;
        this.type = pattern.type;
        this.made = made;
        this.number = number;
        this.run = run;
        this.numbered = numbered;
        int h = number < 0 ? made.body().key().hashCode() : number;
        int most = 0;
        boolean waits = false;
        for (Node in : written) {
            waits |= in.symbolic;
            h = 31 * h + in.hash;
            most = run != null ? 0 : Math.max(most, in.ageBelow(era));
        }
        this.hash = h;
        this.remark = pattern.remark != null ? pattern.remark : inherited(op, type, written);
        this.age = most;
        this.symbolic = waits;
    }

    /// Whether the expression depends on an input of some function, and so has no numbers until that is called.
    public boolean isSymbolic() {
        return symbolic;
    }

    private static int next() {
        int n = ++created;
        if (n - begun >= LONG) {
            nextEra();
        }
        return n;
    }

    /// Begins another era: something has been computed.
    public static void nextEra() {
        now++; // by any thread: that it changes is enough
        begun = created;
    }

    /// Over how many eras, at most, the expression has been written down without being computed itself: one that is added to after each step of a loop becomes ever older.
    public int age() {
        return known == null ? age : 0;
    }

    private int ageBelow(int user) {
        return known != null ? 0 : era == user || written.length == 0 ? age : age + 1;
    }

    /// Applies `op`; a broken rule of the op throws here.
    public static Node of(Op op, List<Node> inputs) {
        return new Node(op, inputs.toArray(Node[]::new));
    }

    public static Node of(Op op, Node... inputs) {
        return new Node(op, inputs.clone());
    }

    /// The same on operands that already have nodes.
    public static <T> Node of(Op op, List<T> operands, Function<T, Node> node) {
        Node[] inputs = new Node[operands.size()];
        for (int i = 0; i < inputs.length; i++) {
            inputs[i] = node.apply(operands.get(i));
        }
        return new Node(op, inputs);
    }

    /// The same values with a remark for whoever asks for gradients through them.
    public static Node remarked(Node x, String remark) {
        return new Node(new Op.Reshape(x.type.shape()), new Node[] {x}, remark);
    }

    /// What somebody who asks for gradients through this node should know, if anything.
    public Optional<String> remark() {
        return Optional.ofNullable(remark);
    }

    public Op op() {
        return op;
    }

    public int arity() {
        return operands().length;
    }

    public Node input(int i) {
        return operands()[i];
    }

    public List<Node> inputs() {
        return List.of(operands());
    }

    private Node[] operands() {
        return made == null ? written : made.inputs(number);
    }

    /// What the node is made of as it was written down: its inputs, or for the result of an application one node that has the arguments.
    Node[] written() {
        return written;
    }

    /// The application that this is a result of; null: none.
    Applied made() {
        return made;
    }

    /// What is equal for nodes that are the same in graphs of one structure, as far as the node alone says.
    Object kind() {
        return made == null ? op : number < 0 ? made.body().key() : Integer.valueOf(number);
    }

    /// The node made of other things than those written down.
    Node rewritten(Node[] others) {
        return made == null
                ? withInputs(List.of(others))
                : number < 0 ? made.headOn(List.of(others)) : Applied.on(this, number, others);
    }

    @Override
    public TensorType type() {
        return type;
    }

    /// Equal for expressions of equal structure as they were [written][Order#written], whose leaves and floating constants may differ in all but type.
    public int hash() {
        return hash;
    }

    /// The leaf with this node's numbers if they have been computed and kept, else this node.
    public Node known() {
        Node k = known;
        return k == null ? this : k;
    }

    /// Whether the numbers are all that will be asked of this node: no gradient any more.
    public boolean isSettled() {
        return settled;
    }

    /// Notes where the numbers are.
    public void know(Node leaf, boolean settled) {
        this.known = leaf;
        this.settled = settled;
    }

    /// What was noted of the graph that this node was last computed in; null: it has not been.
    public Object graph() {
        return graph != null || run == null ? graph : run.graph(numbered);
    }

    /// The place in that graph.
    public int place() {
        return graph != null || run == null ? place : run.place(numbered);
    }

    /// What the thread that wrote the node down wrote with it; null: it cannot be [repeated][Replay].
    Replay.Run run() {
        return run;
    }

    /// The node's number in its run, or a leaf's among all leaves.
    long numbered() {
        return numbered;
    }

    /// Notes that the node was computed, but perhaps not kept.
    public void computedIn(Object graph, int place) {
        this.place = place;
        this.graph = graph;
    }

    /// Whether the node is the result of an application, or stands for one.
    public boolean isApplied() {
        return made != null;
    }

    /// Whether the node stands for an application as a whole and has no numbers of its own.
    public boolean isHead() {
        return number < 0;
    }

    /// The same op on other inputs; this very node if they are the same.
    public Node withInputs(List<Node> others) {
        return Arrays.equals(operands(), others.toArray())
                ? this
                : Places.areKept()
                        ? Places.inPlaceOf(this, () -> remarked(others))
                        : remarked(others);
    }

    private Node remarked(List<Node> others) {
        return new Node(op, others.toArray(Node[]::new), remark);
    }

    @Override
    public Node self() {
        return this;
    }

    @Override
    public Node emit(Op op, List<Node> inputs) {
        return of(op, inputs);
    }

    /// Where the value comes from, for error messages: `input 'x'`, `parameter head.weight`, `result of relu`.
    public String origin() {
        Node n = this;
        while (n.op instanceof Op.Broadcast
                || n.op instanceof Op.Reshape && n.number().isPresent()) {
            n = n.input(0); // as the user has written it, before sizes were repeated
        }
        boolean repeated = n != this;
        return switch (n.op) {
            case Op.Leaf leaf -> leaf.source().origin();
            case Op.Constant c when repeated && c.value() == 0 -> "zeros";
            case Op.Constant c when repeated && c.value() == 1 -> "ones";
            case Op.Constant c when repeated -> "full(" + c.name() + ")";
            case Op.Constant c -> "the number " + c.name();
            case Op.Iota _ -> "arange";
            default -> "result of " + n.op.name();
        };
    }

    /// The number that all elements are known to be: a constant that is repeated, reshaped and cast, if it is one.
    public Optional<Op.Constant> number() {
        Node x = this;
        List<DType> casts = new ArrayList<>(0);
        while (x.op instanceof Op.Broadcast
                || x.op instanceof Op.Reshape
                || x.op instanceof Op.Cast) {
            if (x.op instanceof Op.Cast c) {
                casts.add(c.dtype());
            }
            x = x.input(0);
        }
        if (!(x.op instanceof Op.Constant c)) {
            return Optional.empty();
        }
        Op.Constant converted = c;
        for (DType t : casts.reversed()) {
            converted = converted.cast(t);
        }
        return Optional.of(converted);
    }

    /// Whether all elements are known to be this number.
    public boolean is(double value) {
        return number().filter(c -> c.value() == value).isPresent();
    }

    /// Numbers in a row lie far apart.
    static int scattered(int number) {
        return number * 0x9E3779B9; // odd
    }

    /// A number that few nodes share; those that are made one after the other have numbers in a row.
    int serial() {
        return serial;
    }

    /// Not structural, see [#hash()]: for tables of nodes, and unlike the identity hash at hand without a call into the JVM.
    @Override
    public int hashCode() {
        return scattered(serial);
    }

    @Override
    public boolean equals(Object o) {
        return o == this;
    }

    @Override
    public String toString() {
        return op.name() + " " + type;
    }
}
