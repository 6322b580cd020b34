package dev.nacre.nn.keras;

import dev.nacre.type.NacreException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A file's name with numbers in it, in the form of Python's `str.format`: `{epoch:02d}`, `{val_loss:.4f}`; braces that are meant are doubled.
record FilePattern(String text) {
    private static final Pattern PARTS =
            Pattern.compile(
                    "\\{\\{|\\}\\}|\\{(\\w+)(?::((?:0?[1-9]\\d?)?(?:\\.\\d{1,2})?[dfeE]))?\\}|[{}]");

    /// @throws NacreException if it is not of that form
    static FilePattern of(String text) {
        Matcher m = PARTS.matcher(text);
        while (m.find()) {
            if (m.group().length() == 1) {
                throw new NacreException(
                        "modelCheckpoint: '"
                                + text
                                + "' has braces that stand for no value\n"
                                + "  hint: {epoch:02d}, {val_loss:.4f}, and {{ for a brace");
            }
        }
        return new FilePattern(text);
    }

    Path with(Map<String, Number> values) {
        Matcher m = PARTS.matcher(text);
        String name =
                m.replaceAll(r ->
                        Matcher.quoteReplacement(
                                m.group(1) == null
                                        ? r.group().substring(1)
                                        : written(m.group(1), m.group(2), values)));
        try {
            return Path.of(name);
        } catch (InvalidPathException e) {
            throw new NacreException("modelCheckpoint: '" + name + "' is no path", e);
        }
    }

    /// Throws unless these are values enough.
    void require(Collection<String> names) {
        Matcher m = PARTS.matcher(text);
        while (m.find()) {
            if (m.group(1) != null) {
                require(m.group(1), names);
            }
        }
    }

    private static void require(String name, Collection<String> names) {
        if (!names.contains(name)) {
            throw new NacreException(
                    "modelCheckpoint: there is no '"
                            + name
                            + "' for the file's name; there are "
                            + String.join(", ", new TreeSet<>(names)));
        }
    }

    private static String written(String name, String form, Map<String, Number> values) {
        require(name, values.keySet());
        Number value = values.get(name);
        if (form == null) {
            return value.toString();
        }
        boolean whole = value instanceof Integer;
        if (form.endsWith("d") && (!whole || form.contains("."))) {
            throw new NacreException(
                    "modelCheckpoint: the form '"
                            + form
                            + "' does not fit '"
                            + name
                            + "', which is "
                            + value
                            + "\n  hint: {epoch:02d}, {val_loss:.4f}");
        }
        return String.format(
                Locale.ROOT, "%" + form, form.endsWith("d") ? value : (Object) value.doubleValue());
    }

    @Override
    public String toString() {
        return text;
    }
}
