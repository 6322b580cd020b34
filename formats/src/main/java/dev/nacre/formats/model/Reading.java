package dev.nacre.formats.model;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Records;
import dev.nacre.type.NacreException;
import java.lang.reflect.Array;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.Set;

/// From JSON to records of modules, by the declared types of their components; the inverse of [Writing]. Variables take the file's tensors, so numbers in the description ask for no memory.
final class Reading {
    private static final int MOST_STATE = 16;

    private final Classes classes;
    private final Map<String, Tensor> tensors;
    private final Map<String, Variable> variables = new HashMap<>();
    private final Map<Long, Rng> sources = new HashMap<>();

    Reading(Classes classes, Map<String, Tensor> tensors) {
        this.classes = classes;
        this.tensors = tensors;
    }

    /// The keys that a description has asked for.
    Set<String> keys() {
        return variables.keySet();
    }

    Object of(String path, Json json, Type declared) {
        Class<?> type = raw(declared);
        if (Tensor.class.isAssignableFrom(type)) {
            return variable(path, json);
        } else if (type == Rng.class) {
            return source(path, json);
        } else if (type == String.class) {
            return json.asText();
        } else if (type == boolean.class || type == Boolean.class) {
            return json.asTruth();
        } else if (type.isPrimitive() || Number.class.isAssignableFrom(type)) {
            return number(path, json, type);
        } else if (type == Optional.class) {
            List<Object> one = items(path, json, argument(declared, 0));
            if (one.size() > 1) {
                throw broken(path, "has more than one value");
            }
            return one.stream().findFirst();
        } else if (Map.class.isAssignableFrom(type)) {
            Map<String, Object> out = new LinkedHashMap<>();
            Type values = argument(declared, 1);
            json.asFields().forEach((k, v) -> out.put(k, of(path + "." + k, v, values)));
            return Collections.unmodifiableMap(out);
        } else if (Collection.class.isAssignableFrom(type) || type == Iterable.class) {
            return collection(type, items(path, json, argument(declared, 0)));
        } else if (type.isArray()) {
            List<Object> values =
                    items(
                            path,
                            json,
                            declared instanceof GenericArrayType g
                                    ? g.getGenericComponentType()
                                    : type.getComponentType());
            Object out = Array.newInstance(type.getComponentType(), values.size());
            for (int i = 0; i < values.size(); i++) {
                Array.set(out, i, values.get(i));
            }
            return out;
        }
        return object(path, json, type);
    }

    /// As it was declared; what can be read only cannot be changed either.
    private static Object collection(Class<?> type, List<Object> items) {
        if (type.isAssignableFrom(List.class)) {
            return List.copyOf(items);
        } else if (type.isAssignableFrom(SequencedSet.class)) {
            return Collections.unmodifiableSequencedSet(new LinkedHashSet<>(items));
        } else if (type.isAssignableFrom(LinkedHashSet.class)) {
            return new LinkedHashSet<>(items);
        } else if (type.isAssignableFrom(ArrayDeque.class)) {
            return new ArrayDeque<>(items);
        }
        return items; // an ArrayList, or the error that it is none of what is wanted
    }

    private static NacreException broken(String path, String why) {
        return new NacreException((path.isEmpty() ? "it" : "its '" + path + "'") + " " + why);
    }

    private static Class<?> raw(Type type) {
        return switch (type) {
            case Class<?> c -> c;
            case ParameterizedType p -> raw(p.getRawType());
            case WildcardType w -> raw(w.getUpperBounds()[0]);
            case GenericArrayType a -> raw(a.getGenericComponentType()).arrayType();
            default -> Object.class;
        };
    }

    private static Type argument(Type type, int number) {
        return type instanceof ParameterizedType p && p.getActualTypeArguments().length > number
                ? p.getActualTypeArguments()[number]
                : Object.class;
    }

    private List<Object> items(String path, Json json, Type type) {
        List<Object> out = new ArrayList<>();
        for (Json j : json.asItems()) {
            out.add(of(path + "." + out.size(), j, type));
        }
        return out;
    }

    private static Object number(String path, Json json, Class<?> type) {
        if (type == double.class || type == Double.class) {
            return json.asDouble();
        } else if (type == float.class || type == Float.class) {
            return (float) json.asDouble();
        }
        long n = json.asLong();
        if (type == long.class || type == Long.class) {
            return n;
        } else if ((type == int.class || type == Integer.class) && n == (int) n) {
            return (int) n;
        } else if ((type == short.class || type == Short.class) && n == (short) n) {
            return (short) n;
        } else if ((type == byte.class || type == Byte.class) && n == (byte) n) {
            return (byte) n;
        }
        throw broken(path, "is " + n + ", which is no " + type.getSimpleName());
    }

    private Variable variable(String path, Json json) {
        String key = json.member("variable").asText();
        Tensor value = tensors.get(key);
        if (value == null) {
            throw broken(path, "is '" + key + "', which the file does not hold");
        }
        Json trained = json.asFields().get("trained");
        boolean isTrained = (trained == null || trained.asTruth()) && value.dtype().isFloating();
        return variables.computeIfAbsent(key, k -> Variable.of(k, value, isTrained));
    }

    private Rng source(String path, Json json) {
        long number = json.member("source").asLong();
        Json state = json.asFields().get("state");
        if (state == null) {
            Rng there = sources.get(number);
            if (there == null) {
                throw broken(path, "is a source of random numbers without a state");
            }
            return there;
        }
        List<Json> numbers = state.asItems();
        Rng out = Rng.seed(0);
        if (numbers.size() != out.state().shape().count() || numbers.size() > MOST_STATE) {
            throw broken(path, "has a state of " + numbers.size() + " numbers");
        }
        out.state().set(Tensor.of(numbers.stream().mapToLong(Json::asLong).toArray()));
        out.state().realize();
        sources.put(number, out);
        return out;
    }

    private Object object(String path, Json json, Class<?> declared) {
        Class<?> type = classes.find(json.member("is").asText());
        if (!declared.isAssignableFrom(type)) {
            throw broken(path, "is a " + type.getName() + ", but must be a " + declared.getName());
        }
        if (type.isEnum()) {
            String name = json.member("constant").asText();
            for (Object constant : type.getEnumConstants()) {
                if (((Enum<?>) constant).name().equals(name)) {
                    return constant;
                }
            }
            throw broken(path, "is " + name + ", which " + type.getSimpleName() + " has not");
        }
        List<Records.Component> components = Records.components(type);
        if (json.asFields().size() != components.size() + 1) {
            throw broken(
                    path,
                    "has other parts than a "
                            + type.getSimpleName()
                            + " in this version: "
                            + json.asFields().keySet());
        }
        Object[] values = new Object[components.size()];
        for (int i = 0; i < values.length; i++) {
            Records.Component c = components.get(i);
            String place = path.isEmpty() ? c.name() : path + "." + c.name();
            values[i] = of(place, json.member(c.name()), c.type());
        }
        return Records.create(type, values);
    }
}
