package dev.nacre.type;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/// Collects what is wrong with one call and prints it in the layout all errors share: the op and the rules broken, each operand with name, type
/// and origin, and a hint.
///
/// ```
/// matmul: a.size(-1) must equal b.size(-2), but 784 ≠ 100
///   a  f32[128, 784]  input 'x'
///   b  f32[100, 10]   parameter head.weight
///   hint: b.transpose() is [10, 100]; did the layer before change its width?
/// ```
public final class Problem {
    private record Operand(String name, TensorType type, Supplier<String> origin) {}

    private final String op;
    private final List<String> rules = new ArrayList<>();
    private final List<Operand> operands = new ArrayList<>();
    private final List<String> hints = new ArrayList<>();

    private Problem(String op) {
        this.op = op;
    }

    public static Problem in(String op) {
        return new Problem(op);
    }

    public Problem rule(String broken) {
        rules.add(broken);
        return this;
    }

    /// Adds the rule only if it is broken.
    public Problem require(boolean holds, String broken) {
        return holds ? this : rule(broken);
    }

    /// The same, where it takes work to say what is broken: eager loops check in every step.
    public Problem require(boolean holds, Supplier<String> broken) {
        return holds ? this : rule(broken.get());
    }

    /// Names an operand.
    ///
    /// @param origin where it comes from; asked for only if there is a problem
    public Problem operand(String name, TensorType type, Supplier<String> origin) {
        operands.add(new Operand(name, type, origin));
        return this;
    }

    public Problem hint(String hint) {
        hints.add(hint);
        return this;
    }

    public boolean found() {
        return !rules.isEmpty();
    }

    public void throwShape() {
        if (found()) {
            throw new ShapeException(text());
        }
    }

    public void throwDType() {
        if (found()) {
            throw new DTypeException(text());
        }
    }

    public String text() {
        StringBuilder out =
                new StringBuilder(op)
                        .append(": ")
                        .append(rules.stream().distinct().collect(Collectors.joining("; ")));
        int nameWidth = operands.stream().mapToInt(o -> o.name.length()).max().orElse(0);
        int typeWidth = operands.stream().mapToInt(o -> o.type.toString().length()).max().orElse(0);
        for (Operand o : operands) {
            String line =
                    "  "
                            + pad(o.name, nameWidth)
                            + "  "
                            + pad(o.type.toString(), typeWidth)
                            + "  "
                            + o.origin.get();
            out.append('\n').append(line.stripTrailing());
        }
        for (String h : hints) {
            out.append("\n  hint: ").append(h);
        }
        return out.toString();
    }

    private static String pad(String s, int width) {
        return s + " ".repeat(width - s.length());
    }
}
