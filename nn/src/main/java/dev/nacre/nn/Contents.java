package dev.nacre.nn;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.nn.optim.Accumulator;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.train.Trainer;
import java.lang.invoke.CallSite;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Proxy;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedCollection;
import java.util.SequencedMap;
import java.util.concurrent.atomic.AtomicReference;

/// What an object that is neither a variable nor a module can contribute to a [Tree]. Every object is one of these, so that none is passed over unnoticed.
sealed interface Contents {
    /// Configuration: holds neither variables nor modules.
    record Nothing() implements Contents {}

    /// At most one object, which takes the holder's place.
    record One(Optional<Object> object) implements Contents {}

    /// Objects in an order of their own.
    record Numbered(Collection<?> elements) implements Contents {}

    /// Objects by names that last.
    record Named(Map<String, Object> entries) implements Contents {}

    /// A record or plain object, whose components or fields count.
    record Fields() implements Contents {}

    /// Objects that can be seen but have no lasting names.
    record Nameless(String what, String hint, Collection<?> inside) implements Contents {}

    /// An object that may hold anything and shows nothing.
    record Opaque(String what) implements Contents {}

    /// What an object holds.
    static Contents of(Object value) {
        return switch (value) {
            case String _, Boolean _, Character _, Tensor _ -> new Nothing();
            case Number n when isOfJdk(n.getClass()) -> new Nothing();
            case Rng r -> new One(Optional.<Object>of(r.state()));
            case Function _, Gradients _, Optimizer _, Trainer _, Accumulator _ ->
                    new Opaque(", which uses variables without showing them");
            case Optional<?> o -> new One(o.map(v -> v));
            case AtomicReference<?> r -> new One(Optional.ofNullable(r.get()));
            case Reference<?> r ->
                    new Nameless(
                            ", which may forget what it refers to",
                            "hold it directly",
                            Optional.ofNullable(r.get()).stream().toList());
            case Object[] array -> new Numbered(Arrays.asList(array));
            case Collection<?> c -> ofCollection(c);
            case Map<?, ?> m -> ofMap(m);
            case Map.Entry<?, ?> e ->
                    new Nameless(
                            ", which gives its two sides no names",
                            "use a record",
                            present(e.getKey(), e.getValue()));
            case Enum<?> e ->
                    new Nameless(
                            ", an enum constant, which all models share",
                            "use a record",
                            Slot.valuesAndShared(e));
            default -> ofObject(value);
        };
    }

    private static Contents ofCollection(Collection<?> c) {
        return c instanceof SequencedCollection<?> || c instanceof EnumSet<?>
                ? new Numbered(c)
                : new Nameless(
                        ", whose elements have no order", "use a List or a LinkedHashSet", c);
    }

    /// A map's keys are names if they are strings, whole numbers, characters, truth values or enum constants.
    private static Contents ofMap(Map<?, ?> map) {
        for (Object key : map.keySet()) {
            if (!isName(key)) {
                List<Object> inside = new ArrayList<>();
                map.forEach((k, v) -> inside.addAll(present(k, v)));
                return new Nameless(
                        ", whose key "
                                + (key == null || key.equals("")
                                        ? "'" + key + "'"
                                        : "of type " + type(key))
                                + " is no name",
                        "use strings, whole numbers or enum constants as keys",
                        inside);
            }
        }
        Comparator<Map.Entry<?, ?>> byNumberThenName =
                Comparator.<Map.Entry<?, ?>>comparingLong(e ->
                                e.getKey() instanceof Number n ? n.longValue() : Long.MIN_VALUE)
                        .thenComparing(e -> name(e.getKey()));
        List<? extends Map.Entry<?, ?>> entries =
                map instanceof SequencedMap<?, ?>
                        ? List.copyOf(map.entrySet())
                        : map.entrySet().stream().sorted(byNumberThenName).toList();
        Map<String, Object> named = new LinkedHashMap<>();
        for (Map.Entry<?, ?> e : entries) {
            if (named.put(name(e.getKey()), e.getValue()) != null) {
                return new Nameless(
                        ", of whose keys two are named '" + name(e.getKey()) + "'",
                        "use keys of one type",
                        map.values());
            }
        }
        return new Named(named);
    }

    private static boolean isName(Object key) {
        return switch (key) {
            case null -> false;
            case String s -> !s.isEmpty();
            case Integer _, Long _, Short _, Byte _, Character _, Boolean _, Enum<?> _ -> true;
            default -> false;
        };
    }

    private static String name(Object key) {
        return key instanceof Enum<?> e ? e.name() : key.toString();
    }

    private static Contents ofObject(Object value) {
        Class<?> c = value.getClass();
        if (isFunction(c)) {
            return ofLambda(value);
        }
        if (Proxy.isProxyClass(c)) {
            return new Nameless(
                    ", a proxy",
                    "use the object behind it",
                    List.of(Proxy.getInvocationHandler(value)));
        }
        if (c.isArray() || c.getPackageName().equals("dev.nacre.type")) {
            return new Nothing();
        }
        for (Class<?> up = c; up != null; up = up.getSuperclass()) {
            if (isOfJdk(up) && up != Class.class && mayHoldAnything(up)) {
                return new Opaque(", into which nobody can look");
            }
        }
        return isOfJdk(c) ? new Nothing() : new Fields();
    }

    /// Whether a class of the JDK says nothing of what its objects hold: it is generic, or lies in a generic class or method, as iterators do.
    private static boolean mayHoldAnything(Class<?> c) {
        return c.getTypeParameters().length > 0
                || isOpen(c.getGenericSuperclass())
                || Arrays.stream(c.getGenericInterfaces()).anyMatch(Contents::isOpen)
                || c == MethodHandle.class
                || c == CallSite.class;
    }

    /// Whether a type speaks of a variable one.
    private static boolean isOpen(Type t) {
        return switch (t) {
            case TypeVariable<?> _ -> true;
            case ParameterizedType p ->
                    Arrays.stream(p.getActualTypeArguments()).anyMatch(Contents::isOpen);
            case GenericArrayType a -> isOpen(a.getGenericComponentType());
            case WildcardType w -> Arrays.stream(w.getUpperBounds()).anyMatch(Contents::isOpen);
            case null, default -> false;
        };
    }

    /// A lambda or method reference; what it captures are its fields.
    private static Contents ofLambda(Object lambda) {
        Class<?> c = lambda.getClass();
        if (c.getDeclaredFields().length == 0) {
            return new Nothing();
        }
        return isOfJdk(c)
                ? new Opaque(", a function made of others into which nobody can look")
                : new Nameless(
                        ", a function that captures it",
                        "make it a component of its own, too",
                        Slot.values(lambda));
    }

    /// Whether fields of an object may hold parts, whatever it holds otherwise: it is of a class of the user's own, such as a list with something beside its elements.
    static boolean hasFields(Object value, Contents contents) {
        Class<?> c = value.getClass();
        boolean shared = isOfJdk(c) || isFunction(c) || Proxy.isProxyClass(c) || c.isArray();
        return switch (contents) {
            case Fields _ -> true;
            case Nothing _, Opaque _ -> value instanceof Module;
            default ->
                    value instanceof Module
                            || !(shared || value instanceof Enum<?> || value instanceof Rng);
        };
    }

    /// Whether a class was made for a lambda or method reference: by the JVM, or for one of ours when it was built.
    private static boolean isFunction(Class<?> c) {
        return c.isHidden() || c.isSynthetic();
    }

    static boolean isOfJdk(Class<?> c) {
        String module = c.getModule().getName();
        return module != null && (module.startsWith("java.") || module.startsWith("jdk."));
    }

    private static List<Object> present(Object a, Object b) {
        List<Object> out = new ArrayList<>();
        if (a != null) {
            out.add(a);
        }
        if (b != null) {
            out.add(b);
        }
        return out;
    }

    /// The name of an object's class, for errors.
    static String type(Object o) {
        Class<?> c = o.getClass();
        return isFunction(c) ? "lambda" : c.isAnonymousClass() ? c.getName() : c.getSimpleName();
    }
}
