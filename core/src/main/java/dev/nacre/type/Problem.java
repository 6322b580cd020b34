package dev.nacre.type;

import java.util.ArrayList;
import java.util.List;
import java.util.RandomAccess;
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

    // ------------------------------------------------------------------------------------------
    // null: the build puts a call of these before the code of all public methods that users call

    /// What a method is given must be there.
    ///
    /// @param what the method and the argument: `add: b`
    public static void given(Object argument, String what) {
        if (argument == null) {
            throw missing(what);
        }
    }

    /// So must what is in an array.
    public static void given(Object[] arguments, String what) {
        given((Object) arguments, what);
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i] == null) {
                throw missing(what + "[" + i + "]");
            }
        }
    }

    /// So must what is in a list, if looking at it costs nothing.
    public static void given(List<?> arguments, String what) {
        given((Object) arguments, what);
        if (arguments instanceof RandomAccess) {
            for (int i = 0; i < arguments.size(); i++) {
                if (arguments.get(i) == null) {
                    throw missing(what + "[" + i + "]");
                }
            }
        }
    }

    private static ValueException missing(String what) {
        return new ValueException(what + " must not be null");
    }

    // ------------------------------------------------------------------------------------------
    // settings: a number out of its range is refused where it is given, NaN everywhere

    /// A number that must be finite.
    public Problem finite(String name, double value) {
        return setting(Double.isFinite(value), name, "finite", value);
    }

    /// A number that must be finite and above 0: an epsilon that divides, a scale.
    public Problem positive(String name, double value) {
        return setting(value > 0 && Double.isFinite(value), name, "finite and above 0", value);
    }

    /// A number that must be finite and at least 0: a learning rate, a weight decay.
    public Problem notNegative(String name, double value) {
        return setting(value >= 0 && Double.isFinite(value), name, "finite and at least 0", value);
    }

    /// A number that must be from 0 to below 1: a momentum, the weight of what was in a moving average.
    public Problem fraction(String name, double value) {
        return setting(value >= 0 && value < 1, name, "at least 0 and below 1", value);
    }

    /// A number that must be from `low` to `high`, both included: a probability.
    public Problem within(String name, double value, double low, double high) {
        return setting(
                value >= low && value <= high,
                name,
                "from " + plain(low) + " to " + plain(high),
                value);
    }

    /// A whole number that must not be below a limit: a size, a stride, a number of layers.
    public Problem atLeast(String name, long value, long limit) {
        return value >= limit
                ? this
                : rule(name + " must be at least " + limit + ", but is " + value);
    }

    private Problem setting(boolean holds, String name, String range, double value) {
        return holds ? this : rule(name + " must be " + range + ", but is " + value);
    }

    private static String plain(double x) {
        return x == Math.rint(x) ? Long.toString((long) x) : Double.toString(x);
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

    public void throwValue() {
        if (found()) {
            throw new ValueException(text());
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
