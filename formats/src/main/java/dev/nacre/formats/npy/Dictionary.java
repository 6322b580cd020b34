package dev.nacre.formats.npy;

import dev.nacre.formats.FormatException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The header of an npy file: a Python dictionary with exactly three entries, in any order.
record Dictionary(String descr, boolean fortran, long[] shape) {
    private static final Pattern DESCR =
            Pattern.compile("['\"]descr['\"]\\s*:\\s*(?:'([^']*)'|\"([^\"]*)\"|(\\[))");
    private static final Pattern FORTRAN =
            Pattern.compile("['\"]fortran_order['\"]\\s*:\\s*(True|False)");
    private static final Pattern SHAPE =
            Pattern.compile("['\"]shape['\"]\\s*:\\s*\\(([0-9L,\\s]*)\\)");

    static Dictionary parse(Path path, String text) {
        if (!text.strip().startsWith("{") || !text.strip().endsWith("}")) {
            throw new FormatException("npy", path, "has a broken header: it is no dictionary");
        }
        Matcher descr = DESCR.matcher(text);
        Matcher fortran = FORTRAN.matcher(text);
        Matcher shape = SHAPE.matcher(text);
        if (!descr.find() || !fortran.find() || !shape.find()) {
            throw new FormatException(
                    "npy", path, "has a broken header: it needs descr, fortran_order and shape");
        }
        if (descr.group(3) != null) {
            throw new FormatException(
                    "npy", path, "is an array of records; save its fields as arrays of their own");
        }
        String type = descr.group(1) != null ? descr.group(1) : descr.group(2);
        try {
            long[] sizes =
                    Arrays.stream(shape.group(1).split(","))
                            .map(s -> s.strip().replaceFirst("L$", ""))
                            .filter(s -> !s.isEmpty())
                            .mapToLong(Long::parseLong)
                            .toArray();
            return new Dictionary(type, fortran.group(1).equals("True"), sizes);
        } catch (NumberFormatException _) {
            throw new FormatException(
                    "npy", path, "has a broken header: shape (" + shape.group(1) + ")");
        }
    }
}
