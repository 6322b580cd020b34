package dev.nacre.nn.keras;

import dev.nacre.type.NacreException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A file's name with numbers in it, in the form of Python's `str.format`: `{epoch:02d}`, `{val_loss:.4f}`, `{val_loss:0.4f}`, `{val_accuracy:.1%}`; braces that are meant are doubled.
record FilePattern(String text) {
    private static final Pattern PARTS =
            Pattern.compile(
                    "\\{\\{|\\}\\}|\\{(\\w+)(?::(0?)([1-9]\\d?)?(\\.\\d{1,2})?([dfFeE%]?))?\\}|[{}]");

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
                                m.group(1) == null ? r.group().substring(1) : written(r, values)));
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

    private static String written(MatchResult part, Map<String, Number> values) {
        String name = part.group(1);
        require(name, values.keySet());
        Number value = values.get(name);
        boolean whole = value instanceof Integer;
        String width = Objects.requireNonNullElse(part.group(3), "");
        String point = Objects.requireNonNullElse(part.group(4), "");
        String kind = Objects.requireNonNullElse(part.group(5), "");
        if ((width + point + kind).isEmpty()) {
            return value.toString();
        }
        boolean asWhole = kind.isEmpty() || kind.equals("d");
        if (asWhole && !(whole && point.isEmpty())) {
            throw new NacreException(
                    "modelCheckpoint: the form of '"
                            + part.group()
                            + "' does not fit '"
                            + name
                            + "', which is "
                            + value
                            + "\n  hint: {epoch:02d}, {val_loss:.4f}");
        }
        boolean percent = kind.equals("%");
        int least =
                width.isEmpty() ? 0 : Integer.parseInt(width) - (percent ? 1 : 0); // for its sign
        String padding = least == 0 ? "" : part.group(2) + least;
        String form = asWhole ? "d" : percent ? "f" : kind.toLowerCase(Locale.ROOT);
        Object number = asWhole ? value : (Object) (value.doubleValue() * (percent ? 100 : 1));
        String text = String.format(Locale.ROOT, "%" + padding + point + form, number);
        return percent ? text + "%" : kind.equals("E") ? text.toUpperCase(Locale.ROOT) : text;
    }

    @Override
    public String toString() {
        return text;
    }
}
