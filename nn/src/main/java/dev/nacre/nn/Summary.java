package dev.nacre.nn;

import dev.nacre.Variable;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/// A model as a table.
public final class Summary {
    private Summary() {}

    static String of(String name, Tree tree) {
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"layer", "type", "variables", "parameters"});
        tree.modules()
                .forEach((path, module) -> {
                    Map<String, Variable> own = tree.own(path);
                    boolean inner =
                            tree.modules().keySet().stream()
                                    .anyMatch(k ->
                                            !k.equals(path)
                                                    && (path.isEmpty()
                                                            || k.startsWith(path + ".")));
                    if (!own.isEmpty() || !inner) {
                        String shapes =
                                own.entrySet().stream()
                                        .map(e -> e.getKey() + " " + e.getValue().type())
                                        .collect(Collectors.joining(", "));
                        long count =
                                own.values().stream()
                                        .filter(Variable::isTrainable)
                                        .mapToLong(v -> v.shape().count())
                                        .sum();
                        rows.add(
                                new String[] {
                                    path.isEmpty() ? "(self)" : path,
                                    module.getClass().getSimpleName(),
                                    shapes,
                                    number(count)
                                });
                    }
                });
        StringBuilder out = new StringBuilder(table(name, rows));
        long fixed =
                tree.state().values().stream()
                        .filter(v -> !v.isTrainable() && !v.isRandomState())
                        .mapToLong(v -> v.shape().count())
                        .sum();
        out.append("  ").append(number(tree.parameterCount())).append(" parameters");
        if (fixed > 0) {
            out.append(", ").append(number(fixed)).append(" other numbers");
        }
        return out.append('\n').toString();
    }

    /// All modules, with what they put out.
    static String of(String name, Tree tree, Calls calls) {
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"layer", "type", "output", "parameters"});
        tree.modules()
                .forEach((path, module) -> {
                    if (path.isEmpty() && tree.modules().size() > 1) {
                        return; // what it puts out is in the title
                    }
                    long count = trainable(tree.own(path).values());
                    boolean own =
                            count > 0
                                    || tree.modules().keySet().stream()
                                            .noneMatch(k -> k.startsWith(path + "."));
                    rows.add(
                            new String[] {
                                path.isEmpty() ? "(self)" : path,
                                module.getClass().getSimpleName(),
                                calls.outputs(path).stream()
                                        .map(Shape::toString)
                                        .collect(Collectors.joining(", ")),
                                own ? number(count) : ""
                            });
                });
        String title = name + calls.result().map(t -> " → " + t).orElse("");
        long all = tree.parameterCount();
        long others =
                tree.state().values().stream()
                        .filter(v -> !v.isTrainable() && !v.isRandomState())
                        .mapToLong(v -> v.shape().count())
                        .sum();
        long bytes =
                tree.state().values().stream()
                        .filter(v -> !v.isRandomState())
                        .mapToLong(v -> v.type().bytes())
                        .sum();
        return table(title, rows)
                + "  "
                + number(all)
                + " parameters, "
                + number(others)
                + " numbers that are not trained, "
                + number(bytes)
                + " bytes\n";
    }

    private static long trainable(Collection<Variable> variables) {
        return variables.stream()
                .filter(Variable::isTrainable)
                .mapToLong(v -> v.shape().count())
                .sum();
    }

    /// Columns under a title, the last one aligned to the right.
    public static String table(String title, List<String[]> rows) {
        int[] width = new int[rows.getFirst().length];
        for (String[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                width[i] = Math.max(width[i], row[i].length());
            }
        }
        StringBuilder out = new StringBuilder(title).append('\n');
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.length; i++) {
                String room = " ".repeat(width[i] - row[i].length());
                line.append("  ").append(i == row.length - 1 ? room + row[i] : row[i] + room);
            }
            out.append(line.toString().stripTrailing()).append('\n');
        }
        return out.toString();
    }

    /// A number with its thousands apart.
    public static String number(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }
}
