package dev.nacre.compile;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Unary;
import java.util.List;

/// Puts forms that keep their digits in place of equal forms that lose them. Run before differentiation too, so that gradients are as good as values.
///
/// ```
/// log(eˣ / s)            →  x − log(s)          log-softmax
/// log(1 + y)             →  log1p(y)
/// eˣ − 1                 →  expm1(x)
/// log(sigmoid(x))        →  −softplus(−x)
/// log(1 − sigmoid(x))    →  −softplus(x)
/// log(1 + eˣ)            →  softplus(x)
/// ```
public final class Stabilize {
    private Stabilize() {}

    /// Nodes without such a form under them are kept as they are.
    public static List<Node> run(List<Node> roots) {
        return Graph.topological(roots).has(Stabilize::begins)
                ? Graph.rewrite(roots, (n, in) -> improved(n.withInputs(in)))
                : roots;
    }

    /// Whether something is to be improved only in graphs that have such an op.
    private static boolean begins(Op op) {
        return op instanceof Op.Map1 m && (m.f() == Unary.LOG || m.f() == Unary.LOG1P)
                || op instanceof Op.Map2 p && p.f() == Binary.SUB;
    }

    private static Node improved(Node n) {
        if (is(n, Unary.LOG)) {
            return logarithm(n, n.input(0));
        }
        if (is(n, Unary.LOG1P)) {
            return log1p(n, n.input(0));
        }
        if (is(n, Binary.SUB) && is(n.input(0), Unary.EXP) && n.input(1).is(1)) {
            return n.input(0).input(0).expm1();
        }
        return n;
    }

    private static Node logarithm(Node n, Node x) {
        if (is(x, Binary.DIV) && is(x.input(0), Unary.EXP)) {
            return x.input(0).input(0).sub(x.input(1).log());
        }
        if (is(x, Unary.EXP)) {
            return x.input(0);
        }
        if (is(x, Unary.SIGMOID)) {
            return x.input(0).neg().softplus().neg();
        }
        if (is(x, Binary.ADD)) {
            for (int i = 0; i < 2; i++) {
                if (x.input(i).is(1)) {
                    Node y = x.input(1 - i).log1p();
                    return log1p(y, y.input(0));
                }
            }
        }
        if (is(x, Binary.SUB) && x.input(0).is(1)) {
            Node y = x.input(1).neg().log1p();
            return log1p(y, y.input(0));
        }
        return n;
    }

    private static Node log1p(Node n, Node x) {
        if (is(x, Unary.EXP)) {
            return x.input(0).softplus();
        }
        return is(x, Unary.NEG) && is(x.input(0), Unary.SIGMOID)
                ? x.input(0).input(0).softplus().neg()
                : n;
    }

    private static boolean is(Node n, Unary f) {
        return n.op() instanceof Op.Map1 m && m.f() == f;
    }

    private static boolean is(Node n, Binary f) {
        return n.op() instanceof Op.Map2 m && m.f() == f;
    }
}
