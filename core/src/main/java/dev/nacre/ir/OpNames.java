package dev.nacre.ir;

/// The names of classes of ops, written as words: `LogSumExp` is `log_sum_exp`.
final class OpNames {
    private static final ClassValue<String> OF =
            new ClassValue<>() {
                @Override
                protected String computeValue(Class<?> op) {
                    String name = op.getSimpleName();
                    StringBuilder words = new StringBuilder();
                    for (int i = 0; i < name.length(); i++) {
                        char c = name.charAt(i);
                        if (i > 0
                                && Character.isUpperCase(c)
                                && Character.isLowerCase(name.charAt(i - 1))) {
                            words.append('_');
                        }
                        words.append(Character.toLowerCase(c));
                    }
                    return words.toString();
                }
            };

    private OpNames() {}

    static String of(Class<?> op) {
        return OF.get(op);
    }
}
