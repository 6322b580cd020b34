package dev.nacre.ir;

import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;

/// Arithmetic on sizes, which is possible only where they are known: an unknown size is a name, not a number.
final class Sizes {
    private Sizes() {}

    /// Size along an axis whose number is in range, for an operation that computes with it.
    static long known(String op, Expression<?> x, int axis) {
        long n = x.size(axis);
        Problem.in(op)
                .require(n >= 0, unknown(axis))
                .operand("x", x.type(), x.origin())
                .throwShape();
        return n;
    }

    /// The rule that an operation breaks if it needs the size of an axis.
    static String unknown(int axis) {
        return "the size of axis "
                + axis
                + " must be known, but is given only when the function is called";
    }

    /// The product of all sizes. One of them may be unknown if the others are 1.
    static long product(String op, Shape shape) {
        long known = 1;
        long unknown = 0;
        for (long s : shape.toArray()) {
            if (s < 0 && unknown != 0) {
                throw new ShapeException(
                        op
                                + ": "
                                + shape
                                + " has too many sizes that are given only when the function is called");
            }
            known *= s < 0 ? 1 : s;
            unknown = s < 0 ? s : unknown;
        }
        if (unknown != 0 && known != 1) {
            throw new ShapeException(
                    op
                            + ": the sizes "
                            + shape
                            + " cannot be joined before the function is called");
        }
        return unknown != 0 ? unknown : shape.count();
    }

    static String text(long size) {
        return size < 0 ? "?" : Long.toString(size);
    }

    /// A shape as the user wrote it, −1 included; unknown sizes print as `?`.
    static String text(long[] sizes) {
        StringBuilder out = new StringBuilder("[");
        for (long s : sizes) {
            out.append(out.length() == 1 ? "" : ", ").append(s < -1 ? "?" : Long.toString(s));
        }
        return out.append(']').toString();
    }
}
