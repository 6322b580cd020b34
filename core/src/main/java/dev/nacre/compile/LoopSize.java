package dev.nacre.compile;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;

/// How much fits into one loop. The unit is a byte of bytecode as the CPU backend generates it: HotSpot never compiles a method of more than 8,000 bytes, and a loop
/// that is interpreted is a thousand times slower. Other machines have limits of the same kind: registers, instruction caches.
final class LoopSize {
    /// Largest loop; what is left to 8,000 is for the walk itself.
    static final int LIMIT = 6_500;

    /// Of loading or storing one view.
    static final int ACCESS = 40;

    private LoopSize() {}

    /// Of one node's instruction.
    static int of(Node n) {
        int size =
                switch (n.op()) {
                    case Op.Map1 m -> unary(m.f());
                    case Op.Map2 m -> binary(m.f());
                    case Op.Reduce _ -> 300;
                    default -> 60;
                };
        boolean narrow = isNarrow(n.dtype());
        for (int i = 0; i < n.arity(); i++) {
            narrow |= isNarrow(n.input(i).dtype());
        }
        return narrow ? size + 250 : size;
    }

    private static boolean isNarrow(DType t) {
        return t.arithmetic() != t;
    }

    private static int unary(Unary f) {
        return switch (f) {
            case NEG, ABS, SQRT, RSQRT, RECIPROCAL, RELU, NOT -> 60;
            case SIGN, FLOOR, CEIL, ROUND, TRUNC -> 450;
            case EXP, EXPM1, LOG, ASIN, ACOS, ATAN, SINH, COSH, TANH, SIGMOID, LGAMMA, DIGAMMA ->
                    850;
            case ERF, EXP2, LOG1P, NORMAL_DENSITY -> 1_250;
            case NDTR -> 1_900;
            case SOFTPLUS, LOG2, LOG10 -> 2_200;
            case SIN, COS, TAN, ASINH, ACOSH, ATANH -> 1_800;
        };
    }

    private static int binary(Binary f) {
        return switch (f) {
            case POW -> 5_100;
            case MOD -> 2_200;
            case FLOOR_DIV -> 1_250;
            case ATAN2 -> 850;
            default -> 60;
        };
    }
}
