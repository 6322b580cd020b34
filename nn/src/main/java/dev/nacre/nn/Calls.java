package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Places;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// Which modules were called while an expression was written down, and the shapes of what they gave.
///
/// A call of a module leaves no trace but the stack: each node is noted with the methods of modules that were running. Which module of a class that was is told by the variables that the nodes read, or by
/// there being no other below the caller; [Sequential] says what its layers gave. Equal neighbours in a list are told apart where the place in their method goes back. What a call gives is what others take of the nodes written in it.
/// Where this leaves several answers there is none: a shape may be missing, never wrong.
final class Calls {
    /// A method of a module that is running.
    ///
    /// @param at the places in it and in other methods of its class that it has called, outermost first; of the innermost also those in functions of tensors
    private record Frame(Class<?> type, List<Integer> at) {}

    /// A node, and the modules' methods that were running, outermost first.
    private record Event(Node node, List<Frame> frames) {}

    private static final ScopedValue<Calls> NOTING = ScopedValue.newInstance();

    private final Tree tree;
    private final Map<String, Set<Shape>> told = new HashMap<>();
    private final List<Event> events = new ArrayList<>();
    private final Map<Node, List<Integer>> users = new IdentityHashMap<>(); // numbers of events
    private final Map<String, Set<Shape>> outputs = new HashMap<>();
    private final Map<String, String> owners = new HashMap<>(); // by the variables' origins
    private Optional<TensorType> result = Optional.empty();

    private Calls(Tree tree) {
        this.tree = tree;
    }

    /// Runs a call of the root of a tree or of its parts.
    static Calls of(Tree tree, Object root, Supplier<?> call) {
        Calls c = new Calls(tree.named());
        tree.variables()
                .forEach((key, v) ->
                        c.owners.merge(
                                v.origin(),
                                tree.ownerOf(key),
                                (a, b) ->
                                        tree.modules().get(a) == tree.modules().get(b) ? a : "?"));
        Object given =
                Places.keeping(
                        c::note,
                        () -> ScopedValue.where(NOTING, c).call(() -> (Object) call.get()));
        if (given instanceof Tensor t) {
            c.result = Optional.of(t.type());
            c.outputs.put("", Set.of(t.shape()));
        }
        for (int i = 0; i < c.events.size(); i++) {
            for (Node in : c.events.get(i).node.inputs()) {
                c.users.computeIfAbsent(in, _ -> new ArrayList<>()).add(i);
            }
        }
        boolean whole =
                c.events.stream()
                        .anyMatch(e ->
                                !e.frames.isEmpty() && e.frames.getFirst().type.isInstance(root));
        c.below("", 0, c.events.size(), whole ? 0 : -1);
        return c;
    }

    /// The type of what the call as a whole gave, if that is one tensor.
    Optional<TensorType> result() {
        return result;
    }

    /// The shapes of what a module gave, each once; none where it is not known.
    Set<Shape> outputs(String path) {
        return told.getOrDefault(path, outputs.getOrDefault(path, Set.of()));
    }

    /// Says what a part of a module gave, where the module knows.
    ///
    /// @param key of the part within the module
    static void gave(Module owner, int key, Tensor result) {
        if (NOTING.isBound()) {
            NOTING.get().tell(owner, key, result.shape());
        }
    }

    private void tell(Module owner, int key, Shape shape) {
        tree.modules()
                .forEach((path, m) -> {
                    if (m == owner) {
                        String part = path.isEmpty() ? "" + key : path + "." + key;
                        told.computeIfAbsent(part, _ -> new LinkedHashSet<>()).add(shape);
                    }
                });
    }

    // ---------------------------------------------------------------------------------------------- noting

    private void note(Node n) {
        List<StackWalker.StackFrame> inward = new ArrayList<>();
        List<Integer> within = new ArrayList<>();
        StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE)
                .forEach(f -> {
                    Class<?> c = f.getDeclaringClass();
                    if (Module.class.isAssignableFrom(c)
                            && c != Module.class
                            && !f.getMethodName().startsWith("lambda$")) {
                        inward.add(f);
                    } else if (inward.isEmpty()) {
                        within.add(f.getByteCodeIndex());
                    }
                });
        List<Frame> outward = new ArrayList<>();
        Set<String> methods = new HashSet<>(); // of the last frame
        for (StackWalker.StackFrame f : inward.reversed()) {
            String method = f.getMethodName() + f.getDescriptor();
            boolean again = !outward.isEmpty() && outward.getLast().type == f.getDeclaringClass();
            if (again && methods.add(method)) {
                outward.getLast().at.add(f.getByteCodeIndex());
            } else { // the same method again is that of another module
                outward.add(
                        new Frame(
                                f.getDeclaringClass(),
                                new ArrayList<>(List.of(f.getByteCodeIndex()))));
                methods = new HashSet<>(Set.of(method));
            }
        }
        if (!outward.isEmpty()) {
            outward.getLast().at.addAll(within.reversed());
        }
        events.add(new Event(n, outward));
    }

    // ---------------------------------------------------------------------------------------------- telling apart

    /// A stretch of events below a module, all in calls of one class from one place.
    private record Stretch(int from, int to) {}

    /// The calls that the module at a path has made in some events.
    ///
    /// @param depth of its own frame
    private void below(String path, int from, int to, int depth) {
        Map<Class<?>, List<Stretch>> unknown = new LinkedHashMap<>();
        for (int i = from; i < to; ) {
            int end = i + 1;
            while (end < to && isSameCall(events.get(i), events.get(end), depth)) {
                end++;
            }
            List<Frame> frames = events.get(i).frames;
            if (frames.size() > depth + 1) {
                Class<?> type = frames.get(depth + 1).type;
                if (!named(path, type, new Stretch(i, end), depth)) {
                    unknown.computeIfAbsent(type, _ -> new ArrayList<>()).add(new Stretch(i, end));
                }
            }
            i = end;
        }
        unknown.forEach((type, stretches) -> alike(bare(path, type), stretches));
    }

    private static boolean isSameCall(Event a, Event b, int depth) {
        return a.frames.size() > depth + 1
                && b.frames.size() > depth + 1
                && a.frames.get(depth + 1).type == b.frames.get(depth + 1).type
                && (depth < 0 || a.frames.get(depth).equals(b.frames.get(depth)));
    }

    /// The modules of a class directly below a path, each once.
    private List<String> children(String path, Class<?> type) {
        Set<Module> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        return tree.modules().entrySet().stream()
                .filter(e ->
                        !e.getKey().isEmpty()
                                && tree.ownerOf(e.getKey()).equals(path)
                                && type.isInstance(e.getValue())
                                && seen.add(e.getValue()))
                .map(Map.Entry::getKey)
                .toList();
    }

    /// Those of them below which there are no variables.
    private List<String> bare(String path, Class<?> type) {
        return children(path, type).stream()
                .filter(c ->
                        tree.variables().entrySet().stream()
                                .noneMatch(e ->
                                        isBelow(e.getKey(), c) && !e.getValue().isRandomState()))
                .toList();
    }

    private static boolean isBelow(String path, String above) {
        return path.equals(above) || path.startsWith(above + ".");
    }

    /// Finds out whose calls they are, by variables or because there is only one.
    private boolean named(String path, Class<?> type, Stretch s, int depth) {
        List<String> children = children(path, type);
        int begin = s.from;
        int last = -1; // the last event that says whose it is
        String current = "";
        boolean sure = true; // whether the current one has no events of its neighbour
        for (int i = s.from; i < s.to; i++) {
            String owner = owner(events.get(i), children);
            if (!owner.isEmpty() && !owner.equals(current)) {
                if (!current.isEmpty()) {
                    List<Integer> back = entries(last + 1, i, depth + 1);
                    int cut = back.size() == 1 ? back.getFirst() : i;
                    call(current, begin, cut, depth + 1, sure && back.size() == 1);
                    begin = cut;
                    sure = true;
                }
                current = owner;
            }
            last = owner.isEmpty() ? last : i;
        }
        if (current.isEmpty()) {
            List<String> bare = bare(path, type);
            current =
                    children.size() == 1
                            ? children.getFirst()
                            : bare.size() == 1 ? bare.getFirst() : "";
        }
        if (current.isEmpty()) {
            return children.isEmpty();
        }
        call(current, begin, s.to, depth + 1, sure);
        return true;
    }

    /// Where, in some events, the place in a module's methods goes back: where it is entered again.
    private List<Integer> entries(int from, int to, int depth) {
        List<Integer> out = new ArrayList<>();
        for (int i = from; i <= to; i++) {
            if (compare(events.get(i).frames.get(depth).at, events.get(i - 1).frames.get(depth).at)
                    < 0) {
                out.add(i);
            }
        }
        return out;
    }

    private static int compare(List<Integer> a, List<Integer> b) {
        for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
            int c = Integer.compare(a.get(i), b.get(i));
            if (c != 0) {
                return c;
            }
        }
        return 0;
    }

    /// Which of some modules a node's variables belong to.
    private String owner(Event e, List<String> modules) {
        for (Node in : e.node.inputs()) {
            if (in.op() instanceof Op.Leaf leaf) {
                String owner = owners.getOrDefault(leaf.source().origin(), "?");
                for (String m : modules) {
                    if (isBelow(owner, m)) {
                        return m;
                    }
                }
            }
        }
        return "";
    }

    private void call(String path, int from, int to, int depth, boolean sure) {
        if (sure) {
            outputs.computeIfAbsent(path, _ -> new LinkedHashSet<>()).addAll(given(from, to));
        }
        below(path, from, to, depth);
    }

    /// Modules that cannot be told apart, if it does not matter.
    private void alike(List<String> modules, List<Stretch> stretches) {
        Set<List<Shape>> all = new LinkedHashSet<>();
        stretches.forEach(s -> all.add(given(s.from, s.to)));
        // one that leaves no trace, such as a dropout of nothing, may be among more modules than
        // calls
        if (all.size() == 1 && stretches.size() >= modules.size()) {
            modules.forEach(m -> outputs.put(m, new LinkedHashSet<>(all.iterator().next())));
        }
    }

    /// The shapes of what others take of the nodes of some events.
    private List<Shape> given(int from, int to) {
        List<Shape> out = new ArrayList<>();
        for (int i = from; i < to; i++) {
            Node n = events.get(i).node;
            boolean isTaken =
                    users.getOrDefault(n, Collections.emptyList()).stream()
                            .anyMatch(u -> u < from || u >= to);
            if (isTaken || i == events.size() - 1) {
                out.add(n.shape());
            }
        }
        return out.stream().distinct().toList();
    }
}
