package dev.nacre.nn;

import dev.nacre.type.NacreException;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.List;

/// Records taken apart and put together again: what writing and reading of whole modules is made of. A package that its module does not export must be opened to `dev.nacre.nn`, as for
/// [Tree].
public final class Records {
    private Records() {}

    /// A component: its name and its type as declared.
    public record Component(String name, Type type) {}

    /// The components of a record class, in order.
    public static List<Component> components(Class<?> type) {
        return Arrays.stream(type.getRecordComponents())
                .map(c -> new Component(c.getName(), c.getGenericType()))
                .toList();
    }

    /// The values of a record's components, in order; null where it holds null.
    public static Object[] values(Record record) {
        RecordComponent[] components = record.getClass().getRecordComponents();
        Object[] out = new Object[components.length];
        for (int i = 0; i < out.length; i++) {
            Method accessor = components[i].getAccessor();
            open(accessor, record.getClass());
            try {
                out[i] = accessor.invoke(record);
            } catch (InvocationTargetException e) {
                throw new NacreException(
                        "record: " + accessor.getName() + "() of " + record.getClass() + " failed",
                        e.getCause());
            } catch (IllegalAccessException e) {
                throw new IllegalStateException(e);
            }
        }
        return out;
    }

    /// A new record, by its canonical constructor.
    ///
    /// @throws NacreException if the constructor refuses the values
    public static Object create(Class<?> type, Object[] values) {
        Class<?>[] types =
                Arrays.stream(type.getRecordComponents())
                        .map(RecordComponent::getType)
                        .toArray(Class[]::new);
        for (int i = 0; i < types.length; i++) {
            if (values[i] != null && !types[i].isPrimitive() && !types[i].isInstance(values[i])) {
                throw new NacreException(
                        type.getName()
                                + " cannot be made: its '"
                                + components(type).get(i).name()
                                + "' must be a "
                                + types[i].getName()
                                + ", not a "
                                + values[i].getClass().getName());
            }
        }
        try {
            Constructor<?> constructor = type.getDeclaredConstructor(types);
            open(constructor, type);
            return constructor.newInstance(values);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof NacreException n) {
                throw n;
            }
            throw new NacreException(type.getSimpleName() + ": " + e.getCause(), e.getCause());
        } catch (ReflectiveOperationException | IllegalArgumentException e) {
            throw new NacreException(type.getName() + " cannot be made: " + e.getMessage(), e);
        }
    }

    private static void open(AccessibleObject member, Class<?> owner) {
        if (!member.trySetAccessible()) {
            String module = owner.getModule().getName();
            throw new NacreException(
                    owner.getName()
                            + " cannot be reached, because module "
                            + module
                            + " does not open its package\n  hint: add `opens "
                            + owner.getPackageName()
                            + " to dev.nacre.nn;` to the module-info.java of "
                            + module);
        }
    }
}
