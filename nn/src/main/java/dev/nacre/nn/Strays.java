package dev.nacre.nn;

import dev.nacre.Variable;
import dev.nacre.type.NacreException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What a [Tree] came across in places that give it no lasting name. It must be a part by another way, too, or its model would train and save without it.
final class Strays {
    /// @param where a sentence's beginning: what the place is
    /// @param within the package whose objects are looked into; empty for all
    private record Find(String where, String hint, Collection<?> inside, Optional<String> within) {
        /// Containers and functions, and what the model's own program has made.
        boolean covers(Class<?> c) {
            return within.isEmpty()
                    || c.isArray()
                    || Contents.isOfJdk(c)
                    || c.getPackageName().equals(within.get());
        }
    }

    private final List<Find> finds = new ArrayList<>();

    void add(String where, String hint, Collection<?> inside) {
        finds.add(new Find(where, hint, inside, Optional.empty()));
    }

    /// Notes what an object can reach that is not its own. A static field that may hold anything leads out of the program, into loggers and registries of others: there, only what lies in the part's own
    /// package is looked into.
    void around(Slot slot, Object part, Object value) {
        boolean outer = slot.isOuter();
        String type = Contents.type(part);
        Optional<String> within =
                outer || slot.speaksOfParts()
                        ? Optional.empty()
                        : Optional.of(part.getClass().getPackageName());
        finds.add(
                new Find(
                        outer
                                ? type
                                        + " is an inner class and uses the "
                                        + Contents.type(value)
                                        + " round it"
                                : Tree.Place.of(slot, part)
                                        + " is static, and so belongs to no single model",
                        outer
                                ? "make it static and give it what it uses as components"
                                : "make it an instance field",
                        List.of(value),
                        within));
    }

    /// Throws an error that names the first variable (or module that differs between the modes) that is in no other place.
    void check(Collection<Variable> variables, Collection<Module> modules) {
        if (finds.isEmpty()) {
            return;
        }
        Set<Object> known = Collections.newSetFromMap(new IdentityHashMap<>());
        known.addAll(variables);
        known.addAll(modules);
        for (Find f : finds) {
            Object stray = in(f, known);
            if (stray != null) {
                String what =
                        stray instanceof Variable v
                                ? v.origin() + " " + v.type()
                                : "module " + Contents.type(stray);
                throw new NacreException(
                        "tree: "
                                + f.where
                                + ": "
                                + what
                                + " in it would not be found\n  hint: "
                                + f.hint
                                + ", or mark it with @NotPart if it is no part");
            }
        }
    }

    /// The first unknown variable below objects, breadth first; null if there is none.
    private static Object in(Find find, Set<Object> known) {
        Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Object> open = new ArrayDeque<>();
        find.inside.forEach(o -> push(o, open, seen));
        while (!open.isEmpty()) {
            Object o = open.remove();
            boolean counts = o instanceof Variable || o instanceof Module m && m.dependsOnMode();
            if (counts && !known.contains(o)) {
                return o;
            }
            if (!(o instanceof Variable) && find.covers(o.getClass())) {
                inside(o).forEach(v -> push(v, open, seen));
            }
        }
        return null;
    }

    private static void push(Object o, Deque<Object> open, Set<Object> seen) {
        if (o != null && seen.add(o)) {
            open.add(o);
        }
    }

    private static Collection<?> inside(Object o) {
        List<Object> out = new ArrayList<>();
        Contents contents = Contents.of(o);
        if (Contents.hasFields(o, contents) && isOpen(o.getClass())) {
            out.addAll(Slot.valuesAndOuter(o));
        }
        switch (contents) {
            case Contents.One one -> one.object().ifPresent(out::add);
            case Contents.Numbered n -> out.addAll(n.elements());
            case Contents.Named n -> out.addAll(n.entries().values());
            case Contents.Nameless n -> out.addAll(n.inside());
            case Contents.Nothing _, Contents.Opaque _, Contents.Fields _ -> {}
        }
        return out;
    }

    private static boolean isOpen(Class<?> c) {
        return c.getModule().isOpen(c.getPackageName(), Strays.class.getModule());
    }
}
