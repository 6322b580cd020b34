package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.NacreException;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/// The variables and modules below an object, with their names.
///
/// Components of a record (fields of a class, inherited ones first, and what an anonymous class captures) are the tree where they hold variables, modules, records or plain objects,
/// or lists, sequenced collections, arrays, maps or optionals of such; numbers, strings, tensors that are no variables and the like are configuration. Names are joined by dots, as the keys of PyTorch's
/// `state_dict`: `blocks.3.attn.query.weight`. A component's name is put in snake case (`runningMean` is `running_mean`, `qKNorm` is `q_k_norm`) unless a [Key] says otherwise; elements of
/// lists are numbered; maps use their keys (strings, whole numbers, enum constants), sorted where the map has no order of its own.
///
/// Nothing is passed over silently. A variable that can be seen but has no lasting name is an error that says where it is: in a set without an order, a map with other keys, captured by a
/// lambda, in a static field or in the instance round an inner class, unless it is a part by another way. So is an object that may hold variables but cannot be looked into: a
/// thread-local, a JDK supplier, a [dev.nacre.Function], an optimizer. [NotPart] marks what is no part.
///
/// A variable that is found in two places (tied weights) has two names, of which the first is the one used in files.
public final class Tree {
    /// A list of layers is one level, whatever its length. The walk has frames of the stack for each, and is to do on the smallest.
    private static final int DEEPEST = 200;

    private final Object root;
    private final Map<String, Variable> variables = new LinkedHashMap<>();
    private final Map<String, Module> modules = new LinkedHashMap<>();
    private final Set<Object> open = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Strays strays = new Strays();

    private Tree(Object root) {
        this.root = root;
    }

    /// The tree below a module, a record, or any other object with fields.
    public static Tree of(Object root) {
        Tree t = new Tree(root);
        t.walk("", root, new Place("the root", root));
        t.strays.check(t.variables.values(), t.modules.values());
        return t;
    }

    /// Where something is, for errors.
    record Place(String what, Object owner) {
        static Place of(Slot s, Object owner) {
            return new Place(
                    (owner instanceof Record ? "component `" : "field `") + s.javaName() + "`",
                    owner);
        }

        @Override
        public String toString() {
            return what + " of " + Contents.type(owner);
        }
    }

    private void walk(String path, Object value, Place place) {
        switch (value) {
            case null ->
                    throw new NacreException(
                            "tree: '"
                                    + path
                                    + "' of "
                                    + Contents.type(place.owner)
                                    + " is null\n  hint: use an Optional for a part that may be missing");
            case Variable v -> add(variables, path, v);
            default -> {
                Contents contents = Contents.of(value);
                if (value instanceof Module || !(contents instanceof Contents.Nothing)) {
                    enter(path, value, contents, place);
                }
            }
        }
    }

    /// What holds parts: in fields, as a collection or map does, or both.
    private void enter(String path, Object part, Contents contents, Place place) {
        boolean isNew = open.add(part);
        if (!isNew || open.size() > DEEPEST) {
            throw new NacreException(
                    "tree: "
                            + Contents.type(part)
                            + (isNew
                                    ? " lies more than " + DEEPEST + " parts deep"
                                    : " '" + path + "' contains itself")
                            + "\n  hint: mark a reference to the owner with @NotPart"
                            + (isNew ? ", or hold a chain of parts in a list" : ""));
        }
        if (part instanceof Module m) {
            add(modules, path, m);
        }
        if (Contents.hasFields(part, contents)) {
            fields(path, part);
        }
        if (!(part instanceof Module)) {
            contents(path, part, contents, place);
        } else if (!(part instanceof Enum<?>)) { // it may be a list as well
            contents(path, part, contents, new Place("the superclass", part));
        }
        open.remove(part);
    }

    private void fields(String path, Object part) {
        for (Slot s : Slot.of(part.getClass())) {
            Object value = s.read(part);
            if (value != null || s.mustBeThere()) {
                walk(s.name().isEmpty() ? path : join(path, s.name()), value, Place.of(s, part));
            }
        }
        for (Slot s : Slot.around(part.getClass())) {
            Object value = s.read(part);
            if (value != null && value.getClass() != part.getClass()) { // not the only instance
                strays.around(s, part, value);
            }
        }
    }

    private void contents(String path, Object value, Contents contents, Place place) {
        switch (contents) {
            case Contents.Nothing _, Contents.Fields _ -> {}
            case Contents.One one -> one.object().ifPresent(v -> walk(path, v, place));
            case Contents.Numbered n -> {
                int i = 0;
                for (Object element : n.elements()) {
                    walk(join(path, Integer.toString(i++)), element, place);
                }
            }
            case Contents.Named n ->
                    n.entries().forEach((name, v) -> walk(join(path, name), v, place));
            case Contents.Nameless n ->
                    strays.add(
                            place + " is a " + Contents.type(value) + n.what(),
                            n.hint(),
                            n.inside());
            case Contents.Opaque o ->
                    throw new NacreException(
                            "tree: "
                                    + place
                                    + " is a "
                                    + Contents.type(value)
                                    + o.what()
                                    + "\n"
                                    + "  hint: hold its parts directly, or mark it with @NotPart if"
                                    + " none of them is a part");
        }
    }

    private <T> void add(Map<String, T> to, String path, T value) {
        T before = to.put(path, value);
        if (before != null && before != value && !(value instanceof Module)) {
            throw new NacreException(
                    "tree: two variables of "
                            + root.getClass().getSimpleName()
                            + " have the key '"
                            + path
                            + "'\n  hint: give one of them another name with @Key");
        }
    }

    private static String join(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    /// Gives each variable its key as its name, for error messages; a variable known by a longer key that ends in this one keeps it.
    public Tree named() {
        state().forEach((key, v) -> {
            if (!v.name().endsWith("." + key)) {
                v.rename(key);
            }
        });
        return this;
    }

    /// All variables under every one of their keys.
    public Map<String, Variable> variables() {
        return Collections.unmodifiableMap(variables);
    }

    /// All variables, each under its first key.
    public Map<String, Variable> state() {
        Map<String, Variable> out = new LinkedHashMap<>();
        Set<Variable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        variables.forEach((key, v) -> {
            if (seen.add(v)) {
                out.put(key, v);
            }
        });
        return out;
    }

    /// The trainable variables, each once. The list knows their keys; see [Parameters].
    public Parameters parameters() {
        Map<String, Variable> trainable = new LinkedHashMap<>();
        state().forEach((key, v) -> {
            if (v.isTrainable()) {
                trainable.put(key, v);
            }
        });
        return new Parameters(trainable);
    }

    /// The modules by path; the root, if it is a module, has the empty path.
    public Map<String, Module> modules() {
        return Collections.unmodifiableMap(modules);
    }

    /// Number of trainable numbers.
    public long parameterCount() {
        return parameters().stream().mapToLong(p -> p.shape().count()).sum();
    }

    /// Sets all variables to the tensors of a state with exactly these keys (of a variable with two, either will do, and both if they agree). Floating types are converted to the
    /// variable's. If anything is missing, unexpected or of another shape, nothing is changed and the error lists all of it.
    public void load(Map<String, ? extends Tensor> state) {
        load(root.getClass().getSimpleName(), variables, state);
    }

    /// Sets variables by key as [#load(Map)] does.
    ///
    /// @param what whose variables they are, for errors
    public static void load(
            String what, Map<String, Variable> variables, Map<String, ? extends Tensor> state) {
        Mismatch.check(what, variables, state);
        List<Variable> targets = variables.values().stream().distinct().toList();
        Variable.update(
                targets,
                () ->
                        variables.forEach((key, v) -> { // tied ones from any key: they agree
                            if (state.containsKey(key)) {
                                v.set(state.get(key).cast(v.dtype()));
                            }
                        }));
    }

    /// The modules, indented, with the types of their variables, their settings and numbers of parameters; equal neighbours in one line. See [#summary()] for a table.
    @Override
    public String toString() {
        return Outline.of(root, this);
    }

    /// A table of the modules that hold variables of their own.
    public String summary() {
        return Summary.of(root.getClass().getSimpleName(), this);
    }

    /// A table of all modules, with the shapes of what they put out when `call` is run; see [Module#summary(Supplier)].
    public String summary(Supplier<?> call) {
        return Summary.of(root.getClass().getSimpleName(), this, Calls.of(this, root, call));
    }

    /// The keys of the variables that belong to the module at a path directly, not to its parts.
    Map<String, Variable> own(String path) {
        Map<String, Variable> out = new LinkedHashMap<>();
        variables.forEach((key, v) -> {
            boolean below = key.startsWith(path.isEmpty() ? "" : path + ".");
            if (below && !v.isRandomState() && ownerOf(key).equals(path)) {
                out.put(path.isEmpty() ? key : key.substring(path.length() + 1), v);
            }
        });
        return out;
    }

    /// The innermost module above a key or path; the empty path if there is none.
    String ownerOf(String key) {
        for (int dot = key.lastIndexOf('.'); dot > 0; dot = key.lastIndexOf('.', dot - 1)) {
            if (modules.containsKey(key.substring(0, dot))) {
                return key.substring(0, dot);
            }
        }
        return "";
    }
}
