package dev.nacre.nn;

import dev.nacre.Variable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/// A model as a table.
final class Summary {
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
        int[] width = new int[4];
        for (String[] row : rows) {
            for (int i = 0; i < 4; i++) {
                width[i] = Math.max(width[i], row[i].length());
            }
        }
        StringBuilder out = new StringBuilder(name).append('\n');
        for (String[] row : rows) {
            String line =
                    ("  %-"
                                    + width[0]
                                    + "s  %-"
                                    + width[1]
                                    + "s  %-"
                                    + Math.max(1, width[2])
                                    + "s  %"
                                    + width[3]
                                    + "s")
                            .formatted((Object[]) row);
            out.append(line.stripTrailing()).append('\n');
        }
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

    private static String number(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }
}
