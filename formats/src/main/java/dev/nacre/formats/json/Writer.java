package dev.nacre.formats.json;

/// Writes values as text.
final class Writer {
    private final StringBuilder out = new StringBuilder();

    private Writer() {}

    static String write(Json value) {
        Writer w = new Writer();
        w.value(value);
        return w.out.toString();
    }

    private void value(Json value) {
        switch (value) {
            case Json.Object o -> {
                String before = "{";
                for (var m : o.members().entrySet()) {
                    out.append(before);
                    text(m.getKey());
                    out.append(':');
                    value(m.getValue());
                    before = ",";
                }
                out.append(o.members().isEmpty() ? "{}" : "}");
            }
            case Json.Array a -> {
                String before = "[";
                for (Json item : a.items()) {
                    out.append(before);
                    value(item);
                    before = ",";
                }
                out.append(a.items().isEmpty() ? "[]" : "]");
            }
            case Json.Text t -> text(t.value());
            case Json.Number n -> out.append(n.value());
            case Json.Bool b -> out.append(b.value());
            case Json.Null _ -> out.append("null");
        }
    }

    private void text(String s) {
        out.append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            switch (c) {
                case '"', '\\' -> out.append('\\').append(c);
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c < ' ' || Character.isSurrogate(c) && !isPaired(s, i)) {
                        out.append("\\u%04x".formatted((int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }

    private static boolean isPaired(String s, int i) {
        return Character.isHighSurrogate(s.charAt(i))
                ? i + 1 < s.length() && Character.isLowSurrogate(s.charAt(i + 1))
                : i > 0 && Character.isHighSurrogate(s.charAt(i - 1));
    }
}
