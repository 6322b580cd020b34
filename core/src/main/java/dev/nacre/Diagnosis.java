package dev.nacre;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Finds out where numbers went wrong.
public final class Diagnosis {
    private Diagnosis() {}

    /// The first operation, in the order of computation, that makes NaN of operands without NaN (or, if there is no NaN, infinities of finite operands), in words. Computes every
    /// intermediate value of an expression that has not been computed itself: meant for the moment after a loss was found to be broken.
    public static Optional<String> firstNotFinite(Tensor x) {
        List<Node> order =
                Graph.topological(List.of(x.node())).stream()
                        .filter(n -> n.dtype().isFloating() && n.dtype() != DType.BOOL)
                        .toList();
        return first(order, true).or(() -> first(order, false));
    }

    /// The same of an expression that is only now built, by code whose changes to variables (running statistics, random numbers drawn) do not take place.
    public static Optional<String> firstNotFinite(Supplier<Tensor> expression) {
        return firstNotFinite(Trace.within().in(expression));
    }

    private static Optional<String> first(List<Node> order, boolean nan) {
        Map<Node, Boolean> broken = broken(order, nan);
        for (Node n : order) {
            boolean inherited =
                    n.inputs().stream()
                            .anyMatch(in -> broken.getOrDefault(in, false) && !isConstant(in));
            if (broken.get(n) && !inherited && !isConstant(n)) {
                return Optional.of(describe(n, nan ? "NaN" : "infinite"));
            }
        }
        return Optional.empty();
    }

    private static Map<Node, Boolean> broken(List<Node> order, boolean nan) {
        List<Engine.Root> flags = new ArrayList<>();
        for (Node n : order) {
            Node bad = nan ? n.isNan() : n.isInf();
            flags.add(new Engine.Root(bad.any(), Optional.empty()));
        }
        List<Stored> values = Engine.evaluate(flags);
        Map<Node, Boolean> out = new IdentityHashMap<>();
        for (int i = 0; i < order.size(); i++) {
            out.put(order.get(i), new Elements(values.get(i)).asLong(0) != 0);
        }
        return out;
    }

    /// Whether a node is a number that the expression itself contains.
    private static boolean isConstant(Node n) {
        return n.number().isPresent();
    }

    private static String describe(Node n, String what) {
        if (n.arity() == 0) {
            return n.origin() + " " + n.type() + " is " + what + " already";
        }
        StringBuilder out =
                new StringBuilder(
                        n.op().name()
                                + " "
                                + n.type()
                                + " is the first that is "
                                + what
                                + "; its operands are");
        for (Node in : n.inputs()) {
            Tensor t = new Tensor(in);
            out.append("\n  ").append(in.type()).append("  ").append(in.origin());
            if (in.dtype().isFloating() && in.shape().count() > 0) {
                out.append(", from ")
                        .append((float) t.min().item())
                        .append(" to ")
                        .append((float) t.max().item());
            }
        }
        return out.toString();
    }
}
