package dev.nacre.nn;

import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A tree as text: a line per module with its own variables' types, its settings and its number of parameters; equal neighbours are put together.
///
/// ```
/// Net                                               7,114 parameters
///   fc1: Linear(weight f32[64, 100], bias f32[64])  6,464
///   drop: Dropout(p=0.5)
///   fc2: Linear(weight f32[10, 64], bias f32[10])     650
/// ```
final class Outline {
    /// Up to this width the numbers of parameters are in one column.
    private static final int WIDTH = 90;

    /// @param parameters below the module, itself included
    private record Row(String text, long parameters) {}

    private final Object root;
    private final Tree tree;
    private final Map<String, List<String>> children = new LinkedHashMap<>();
    private final Map<String, List<Row>> done = new HashMap<>();

    private Outline(Object root, Tree tree) {
        this.root = root;
        this.tree = tree;
        for (String path : tree.modules().keySet()) {
            if (!path.isEmpty()) {
                children.computeIfAbsent(tree.ownerOf(path), _ -> new ArrayList<>()).add(path);
            }
        }
    }

    static String of(Object root, Tree tree) {
        Outline o = new Outline(root, tree);
        List<Row> rows = o.rows("");
        int left =
                rows.stream()
                        .mapToInt(r -> r.text.length())
                        .filter(n -> n <= WIDTH)
                        .max()
                        .orElse(0);
        int right = number(rows.getFirst().parameters).length();
        StringBuilder out = new StringBuilder();
        for (Row r : rows) {
            out.append(out.isEmpty() ? "" : "\n").append(r.text);
            if (r.parameters > 0) {
                int room = left - r.text.length() + right - number(r.parameters).length();
                out.append("  ").append(" ".repeat(Math.max(0, room))).append(number(r.parameters));
                if (r == rows.getFirst()) {
                    out.append(r.parameters == 1 ? " parameter" : " parameters");
                }
            }
        }
        return out.toString();
    }

    /// The text of a module for its own `toString`, which never fails.
    static String of(Module module) {
        try {
            return of(module, Tree.of(module));
        } catch (NacreException e) {
            return Contents.type(module)
                    + " ("
                    + e.getMessage().lines().findFirst().orElse("")
                    + ")";
        }
    }

    private static String number(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }

    /// The lines of a module and all below it, the first without its name.
    private List<Row> rows(String path) {
        List<Row> known = done.get(path);
        if (known != null) {
            return known;
        }
        List<Row> out = new ArrayList<>();
        out.add(new Row(head(path), count(path)));
        List<String> below = children.getOrDefault(path, List.of());
        for (int i = 0; i < below.size(); ) {
            List<Row> first = rows(below.get(i));
            int end = i + 1;
            while (end < below.size()
                    && isNumbered(below.get(i))
                    && isNumbered(below.get(end))
                    && rows(below.get(end)).equals(first)) {
                end++;
            }
            String label = label(path, below.get(i), below.get(end - 1), end - i);
            Row head = first.getFirst();
            out.add(new Row("  " + label + head.text, head.parameters * (end - i)));
            first.subList(1, first.size())
                    .forEach(r -> out.add(new Row("  " + r.text, r.parameters)));
            i = end;
        }
        done.put(path, out);
        return out;
    }

    private static String label(String path, String from, String to, int times) {
        String name = from.substring(path.isEmpty() ? 0 : path.length() + 1);
        return times == 1
                ? name + ": "
                : name + " to " + to.substring(to.lastIndexOf('.') + 1) + ": " + times + " × ";
    }

    private static boolean isNumbered(String path) {
        return path.matches("(.*\\.)?\\d+");
    }

    private long count(String path) {
        String start = path.isEmpty() ? "" : path + ".";
        return tree.state().entrySet().stream()
                .filter(e -> e.getKey().startsWith(start) && e.getValue().isTrainable())
                .mapToLong(e -> e.getValue().shape().count())
                .sum();
    }

    /// The module's class, the types of its variables, and its settings.
    private String head(String path) {
        Object part = path.isEmpty() ? root : tree.modules().get(path);
        if (part instanceof Enum<?> e) {
            return e.name();
        }
        List<String> inside = new ArrayList<>();
        tree.own(path).forEach((key, v) -> inside.add(key + " " + v.type()));
        if (part instanceof Record r) {
            inside.addAll(settings(r));
        }
        return Contents.type(part)
                + (inside.isEmpty() ? "" : "(" + String.join(", ", inside) + ")");
    }

    /// Numbers, texts and choices among the components, also those of records in it that are no modules.
    private static List<String> settings(Record r) {
        List<String> out = new ArrayList<>();
        for (RecordComponent c : r.getClass().getRecordComponents()) {
            if (!c.getAccessor().trySetAccessible()) {
                continue;
            }
            Object value =
                    Slot.read(c.getAccessor(), r) instanceof Optional<?> o
                            ? o.orElse(null)
                            : Slot.read(c.getAccessor(), r);
            if (value instanceof Record inner && !(value instanceof Module)) {
                out.addAll(settings(inner));
            } else if (value != null && !(value instanceof Module) && isSetting(value.getClass())) {
                out.add(c.getName() + "=" + value);
            }
        }
        return out;
    }

    private static boolean isSetting(Class<?> c) {
        return Enum.class.isAssignableFrom(c)
                || Number.class.isAssignableFrom(c)
                || List.of(String.class, Boolean.class, Character.class, Shape.class, DType.class)
                        .contains(c);
    }
}
