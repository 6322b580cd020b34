package dev.nacre.optable;

import dev.nacre.type.DType;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/// Sets of element types.
public final class DTypes {
    public static final List<DType> FLOATING = where(DType::isFloating);
    public static final List<DType> INTEGER = where(DType::isInteger);
    public static final List<DType> NUMBERS = where(t -> t != DType.BOOL);
    public static final List<DType> WHOLE = where(t -> !t.isFloating());
    public static final List<DType> ALL = where(_ -> true);

    private DTypes() {}

    private static List<DType> where(Predicate<DType> condition) {
        return Arrays.stream(DType.values()).filter(condition).toList();
    }
}
