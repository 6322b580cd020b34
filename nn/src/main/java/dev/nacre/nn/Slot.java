package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;

/// A component or field that may hold a part of a [Tree].
///
/// @param name its key; empty where its contents are at the owner's level
/// @param javaName its name in the source
/// @param member the accessor of a record's component, or a field
/// @param type what it is declared as
record Slot(String name, String javaName, AccessibleObject member, Type type) {
    private static final ClassValue<List<Slot>> PARTS = cached(Slot::parts);
    private static final ClassValue<List<Slot>> SURROUNDINGS = cached(Slot::surroundings);

    private static ClassValue<List<Slot>> cached(
            java.util.function.Function<Class<?>, List<Slot>> find) {
        return new ClassValue<>() {
            @Override
            protected List<Slot> computeValue(Class<?> type) {
                return find.apply(type);
            }
        };
    }

    /// The slots of a class, in the order of its declaration, inherited ones first. What an anonymous or local class captures are slots, too.
    static List<Slot> of(Class<?> type) {
        return PARTS.get(type);
    }

    /// Where an object finds variables that are not its own: static fields, and the instance round an inner class.
    static List<Slot> around(Class<?> type) {
        return SURROUNDINGS.get(type);
    }

    private static List<Slot> parts(Class<?> type) {
        if (type.isRecord()) {
            return Arrays.stream(type.getRecordComponents())
                    .filter(c -> counts(c) && mayHoldParts(c.getGenericType()))
                    .map(Slot::of)
                    .toList();
        }
        List<Slot> out = new ArrayList<>();
        for (Field f : fields(type)) {
            if (!Modifier.isStatic(f.getModifiers())
                    && !isOuter(f)
                    && mayHoldParts(f.getGenericType())) {
                out.add(of(f));
            }
        }
        return List.copyOf(out);
    }

    private static List<Slot> surroundings(Class<?> type) {
        List<Slot> out = new ArrayList<>();
        for (Field f : fields(type)) {
            boolean shared =
                    Modifier.isStatic(f.getModifiers())
                            && !f.isSynthetic()
                            && !f.isEnumConstant()
                            && mayHoldParts(f.getGenericType());
            boolean known = isOuter(f) || names(f.getGenericType());
            if (isOuter(f) || shared && (known || f.trySetAccessible())) {
                out.add(of(f));
            }
        }
        return List.copyOf(out);
    }

    /// The fields that count, those of superclasses and interfaces first; classes of the JDK have none.
    private static List<Field> fields(Class<?> type) {
        List<Field> out = new ArrayList<>();
        if (type != null && !Contents.isOfJdk(type)) {
            out.addAll(fields(type.getSuperclass()));
            Arrays.stream(type.getInterfaces()).forEach(i -> out.addAll(fields(i)));
            Arrays.stream(type.getDeclaredFields()).filter(Slot::counts).forEach(out::add);
        }
        return out;
    }

    private static boolean counts(AnnotatedElement e) {
        return !e.isAnnotationPresent(NotPart.class);
    }

    private static boolean isOuter(Field f) {
        return f.isSynthetic() && f.getName().startsWith("this$");
    }

    private static Slot of(RecordComponent c) {
        return new Slot(
                keyOf(c.getName(), c.getAnnotation(Key.class)),
                c.getName(),
                opened(c.getAccessor(), c.getDeclaringRecord(), c.getName()),
                c.getGenericType());
    }

    private static Slot of(Field f) {
        String name = f.isSynthetic() ? f.getName().replaceFirst("^val\\$", "") : f.getName();
        return new Slot(
                keyOf(name, f.getAnnotation(Key.class)),
                name,
                opened(f, f.getDeclaringClass(), name),
                f.getGenericType());
    }

    /// What the fields of an object hold, without names.
    static List<Object> values(Object o) {
        return of(o.getClass()).stream().map(s -> s.read(o)).filter(v -> v != null).toList();
    }

    /// The same, and what static fields of its class hold that speak of parts.
    static List<Object> valuesAndShared(Object o) {
        return and(values(o), o, Slot::speaksOfParts);
    }

    /// The same, and the instance round an inner class.
    static List<Object> valuesAndOuter(Object o) {
        return and(values(o), o, Slot::isOuter);
    }

    private static List<Object> and(List<Object> values, Object o, Predicate<Slot> which) {
        List<Object> out = new ArrayList<>(values);
        around(o.getClass()).stream()
                .filter(which)
                .map(s -> s.read(o))
                .filter(v -> v != null)
                .forEach(out::add);
        return out;
    }

    /// Whether this is the instance round an inner class.
    boolean isOuter() {
        return member instanceof Field f && isOuter(f);
    }

    /// Whether its type says that there are parts in it, rather than that there may be.
    boolean speaksOfParts() {
        return names(type);
    }

    // -------------------------------------------------------------------------------------------
    // what a type can hold

    /// Whether a variable or module can be in something of this type, for all that the type says.
    static boolean mayHoldParts(Type t) {
        return switch (t) {
            case Class<?> c when c.isArray() -> mayHoldParts(c.getComponentType());
            case Class<?> c when c.isEnum() ->
                    c.isSealed() // its constants have bodies, and maybe fields there
                            || Arrays.stream(c.getDeclaredFields()).anyMatch(Slot::mayHoldParts);
            case Class<?> c -> !isPlain(c);
            case ParameterizedType p when isContainer(p) ->
                    Arrays.stream(p.getActualTypeArguments()).anyMatch(Slot::mayHoldParts);
            case ParameterizedType p -> p.getRawType() != Class.class;
            case GenericArrayType a -> mayHoldParts(a.getGenericComponentType());
            default -> true;
        };
    }

    /// Whether a field of an enum may; as it is declared, for enums may hold each other.
    private static boolean mayHoldParts(Field f) {
        Class<?> t = f.getType();
        boolean plain = f.isSynthetic() || f.isEnumConstant() || t.isEnum() || isPlain(t);
        return !plain && (!Modifier.isStatic(f.getModifiers()) || names(f.getGenericType()));
    }

    private static boolean isPlain(Class<?> c) {
        return c.isPrimitive()
                || Number.class.isAssignableFrom(c) && Contents.isOfJdk(c) && c != Number.class
                || c.getPackageName().equals("dev.nacre.type")
                || Contents.isOfJdk(c)
                        && Modifier.isFinal(c.getModifiers())
                        && c.getTypeParameters().length == 0;
    }

    private static boolean isContainer(ParameterizedType p) {
        return p.getRawType() instanceof Class<?> c
                && Contents.isOfJdk(c)
                && (Collection.class.isAssignableFrom(c)
                        || Map.class.isAssignableFrom(c)
                        || c == Optional.class
                        || c == AtomicReference.class);
    }

    /// Whether modules can be in it; of variables alone it is no question.
    boolean mayHoldModules() {
        return mayHoldModules(type);
    }

    private static boolean mayHoldModules(Type t) {
        return switch (t) {
            case Class<?> c -> !Tensor.class.isAssignableFrom(c) && mayHoldParts(c);
            case ParameterizedType p when isContainer(p) ->
                    Arrays.stream(p.getActualTypeArguments()).anyMatch(Slot::mayHoldModules);
            default -> mayHoldParts(t);
        };
    }

    /// Whether null there is a mistake.
    boolean mustBeThere() {
        return type != Tensor.class && names(type);
    }

    /// Whether a type speaks of tensors, modules or records.
    private static boolean names(Type t) {
        return switch (t) {
            case Class<?> c when c.isArray() -> names(c.getComponentType());
            case Class<?> c ->
                    Tensor.class.isAssignableFrom(c)
                            || Module.class.isAssignableFrom(c)
                            || c.isRecord() && !isPlain(c);
            case ParameterizedType p ->
                    names(p.getRawType())
                            || Arrays.stream(p.getActualTypeArguments()).anyMatch(Slot::names);
            case GenericArrayType a -> names(a.getGenericComponentType());
            default -> false;
        };
    }

    // -------------------------------------------------------------------------------------------
    // reading

    private static <M extends AccessibleObject> M opened(M member, Class<?> owner, String name) {
        if (!member.trySetAccessible()) {
            String module = owner.getModule().getName();
            throw new NacreException(
                    "tree: '"
                            + name
                            + "' of "
                            + owner.getName()
                            + " cannot be read, because module "
                            + module
                            + " does not open package "
                            + owner.getPackageName()
                            + "\n  hint: add `opens "
                            + owner.getPackageName()
                            + " to dev.nacre.nn;` to the module-info.java of "
                            + module);
        }
        return member;
    }

    /// What the slot holds in `owner`; null where the owner holds null.
    Object read(Object owner) {
        return read(member, owner);
    }

    static Object read(AccessibleObject member, Object owner) {
        try {
            return member instanceof Method m ? m.invoke(owner) : ((Field) member).get(owner);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        } catch (InvocationTargetException e) {
            throw new NacreException(
                    "tree: "
                            + owner.getClass().getSimpleName()
                            + "."
                            + ((Method) member).getName()
                            + "() failed",
                    e.getCause());
        }
    }

    // -------------------------------------------------------------------------------------------
    // names

    private static String keyOf(String name, Key key) {
        return key == null ? snakeCase(name) : key.value();
    }

    /// A Java name in snake case, as Keras turns names: a word begins where a capital follows a small letter, or precedes one (`qKNorm` is `q_k_norm`, `outputMLPHead`
    /// `output_mlp_head`); digits belong to what they follow (`layer1Norm` is `layer1_norm`, `conv2D` is `conv2d`).
    static String snakeCase(String name) {
        int[] c = name.codePoints().toArray();
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < c.length; i++) {
            boolean begins =
                    i > 0
                            && Character.isUpperCase(c[i])
                            && c[i - 1] != '_'
                            && (Character.isLowerCase(c[i - 1])
                                    || i + 1 < c.length && Character.isLowerCase(c[i + 1]));
            out.append(begins ? "_" : "").appendCodePoint(Character.toLowerCase(c[i]));
        }
        return out.toString();
    }
}
