package dev.nacre.formats.model;

import dev.nacre.nn.Module;
import dev.nacre.nn.Records;
import dev.nacre.type.NacreException;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The classes of which a file may ask for objects: records and enums of Nacre's own packages, those that the caller names, and what is declared inside these: the types of their components,
/// their member classes, the permitted subclasses of sealed ones. Nothing else is even loaded.
final class Classes {
    /// Packages all of whose records and enums are harmless configuration.
    private static final List<String> OURS =
            List.of("dev.nacre.nn", "dev.nacre.nn.keras", "dev.nacre.models");

    private final Map<String, Class<?>> known = new HashMap<>();

    private Classes() {}

    static Classes of(Iterable<? extends Class<?>> named) {
        Classes out = new Classes();
        for (Class<?> c : named) {
            if (Module.class.isAssignableFrom(c) && !c.isRecord() && !c.isEnum()) {
                throw new NacreException(
                        "model: "
                                + c.getName()
                                + " is neither a record nor an enum, so it cannot be read");
            }
            out.add(c);
        }
        return out;
    }

    private void add(Type type) {
        switch (type) {
            case Class<?> c when c.isArray() -> add(c.getComponentType());
            case Class<?> c -> addClass(c);
            case ParameterizedType p -> {
                add(p.getRawType());
                Arrays.stream(p.getActualTypeArguments()).forEach(this::add);
            }
            case GenericArrayType a -> add(a.getGenericComponentType());
            case WildcardType w -> Arrays.stream(w.getUpperBounds()).forEach(this::add);
            default -> {}
        }
    }

    private void addClass(Class<?> c) {
        boolean system = c.getClassLoader() == null || c.isPrimitive();
        if (system || known.putIfAbsent(c.getName(), c) != null) {
            return;
        }
        if (c.isRecord()) {
            Records.components(c).forEach(p -> add(p.type()));
        }
        if (c.isSealed()) {
            Arrays.stream(c.getPermittedSubclasses()).forEach(this::add);
        }
        Arrays.stream(c.getDeclaredClasses())
                .filter(m -> m.isRecord() || m.isEnum())
                .forEach(this::add);
    }

    static boolean isOurs(Class<?> c) {
        return OURS.contains(c.getPackageName());
    }

    /// The class of a name in a file.
    Class<?> find(String name) {
        Class<?> found = known.get(name);
        if (found == null && OURS.contains(name.substring(0, Math.max(0, name.lastIndexOf('.'))))) {
            found = load(name);
        }
        if (found == null || !found.isRecord() && !found.isEnum()) {
            String simple = name.substring(name.lastIndexOf('.') + 1).replace('$', '.');
            throw new NacreException(
                    "it holds a "
                            + name
                            + ", which is not one of Nacre's modules"
                            + "\n  hint: if you know it, name it: Model.read(path, "
                            + simple
                            + ".class)");
        }
        return found;
    }

    private static Class<?> load(String name) {
        for (ClassLoader loader :
                new ClassLoader[] {
                    Classes.class.getClassLoader(), Thread.currentThread().getContextClassLoader()
                }) {
            try {
                return Class.forName(name, false, loader);
            } catch (ClassNotFoundException | LinkageError _) {
                continue;
            }
        }
        throw new NacreException(
                "it holds a " + name + ", which is not on the class path, or not in this version");
    }
}
