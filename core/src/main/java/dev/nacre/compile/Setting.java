package dev.nacre.compile;

import java.util.Optional;
import java.util.function.Function;

/// A system property of Nacre's: what it says, or what holds without it. A text that says nothing is named in a warning, and does not stop a program.
public final class Setting {
    private Setting() {}

    /// @param allowed what the text may be, as the end of a sentence
    /// @param read from a text without blanks around it; empty where that is not allowed
    /// @param otherwise what holds without the setting
    public static <T> T of(
            String name, String allowed, Function<String, Optional<T>> read, T otherwise) {
        String text = System.getProperty(name, "").strip();
        if (text.isEmpty()) {
            return otherwise;
        }
        Optional<T> value = read.apply(text);
        if (value.isEmpty()) {
            System.getLogger("dev.nacre")
                    .log(
                            System.Logger.Level.WARNING,
                            "-D%s=%s is not %s, and does not count".formatted(name, text, allowed));
        }
        return value.orElse(otherwise);
    }

    /// A whole number between two.
    public static long of(String name, long least, long most, long otherwise) {
        return of(
                name,
                "a number from " + least + " to " + most,
                text -> number(text, least, most),
                otherwise);
    }

    private static Optional<Long> number(String text, long least, long most) {
        try {
            long n = Long.parseLong(text);
            return n >= least && n <= most ? Optional.of(n) : Optional.empty();
        } catch (NumberFormatException _) {
            return Optional.empty();
        }
    }
}
