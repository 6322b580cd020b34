package dev.nacre;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;

/// A named cell whose value can change: a parameter, a running statistic, an optimizer's moment. It can be used wherever a tensor can; an expression keeps
/// the value that the variable had when the expression was written.
///
/// A variable is trainable unless said otherwise: `backward()` fills [#grad()] of every trainable variable that a loss depends on.
public final class Variable extends Tensor {
    /// The variable as a leaf of a traced function: whatever its value is when the function is called.
    record Current(Variable variable) implements Source {
        @Override
        public TensorType type() {
            return variable.declared();
        }

        @Override
        public String origin() {
            return variable.origin();
        }

        @Override
        public boolean isTrainable() {
            return variable.isTrainable();
        }

        @Override
        public String module() {
            return variable.module();
        }

        @Override
        public boolean equals(Object o) {
            return o instanceof Current c && c.variable == variable;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(variable);
        }
    }

    private static final AtomicLong CREATED = new AtomicLong();

    private final long number = CREATED.getAndIncrement();
    private final ReentrantLock changing = new ReentrantLock();
    private final TensorType declared;
    private final Node current;
    private final boolean trainable;
    private boolean random; // whether it is what a source of random numbers remembers
    private String name;
    private String origin;
    private volatile Stored stored;
    private volatile Tensor pending; // null: none
    private final AtomicLong version = new AtomicLong();
    private Tensor grad; // null: none
    private Tensor loss; // whose gradient it is
    private long
            step; // the number of steps taken on this thread when the gradient was last added to
    private int steps; // over how many it has been added up

    private Variable(String name, TensorType type, boolean trainable) {
        this.declared = type;
        this.trainable = trainable;
        rename(name);
        this.current = Node.of(new Op.Leaf(new Current(this)));
    }

    /// A trainable variable that starts with the values of a tensor, which must be floating: nothing else has gradients.
    public static Variable of(String name, Tensor initial) {
        return of(name, initial, true);
    }

    /// A variable that starts with the values of a tensor.
    public static Variable of(String name, Tensor initial, boolean trainable) {
        Problem.in("variable")
                .require(
                        !trainable || initial.dtype().isFloating(),
                        "only floating numbers can be trained")
                .operand(name, initial.type(), initial::origin)
                .hint("Variable.of(name, initial, false) is a variable that is not trained")
                .throwDType();
        Variable v = new Variable(name, initial.type(), trainable);
        Stored value = initial.copied(v);
        v.stored = value;
        return v;
    }

    /// A trainable variable of zeros in f32.
    public static Variable zeros(String name, long... sizes) {
        return of(name, Tensor.zeros(DType.F32, sizes));
    }

    /// What a source of random numbers remembers.
    static Variable ofRandomState(Tensor initial) {
        Variable v = of("rng", initial, false);
        v.random = true;
        return v;
    }

    /// Whether this is the state of an [Rng], which weights from elsewhere come without.
    public boolean isRandomState() {
        return random;
    }

    public String name() {
        return name;
    }

    /// Gives the variable the name it has in a model, for errors and files.
    public void rename(String name) {
        this.name = name;
        this.origin = (trainable ? "parameter " : "variable ") + name;
    }

    /// The name of the module whose parameter this is, if it has one.
    String module() {
        return trainable ? name.substring(0, Math.max(0, name.lastIndexOf('.'))) : "";
    }

    public boolean isTrainable() {
        return trainable;
    }

    /// Sets the value; of the variable's type. It is computed when somebody reads it or an optimizer takes its step. Inside a traced function the change is part of what the function does when it is called.
    public void set(Tensor value) {
        if (!value.type().equals(declared)) {
            Problem.in("set")
                    .rule("the value must be " + declared)
                    .operand("variable", declared, this::origin)
                    .operand("value", value.type(), value::origin)
                    .throwShape();
        }
        Optional<Trace> trace = Trace.current();
        requireNumbers("set", trace, value);
        if (trace.isPresent()) {
            trace.get().write(this, value.node());
        } else {
            pending = value instanceof Variable v ? new Tensor(v.node()) : value;
            Steps.remember(this);
        }
    }

    /// What this variable takes where it stands must not wait for the inputs of some function.
    private void requireNumbers(String op, Optional<Trace> trace, Tensor value) {
        if (trace.filter(t -> !t.isImmediate()).isEmpty() && value.node().isSymbolic()) {
            String inputs =
                    Graph.leaves(List.of(value.node())).stream()
                            .filter(Node::isSymbolic)
                            .map(Node::origin)
                            .distinct()
                            .collect(Collectors.joining(", "));
            Problem.in(op)
                    .rule(
                            "the value depends on "
                                    + inputs
                                    + ", which has a value only while a function is called")
                    .operand("variable", declared, this::origin)
                    .operand("value", value.type(), value::origin)
                    .hint(
                            "Function.of(inputs, outputs, variable.to(value)) changes it in each call;"
                                    + " so does set within the function that is traced")
                    .throwValue();
        }
    }

    /// The value set but not computed yet, if any.
    Optional<Tensor> pending() {
        return Optional.ofNullable(pending);
    }

    /// This variable paired with the value it shall become when a function is called; see [Function#of].
    public Function.Update to(Tensor value) {
        return new Function.Update(this, value);
    }

    /// The gradient that the last `backward()` calls have left, if any.
    public Optional<Tensor> grad() {
        return Optional.ofNullable(grad);
    }

    /// Forgets the gradient.
    public void zeroGrad() {
        grad = null;
        loss = null;
        steps = 0;
    }

    /// Puts a gradient of this variable's shape in place of whatever is there.
    public void setGrad(Tensor gradient) {
        Problem.in("setGrad")
                .require(declared.dtype().isFloating(), "only floating numbers have gradients")
                .require(
                        gradient.shape().mayEqual(shape()) && gradient.dtype().isFloating(),
                        "the gradient must be floating, and have the variable's shape")
                .operand("variable", type(), this::origin)
                .operand("gradient", gradient.type(), gradient::origin)
                .throwShape();
        requireNumbers("setGrad", Trace.current(), gradient);
        grad = gradient;
    }

    /// From the third step in a row on the sum is computed with the step, or else it would become an expression of all steps that were ever taken.
    void addGrad(Tensor gradient, Tensor ofLoss) {
        grad = grad == null ? gradient : grad.add(gradient);
        loss = ofLoss;
        if (Trace.current().isEmpty()) {
            long now = Steps.taken();
            steps = now == step ? steps : steps + 1;
            step = now;
            if (steps > 2) {
                Steps.sum(this);
            }
        }
    }

    /// The loss of which [#grad()] is the gradient, if its value has not been computed yet.
    Optional<Tensor> pendingLoss() {
        return Optional.ofNullable(loss).filter(l -> !(l instanceof Variable) && !l.isRealized());
    }

    /// The values of several variables as they are at one moment: if a function changes them in other threads meanwhile, all from before one of its calls or all from after it. Nothing is
    /// copied; whoever changes them next writes to other memory.
    public static List<Tensor> snapshot(List<Variable> variables) {
        var leaves = new ArrayList<Source>();
        variables.forEach(v -> leaves.add(new Current(v)));
        try (Access a = Access.of(leaves, Engine.Targets.none(0))) {
            var out = new ArrayList<Tensor>();
            for (int i = 0; i < leaves.size(); i++) {
                a.value(i).share();
                out.add(new Tensor(a.value(i)));
            }
            return out;
        }
    }

    TensorType declared() {
        return declared;
    }

    /// The leaf that stands for the value at the time of a call.
    Node current() {
        return current;
    }

    Stored stored() {
        return stored;
    }

    /// Held by whoever puts another value in this one's place ([Access]). Several are taken in the order of [#number()].
    void lock() {
        changing.lock();
    }

    void unlock() {
        changing.unlock();
    }

    /// Whether this thread holds the lock.
    boolean isLocked() {
        return changing.isHeldByCurrentThread();
    }

    /// Variables in the order in which they were made.
    long number() {
        return number;
    }

    /// For [Access] alone.
    void replace(Stored value) {
        if (stored != value) { // or it was overwritten in place
            stored = value;
        }
        forgetPending();
        version.setRelease(version.getPlain() + 1); // this thread has the lock
    }

    /// The value, which is not to be overwritten from now on.
    Stored keep() {
        stored.share();
        return stored;
    }

    /// What the variable is to be is somebody else's business from now on, or nobody's.
    void forgetPending() {
        if (pending != null) { // rarely: and others would see each write
            pending = null;
        }
    }

    /// How often the value has been replaced.
    long version() {
        return version.get();
    }

    @Override
    public TensorType type() {
        return declared;
    }

    @Override
    public String origin() {
        return origin;
    }

    @Override
    Node node() {
        Optional<Trace> trace = Trace.current();
        if (trace.isPresent()) {
            return trace.get().read(this);
        }
        if (pending != null) {
            // a variable that is read is a leaf, so that its gradient can be asked for and graphs
            // do not grow from step to step
            Steps.flush();
        }
        return present();
    }

    /// The value now, as an expression keeps it.
    Node present() {
        Tensor p = pending; // set by another thread
        if (p != null) {
            return p.node();
        }
        Stored s = stored;
        s.share();
        return s.node();
    }

    @Override
    public boolean isRealized() {
        return Trace.current().isEmpty() && pending == null;
    }

    @Override
    Stored value() {
        if (Trace.current().isPresent()) {
            throw new dev.nacre.type.NacreException(
                    origin()
                            + " has no numbers while a function is traced; they exist when it is called");
        }
        Steps.flush();
        return now();
    }

    /// The value for a call that runs, outside of any trace.
    Stored now() {
        Tensor p = pending; // set by another thread
        return p == null ? stored : p.value();
    }

    @Override
    void realize(Stored s) {
        throw new IllegalStateException(origin() + " is set, not realized");
    }

    /// Name and type in one line, with the first and last numbers: `fc1.bias f32[64] [0.1 0.2 0.3 ... -0.1 0.4 0.2]`, so that a record of variables prints legibly. [#detach()] prints all of them.
    @Override
    public String toString() {
        String head = name + " " + declared;
        return hasNumbers()
                ? head + " " + value().read(s -> Printing.inLine(new Elements(s)))
                : head;
    }

    /// Sets several variables at once: `changes` may read and set any number of them, and all of it is carried out in one plan, together with the losses whose
    /// gradients are used. Optimizers are written with this. Inside a traced function it is just recorded.
    public static void update(List<Variable> variables, Runnable changes) {
        Steps.commit(pendingLosses(variables), changes, Optional.empty());
    }

    private static List<Tensor> pendingLosses(List<Variable> variables) {
        var losses = new ArrayList<Tensor>();
        Tensor last = null;
        for (Variable v : variables) {
            Tensor l = v.loss;
            if (l != null && l != last && !losses.contains(l) && v.pendingLoss().isPresent()) {
                losses.add(l);
            }
            last = l; // of most of them it is the same
        }
        return losses;
    }

    /// As [#update], but only if a condition holds. Otherwise nothing is changed at all, neither by `changes` nor by what was set before: inside a traced function all that it has set so far,
    /// else all that this thread has set of variables that are not trainable, and drawn of random sources, since [#startStep()]. So a step whose loss is not finite leaves running statistics and random sources as they
    /// were, too. What was set before that, or at once by [#update], stays, and so do parameters set by hand; but what a forward computation has set whose loss this is goes back, wherever the step began. The condition is computed in the same plan.
    ///
    /// @param condition a single bool
    public static void updateIf(Tensor condition, List<Variable> variables, Runnable changes) {
        Problem.in("updateIf")
                .require(
                        condition.dtype() == DType.BOOL && condition.rank() == 0,
                        "the condition must be a single bool")
                .operand("condition", condition.type(), condition::origin)
                .throwShape();
        List<Tensor> wanted = pendingLosses(variables);
        wanted.add(condition);
        Steps.commit(wanted, changes, Optional.of(condition));
    }

    /// Says that what this thread changes from now on, outside of functions, belongs to a new step; see [#updateIf]. Optimizers say so when gradients are dropped and after each step. Does nothing inside a traced function.
    public static void startStep() {
        Steps.begin();
    }

    /// The graph with each value of a variable replaced by the variable itself.
    static List<Node> symbolic(List<Node> roots) {
        return Graph.rewrite(
                roots,
                (n, in) ->
                        n.op() instanceof Op.Leaf l
                                        && l.source() instanceof Stored.Ref r
                                        && r.stored().owner() != null
                                ? r.stored().owner().current
                                : n.withInputs(in));
    }
}
