package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.ValueException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.util.OptionalLong;

/// Integers that must be within a range: class indices, rows of a table. Looked at only where they are known without computing anything; a class index that comes out of a
/// computation and is out of range gives a loss of NaN.
public final class Labels {
    private record Passed(WeakReference<Tensor> tensor, long count, OptionalLong ignored) {}

    private static volatile Passed last =
            new Passed(new WeakReference<>(null), 0, OptionalLong.empty());

    private Labels() {}

    /// Throws an error that names the first class index outside `0 … classes − 1`.
    ///
    /// @param ignored a number that is allowed all the same
    public static void requireClasses(
            String op, Tensor labels, long classes, OptionalLong ignored) {
        Passed p = last;
        if (labels.isRealized()
                && classes >= 0
                && !(p.tensor.refersTo(labels)
                        && p.count == classes
                        && p.ignored.equals(ignored))) {
            check(op, "label", "the classes are", labels, classes, ignored);
            last = new Passed(new WeakReference<>(labels), classes, ignored);
        }
    }

    static void requireRange(String op, String what, String range, Tensor numbers, long count) {
        if (numbers.isRealized()) {
            check(op, what, range, numbers, count, OptionalLong.empty());
        }
    }

    private static void check(
            String op,
            String what,
            String range,
            Tensor numbers,
            long count,
            OptionalLong ignored) {
        MemorySegment s = numbers.toSegment();
        long n = numbers.shape().count();
        for (long i = 0; i < n; i++) {
            long v = read(s, numbers.dtype(), i);
            if ((v < 0 || v >= count) && !(ignored.isPresent() && ignored.getAsLong() == v)) {
                throw new ValueException(
                        op
                                + ": "
                                + what
                                + " "
                                + v
                                + " at position "
                                + i
                                + " is out of range: "
                                + range
                                + " 0 to "
                                + (count - 1)
                                + (v < 0 && what.equals("label") && op.startsWith("crossEntropy")
                                        ? "\n  hint: if it marks what does not count,"
                                                + " new CrossEntropyLoss().ignoreIndex("
                                                + v
                                                + ")"
                                        : ""));
            }
        }
        java.lang.ref.Reference.reachabilityFence(numbers);
    }

    private static long read(MemorySegment s, DType dtype, long i) {
        return switch (dtype) {
            case I64 -> s.getAtIndex(ValueLayout.JAVA_LONG, i);
            case I32 -> s.getAtIndex(ValueLayout.JAVA_INT, i);
            case I8 -> s.get(ValueLayout.JAVA_BYTE, i);
            case U8, BOOL -> s.get(ValueLayout.JAVA_BYTE, i) & 0xFF;
            case F16, BF16, F32, F64 ->
                    throw new IllegalArgumentException("labels are not integers: " + dtype);
        };
    }
}
