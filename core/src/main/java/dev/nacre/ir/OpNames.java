package dev.nacre.ir;

import java.util.Locale;

/// The names of classes of ops, written as words: `LogSumExp` is `log_sum_exp`.
final class OpNames {
    private static final ClassValue<String> OF =
            new ClassValue<>() {
                @Override
                protected String computeValue(Class<?> op) {
                    return op.getSimpleName()
                            .replaceAll("(?<=[a-z])(?=[A-Z])", "_")
                            .toLowerCase(Locale.ROOT);
                }
            };

    private OpNames() {}

    static String of(Class<?> op) {
        return OF.get(op);
    }
}
