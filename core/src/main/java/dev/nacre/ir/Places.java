package dev.nacre.ir;

import dev.nacre.type.Frames;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

/// Where in the user's program the nodes of a graph come from: the part of the model whose parameters they use, and the line. Kept only where somebody wants an explanation;
/// everything else pays for a look at a field that is always 0.
public final class Places {
    private static final ScopedValue<Places> CURRENT = ScopedValue.newInstance();

    private static volatile int open; // how many explanations are being made

    private final Map<Node, String> places = new IdentityHashMap<>();
    private final Map<Node, String> modules = new IdentityHashMap<>();
    private String
            inherited; // what is derived from a node or takes its place; null: the line that runs
    private boolean written; // no line writes nodes any more

    private final Consumer<Node> each;

    private Places(Consumer<Node> each) {
        this.each = each;
    }

    /// Runs code that writes graphs down and compiles them, and keeps their places meanwhile.
    public static <R> R keeping(Supplier<R> code) {
        return keeping(_ -> {}, code);
    }

    /// The same.
    ///
    /// @param each is shown each new node while the line that writes it runs
    public static <R> R keeping(Consumer<Node> each, Supplier<R> code) {
        synchronized (Places.class) {
            open++;
        }
        try {
            return ScopedValue.where(CURRENT, new Places(each)).call(code::get);
        } finally {
            synchronized (Places.class) {
                open--;
            }
        }
    }

    /// Whether places are kept, by this thread or another.
    public static boolean areKept() {
        return open != 0;
    }

    private static Places current() {
        return open != 0 && CURRENT.isBound() ? CURRENT.get() : null;
    }

    /// Notes where a new node comes from.
    static void note(Node n) {
        Places p = current();
        if (p != null) {
            p.add(n);
            p.each.accept(n);
        }
    }

    /// From here on nodes only take the place of others.
    public static void compiling() {
        Places p = current();
        if (p != null) {
            p.written = true;
        }
    }

    /// Where a node comes from; empty if nobody knows.
    public static String of(Node n) {
        Places p = current();
        return p == null ? "" : p.places.getOrDefault(n, "");
    }

    /// Runs code that replaces a node.
    static <R> R inPlaceOf(Node n, Supplier<R> code) {
        Places p = current();
        return p == null ? code.get() : p.as(p.places.getOrDefault(n, null), code);
    }

    /// Runs code that derives a node.
    public static void deriving(Node n, Runnable code) {
        Places p = current();
        if (p == null) {
            code.run();
            return;
        }
        String place = p.places.getOrDefault(n, "");
        String prefix = "gradient of ";
        p.as(
                place.isEmpty() || place.startsWith(prefix) ? place : prefix + place,
                () -> {
                    code.run();
                    return null;
                });
    }

    private <R> R as(String place, Supplier<R> code) {
        String before = inherited;
        inherited = place == null || place.isEmpty() ? before : place;
        try {
            return code.get();
        } finally {
            inherited = before;
        }
    }

    private void add(Node n) {
        String module = module(n);
        if (n.op() instanceof Op.Leaf) {
            return;
        }
        if (isMoved(n.op())) {
            modules.put(n, module);
        }
        String line = inherited != null ? inherited : written ? without(module, n) : line(module);
        if (!line.isEmpty()) {
            places.put(n, line);
        }
    }

    private static String line(String module) {
        String line = Frames.line();
        return module.isEmpty() ? line : line.isEmpty() ? module : module + " (" + line + ")";
    }

    /// The place of a node that no line writes: that of its module or of an operand.
    private String without(String module, Node n) {
        if (!module.isEmpty()) {
            return module;
        }
        for (int i = 0; i < n.arity(); i++) {
            String place = places.getOrDefault(n.input(i), "");
            if (!place.isEmpty()) {
                return place;
            }
        }
        return "";
    }

    /// The module whose parameter the node takes.
    private String module(Node n) {
        String module = "";
        for (int i = n.arity() - 1; i >= 0 && module.isEmpty(); i--) {
            Node in = n.input(i);
            module =
                    in.op() instanceof Op.Leaf leaf
                            ? leaf.source().module() // older than this explanation
                            : modules.getOrDefault(in, "");
        }
        return module;
    }

    private static boolean isMoved(Op op) {
        return op instanceof Op.Permute
                || op instanceof Op.Reshape
                || op instanceof Op.Broadcast
                || op instanceof Op.Cast
                || op instanceof Op.Slice;
    }
}
