package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A component or field that may hold a part of a [Tree].
///
/// @param name its key; empty where its contents are at the owner's level
/// @param member the accessor of a record's component, or a field
/// @param mayHoldModules whether modules can be in it, for all that its type says
record Slot(String name, AccessibleObject member, boolean mayHoldModules) {
    private static final ClassValue<List<Slot>> BY_CLASS =
            new ClassValue<>() {
                @Override
                protected List<Slot> computeValue(Class<?> type) {
                    return find(type);
                }
            };

    /// The slots of a class, in the order of its declaration.
    static List<Slot> of(Class<?> type) {
        return BY_CLASS.get(type);
    }

    private static List<Slot> find(Class<?> type) {
        if (type.isRecord()) {
            return Arrays.stream(type.getRecordComponents())
                    .filter(c -> mayHoldParts(c.getType()))
                    .map(Slot::of)
                    .toList();
        }
        List<Slot> out = new ArrayList<>();
        if (type.getSuperclass() != null && type.getSuperclass() != Object.class) {
            out.addAll(find(type.getSuperclass()));
        }
        for (Field f : type.getDeclaredFields()) {
            if (!Modifier.isStatic(f.getModifiers())
                    && !f.isSynthetic()
                    && mayHoldParts(f.getType())) {
                out.add(
                        new Slot(
                                keyOf(f.getName(), f.getAnnotation(Key.class)),
                                opened(f, type, f.getName()),
                                mayHoldModules(f.getGenericType())));
            }
        }
        return out;
    }

    private static Slot of(RecordComponent c) {
        Method accessor = c.getAccessor();
        return new Slot(
                keyOf(c.getName(), c.getAnnotation(Key.class)),
                opened(accessor, c.getDeclaringRecord(), c.getName()),
                mayHoldModules(c.getGenericType()));
    }

    private static boolean mayHoldParts(Class<?> t) {
        boolean plain =
                t.isPrimitive()
                        || t.isEnum()
                        || t == String.class
                        || t == Rng.class
                        || Number.class.isAssignableFrom(t);
        return !plain && !(t.isArray() && t.getComponentType().isPrimitive());
    }

    private static boolean mayHoldModules(Type t) {
        return t instanceof ParameterizedType p
                ? p.getRawType() instanceof Class<?> c && Module.class.isAssignableFrom(c)
                        || Arrays.stream(p.getActualTypeArguments()).anyMatch(Slot::mayHoldModules)
                : !(t instanceof Class<?> c && Tensor.class.isAssignableFrom(c));
    }

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

    private static String keyOf(String name, Key key) {
        if (key != null) {
            return key.value();
        }
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            boolean word =
                    Character.isUpperCase(c) && i > 0 && !Character.isUpperCase(name.charAt(i - 1));
            out.append(word ? "_" + Character.toLowerCase(c) : String.valueOf(c));
        }
        return out.toString();
    }

    /// What the slot holds in `owner`; null where the owner holds null.
    Object read(Object owner) {
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
}
