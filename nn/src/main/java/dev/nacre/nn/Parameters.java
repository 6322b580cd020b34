package dev.nacre.nn;

import dev.nacre.Variable;
import java.util.AbstractList;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// The trainable variables of a module, with the keys they have in it. An optimizer keeps its moments under these keys, whatever names other models give the variables.
public final class Parameters extends AbstractList<Variable> implements RandomAccess {
    private final List<String> keys;
    private final List<Variable> variables;

    Parameters(Map<String, Variable> byKey) {
        this(List.copyOf(byKey.keySet()), List.copyOf(byKey.values()));
    }

    private Parameters(List<String> keys, List<Variable> variables) {
        this.keys = keys;
        this.variables = variables;
    }

    /// The keys, in the order of the variables.
    public List<String> keys() {
        return keys;
    }

    /// Those of which something is true: `net.parameters().with(p -> p.rank() >= 2)`.
    public Parameters with(Predicate<Variable> condition) {
        int[] kept =
                java.util.stream.IntStream.range(0, size())
                        .filter(i -> condition.test(variables.get(i)))
                        .toArray();
        return new Parameters(
                java.util.Arrays.stream(kept).mapToObj(keys::get).toList(),
                java.util.Arrays.stream(kept).mapToObj(variables::get).toList());
    }

    @Override
    public Variable get(int index) {
        return variables.get(index);
    }

    @Override
    public int size() {
        return variables.size();
    }

    /// One line per parameter: key and type.
    @Override
    public String toString() {
        int width = keys.stream().mapToInt(String::length).max().orElse(0);
        return java.util.stream.IntStream.range(0, size())
                .mapToObj(i ->
                        keys.get(i)
                                + " ".repeat(width - keys.get(i).length())
                                + "  "
                                + variables.get(i).type())
                .collect(Collectors.joining("\n"));
    }
}
