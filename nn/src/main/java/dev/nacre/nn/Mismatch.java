package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/// What keeps a state from being loaded into a module, all of it at once.
final class Mismatch {
    private record Line(String kind, String key, String type, String remark) {}

    private final Map<String, ? extends Tensor> state;
    private final List<Line> lines = new ArrayList<>();
    private final Set<String> unexpected;
    private final Set<String> missing;

    private Mismatch(Map<String, Variable> variables, Map<String, ? extends Tensor> state) {
        this.state = state;
        this.unexpected = new java.util.TreeSet<>(state.keySet());
        unexpected.removeAll(variables.keySet());
        Set<Variable> found = new HashSet<>();
        variables.forEach((k, v) -> {
            if (state.containsKey(k)) {
                found.add(v);
            }
        });
        this.missing =
                variables.entrySet().stream()
                        .filter(e -> !e.getValue().isRandomState() && found.add(e.getValue()))
                        .map(Map.Entry::getKey)
                        .collect(Collectors.toCollection(java.util.LinkedHashSet::new));
    }

    /// Throws an error that lists every key that is missing, unexpected or of another type.
    static void check(
            String model, Map<String, Variable> variables, Map<String, ? extends Tensor> state) {
        state.forEach((k, t) -> {
            if (k == null || t == null) {
                throw new NacreException(
                        "load: the state for "
                                + model
                                + (k == null
                                        ? " has a null key"
                                        : " has null in place of '" + k + "'"));
            }
        });
        Mismatch m = new Mismatch(variables, state);
        m.missing.forEach(k -> m.missing(k, variables.get(k).type()));
        m.unexpected.forEach(k -> m.unexpected(k, state.get(k).type()));
        variables.forEach((k, v) -> m.misfit(k, v.type()));
        Map<Variable, String> first = new IdentityHashMap<>();
        variables.forEach((k, v) -> {
            if (state.containsKey(k)) {
                m.tied(k, v, first.computeIfAbsent(v, _ -> k));
            }
        });
        if (!m.lines.isEmpty()) {
            throw new NacreException(m.text(model));
        }
    }

    private void missing(String key, TensorType type) {
        Optional<String> like =
                closest(
                        key,
                        unexpected.stream().filter(u -> fits(type, state.get(u).type())).toList());
        lines.add(
                new Line(
                        "missing",
                        key,
                        type.toString(),
                        like.map(u -> "is it '" + u + "'?").orElse("")));
    }

    private void unexpected(String key, TensorType type) {
        Optional<String> like = closest(key, missing);
        lines.add(
                new Line(
                        "unexpected",
                        key,
                        type.toString(),
                        like.map(u -> "is it '" + u + "'?").orElse("")));
    }

    private void misfit(String key, TensorType type) {
        if (state.containsKey(key) && !fits(type, state.get(key).type())) {
            lines.add(
                    new Line(
                            "misfit",
                            key,
                            state.get(key).type().toString(),
                            "the model has " + type));
        }
    }

    /// A variable under two keys of which the state has both.
    private void tied(String key, Variable v, String first) {
        Tensor a = state.get(first);
        Tensor b = state.get(key);
        if (a != b
                && fits(v.type(), a.type())
                && fits(v.type(), b.type())
                && differ(a, b, v.dtype())) {
            lines.add(
                    new Line(
                            "tied",
                            key,
                            b.type().toString(),
                            "must equal '"
                                    + first
                                    + "', the same variable of the model, but has other values"));
        }
    }

    private static boolean differ(Tensor a, Tensor b, DType dtype) {
        return a.cast(dtype).toSegment().mismatch(b.cast(dtype).toSegment()) != -1;
    }

    private static boolean fits(TensorType wanted, TensorType given) {
        DType a = wanted.dtype();
        DType b = given.dtype();
        return wanted.shape().equals(given.shape()) && a.kind() == b.kind();
    }

    private String text(String model) {
        String counts =
                lines.stream()
                        .collect(
                                Collectors.groupingBy(
                                        Line::kind,
                                        java.util.LinkedHashMap::new,
                                        Collectors.counting()))
                        .entrySet()
                        .stream()
                        .map(e -> e.getValue() + " " + e.getKey())
                        .collect(Collectors.joining(", "));
        int kind = width(lines.stream().map(Line::kind).toList());
        int key = width(lines.stream().map(Line::key).toList());
        int type = width(lines.stream().map(Line::type).toList());
        StringBuilder out =
                new StringBuilder("load: the state does not fit " + model + ": " + counts);
        for (Line l : lines) {
            String row = "  %-" + kind + "s  %-" + key + "s  %-" + type + "s  %s";
            out.append('\n').append(row.formatted(l.kind, l.key, l.type, l.remark).stripTrailing());
        }
        return out.toString();
    }

    private static int width(Collection<String> texts) {
        return texts.stream().mapToInt(String::length).max().orElse(1);
    }

    /// The candidate most like a key, unless it differs in more than half of its characters.
    private static Optional<String> closest(String key, Collection<String> candidates) {
        return candidates.stream()
                .min(
                        java.util.Comparator.comparingInt((String c) -> distance(key, c))
                                .thenComparing(c -> c))
                .filter(c -> distance(key, c) <= Math.max(key.length(), c.length()) / 2);
    }

    /// Levenshtein's edit distance.
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
