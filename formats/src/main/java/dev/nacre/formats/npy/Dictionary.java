package dev.nacre.formats.npy;

import dev.nacre.formats.FormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The header of an npy file: a Python dictionary with exactly three entries, in any order, and nothing else.
record Dictionary(String descr, boolean fortran, long[] shape) {
    private static final int MOST_RANK = 64;

    static Dictionary parse(Path path, String text) {
        return new Parser(path, text).dictionary();
    }

    /// Reads the few things that Python's `literal_eval` may find there.
    private static final class Parser {
        private final Path path;
        private final String text;
        private int at;
        private Optional<String> descr = Optional.empty();
        private Optional<Boolean> fortran = Optional.empty();
        private Optional<long[]> shape = Optional.empty();

        Parser(Path path, String text) {
            this.path = path;
            this.text = text;
        }

        private FormatException broken(String why) {
            return new FormatException("npy", path, "has a broken header: " + why);
        }

        Dictionary dictionary() {
            if (!accept('{')) {
                throw broken("it is no dictionary");
            }
            while (!accept('}')) {
                entry(quoted("a key"));
                if (!accept(',') && peek() != '}') {
                    throw unexpected("a comma or the end of the dictionary");
                }
            }
            skipSpace();
            if (at < text.length()) {
                throw unexpected("the end");
            }
            if (descr.isEmpty() || fortran.isEmpty() || shape.isEmpty()) {
                throw broken("it needs descr, fortran_order and shape");
            }
            return new Dictionary(descr.get(), fortran.get(), shape.get());
        }

        private void entry(String key) {
            if (!accept(':')) {
                throw unexpected("a colon");
            }
            switch (key) {
                case "descr" -> {
                    once(key, descr);
                    if (peek() == '[') {
                        throw new FormatException(
                                "npy",
                                path,
                                "is an array of records; save its fields as arrays of their own");
                    }
                    descr = Optional.of(quoted("a type"));
                }
                case "fortran_order" -> {
                    once(key, fortran);
                    fortran = Optional.of(truth());
                }
                case "shape" -> {
                    once(key, shape);
                    shape = Optional.of(tuple());
                }
                default -> throw broken("it has an unknown entry '" + key + "'");
            }
        }

        private void once(String key, Optional<?> value) {
            if (value.isPresent()) {
                throw broken("it has '" + key + "' twice");
            }
        }

        private boolean truth() {
            skipSpace();
            for (String word : new String[] {"True", "False"}) {
                if (text.startsWith(word, at)) {
                    at += word.length();
                    return word.equals("True");
                }
            }
            throw unexpected("True or False");
        }

        private long[] tuple() {
            if (!accept('(')) {
                throw unexpected("a tuple");
            }
            List<Long> sizes = new ArrayList<>();
            boolean comma = true;
            while (!accept(')')) {
                if (!comma || sizes.size() == MOST_RANK) {
                    throw unexpected("the end of the tuple");
                }
                sizes.add(size());
                comma = accept(',');
            }
            if (sizes.size() == 1 && !comma) {
                throw broken("its shape is a number, not a tuple");
            }
            return sizes.stream().mapToLong(n -> n).toArray();
        }

        private long size() {
            skipSpace();
            int from = at;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                at++;
            }
            String digits = text.substring(from, at);
            if (digits.isEmpty()) {
                throw unexpected("a size");
            }
            if (at < text.length() && text.charAt(at) == 'L') { // Python 2's
                at++;
            }
            try {
                return Long.parseLong(digits);
            } catch (NumberFormatException _) {
                throw broken("its shape has a size of " + digits.length() + " digits");
            }
        }

        private String quoted(String what) {
            char quote = peek();
            int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
            if (end < 0 || end - at > 100 || text.substring(at, end).indexOf('\\') >= 0) {
                throw unexpected(what);
            }
            String out = text.substring(at + 1, end);
            at = end + 1;
            return out;
        }

        private void skipSpace() {
            while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        private char peek() {
            skipSpace();
            return at < text.length() ? text.charAt(at) : '\0';
        }

        private boolean accept(char c) {
            if (peek() != c) {
                return false;
            }
            at++;
            return true;
        }

        private FormatException unexpected(String wanted) {
            String found =
                    at >= text.length()
                            ? "nothing"
                            : "'"
                                    + text.substring(at, Math.min(text.length(), at + 20)).strip()
                                    + "'";
            return broken("found " + found + " where " + wanted + " should be");
        }
    }
}
