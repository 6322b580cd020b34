package dev.nacre.formats.model;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.Module;
import dev.nacre.nn.Records;
import dev.nacre.type.NacreException;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// From records of modules to JSON: an object with the name of the class and the components by name. Variables are the keys under which the file holds them, so tied weights stay tied; sources of
/// random numbers are their state, and where two modules share one they will share it again.
final class Writing {
    private final Map<Variable, String> keys = new IdentityHashMap<>();
    private final Map<Variable, Integer> sources = new IdentityHashMap<>();
    private final Set<Class<?>> classes = new LinkedHashSet<>();

    /// @param state of the module, by key
    Writing(Map<String, Variable> state) {
        state.forEach((key, v) -> keys.put(v, key));
    }

    /// The classes met that are not Nacre's own.
    Set<Class<?>> classes() {
        return classes;
    }

    Json of(String path, Object value) {
        return switch (value) {
            case null -> throw refused(path, "is null");
            case Variable v -> variable(path, v);
            case Tensor _ -> throw refused(path, "is a tensor that is no variable");
            case Rng r -> source(r);
            case Enum<?> e -> object(e.getDeclaringClass(), Map.of("constant", Json.of(e.name())));
            case Record r -> record(path, r);
            case String s -> Json.of(s);
            case Boolean b -> Json.of(b);
            case Double d -> Json.of((double) d);
            case Float f -> Json.of((double) f);
            case Long n -> Json.of((long) n);
            case Integer n -> Json.of((long) n);
            case Short n -> Json.of((long) n);
            case Byte n -> Json.of((long) n);
            case Optional<?> o -> items(path, o.map(List::<Object>of).orElse(List.of()));
            case Map<?, ?> m -> map(path, m);
            case Collection<?> c -> items(path, c);
            case Object a when a.getClass().isArray() -> array(path, a);
            case Module m ->
                    throw refused(
                            path,
                            "is a "
                                    + m.getClass().getName()
                                    + ", which is no record\n"
                                    + "  hint: only records can be built again from a file; make it"
                                    + " one, or save the weights alone with SafeTensors.save");
            default -> throw refused(path, "is a " + value.getClass().getName());
        };
    }

    private static NacreException refused(String path, String why) {
        return new NacreException(
                "model: cannot be written, because "
                        + (path.isEmpty() ? "it" : "its '" + path + "'")
                        + " "
                        + why);
    }

    private static String join(String path, Object name) {
        return path.isEmpty() ? String.valueOf(name) : path + "." + name;
    }

    private Json object(Class<?> type, Map<String, Json> members) {
        if (!Classes.isOurs(type)) {
            classes.add(type);
        }
        Map<String, Json> out = new LinkedHashMap<>();
        out.put("is", Json.of(type.getName()));
        out.putAll(members);
        return Json.of(out);
    }

    private Json record(String path, Record r) {
        List<Records.Component> components = Records.components(r.getClass());
        Object[] values = Records.values(r);
        Map<String, Json> out = new LinkedHashMap<>();
        for (int i = 0; i < values.length; i++) {
            String name = components.get(i).name();
            if (name.equals("is")) {
                throw refused(join(path, name), "has a name that is taken");
            }
            out.put(name, of(join(path, name), values[i]));
        }
        return object(r.getClass(), out);
    }

    private Json variable(String path, Variable v) {
        String key = keys.get(v);
        if (key == null) {
            throw refused(path, "is a variable that is not in state()");
        }
        Map<String, Json> out = new LinkedHashMap<>();
        out.put("variable", Json.of(key));
        if (!v.isTrainable()) {
            out.put("trained", Json.of(false));
        }
        return Json.of(out);
    }

    private Json source(Rng r) {
        Integer before = sources.putIfAbsent(r.state(), sources.size());
        Map<String, Json> out = new LinkedHashMap<>();
        out.put("source", Json.of(sources.get(r.state()).longValue()));
        if (before == null) {
            out.put(
                    "state",
                    Json.of(Arrays.stream(r.state().toLongArray()).mapToObj(Json::of).toList()));
        }
        return Json.of(out);
    }

    private Json items(String path, Collection<?> values) {
        List<Json> out = new ArrayList<>();
        for (Object v : values) {
            out.add(of(join(path, out.size()), v));
        }
        return Json.of(out);
    }

    private Json array(String path, Object array) {
        List<Object> out = new ArrayList<>();
        for (int i = 0; i < Array.getLength(array); i++) {
            out.add(Array.get(array, i));
        }
        return items(path, out);
    }

    private Json map(String path, Map<?, ?> map) {
        Map<String, Json> out = new LinkedHashMap<>();
        map.forEach((k, v) -> {
            if (!(k instanceof String key)) {
                throw refused(path, "is a map whose keys are no texts");
            }
            out.put(key, of(join(path, key), v));
        });
        return Json.of(out);
    }
}
