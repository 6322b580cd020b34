package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;

/// The variables and modules below an object, with their names.
///
/// Components of a record (fields of a class, inherited ones first) whose values are variables, modules, or lists, maps, arrays or optionals of such are the tree; the rest is
/// configuration. Names are joined by dots, as the keys of PyTorch's `state_dict`: `blocks.3.attn.query.weight`. A component's name is put in snake case (`runningMean` is
/// `running_mean`) unless a [Key] says otherwise; parts of a record that is no module belong to the owner where its [Key] is empty; elements of lists are numbered; maps use their keys, sorted where the map has no order of its own.
///
/// A variable that is found in two places (tied weights) has two names, of which the first is the one used in files.
public final class Tree {
    private final Object root;
    private final Map<String, Variable> variables = new LinkedHashMap<>();
    private final Map<String, Module> modules = new LinkedHashMap<>();
    private final Set<Object> open = Collections.newSetFromMap(new IdentityHashMap<>());

    private Tree(Object root) {
        this.root = root;
    }

    /// The tree below a module, a record, or any other object with fields.
    public static Tree of(Object root) {
        Tree t = new Tree(root);
        t.walk("", root, root);
        return t;
    }

    private void walk(String path, Object value, Object owner) {
        switch (value) {
            case Variable v -> add(variables, path, v);
            case Tensor _ -> {}
            case List<?> list -> {
                for (int i = 0; i < list.size(); i++) {
                    walk(join(path, Integer.toString(i)), list.get(i), owner);
                }
            }
            case Object[] array -> walk(path, Arrays.asList(array), owner);
            case Map<?, ?> map -> {
                Map<String, Object> ordered =
                        map instanceof SequencedMap<?, ?> ? new LinkedHashMap<>() : new TreeMap<>();
                map.forEach((k, v) -> ordered.put(String.valueOf(k), v));
                ordered.forEach((k, v) -> walk(join(path, k), v, owner));
            }
            case Optional<?> o -> o.ifPresent(v -> walk(path, v, owner));
            case Module m -> enter(path, m);
            case null ->
                    throw new NacreException(
                            "tree: '"
                                    + path
                                    + "' of "
                                    + owner.getClass().getSimpleName()
                                    + " is null\n  hint: use an Optional for a part that may be missing");
            default -> {
                if (value == root) {
                    enter(path, value);
                }
            }
        }
    }

    private void enter(String path, Object part) {
        if (!open.add(part)) {
            throw new NacreException(
                    "tree: " + part.getClass().getSimpleName() + " '" + path + "' contains itself");
        }
        if (part instanceof Module m) {
            add(modules, path, m);
        }
        for (Slot s : Slot.of(part.getClass())) {
            Object value = s.read(part);
            if (s.name().isEmpty() && value instanceof Record && !(value instanceof Module)) {
                enter(path, value);
            } else {
                walk(s.name().isEmpty() ? path : join(path, s.name()), value, part);
            }
        }
        open.remove(part);
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

    /// The trainable variables, each once.
    public List<Variable> parameters() {
        return state().values().stream().filter(Variable::isTrainable).toList();
    }

    /// The modules by path; the root, if it is a module, has the empty path.
    public Map<String, Module> modules() {
        return Collections.unmodifiableMap(modules);
    }

    /// Number of trainable numbers.
    public long parameterCount() {
        return parameters().stream().mapToLong(p -> p.shape().count()).sum();
    }

    /// Sets all variables to the tensors of a state with exactly these keys (of a variable with two, either will do). Floating types are converted to the
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
                        variables.forEach((key, v) -> {
                            if (state.containsKey(key)) {
                                v.set(state.get(key).cast(v.dtype()));
                            }
                        }));
    }

    /// A table of the modules that hold variables of their own.
    public String summary() {
        return Summary.of(root.getClass().getSimpleName(), this);
    }

    /// The keys of the variables that belong to the module at a path directly, not to its parts.
    Map<String, Variable> own(String path) {
        Map<String, Variable> out = new LinkedHashMap<>();
        variables.forEach((key, v) -> {
            if (key.startsWith(path.isEmpty() ? "" : path + ".") && ownerOf(key).equals(path)) {
                out.put(path.isEmpty() ? key : key.substring(path.length() + 1), v);
            }
        });
        return out;
    }

    private String ownerOf(String key) {
        List<String> owners = new ArrayList<>();
        for (String m : modules.keySet()) {
            if (m.isEmpty() || key.startsWith(m + ".")) {
                owners.add(m);
            }
        }
        return owners.stream().max(java.util.Comparator.comparingInt(String::length)).orElse("");
    }
}
