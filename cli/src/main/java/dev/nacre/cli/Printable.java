package dev.nacre.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;

/// Text that cannot command a terminal. Names, labels and texts come out of files: what in them would move the cursor, change colours or the order of writing is printed as `\u001b` and the like. All
/// that the program prints goes through here, but for the progress line.
final class Printable {
    private Printable() {}

    /// A writer that lets line ends and tabs through, and no other control character.
    static PrintWriter on(Writer to) {
        return new PrintWriter(
                new Writer() {
                    @Override
                    public void write(char[] text, int from, int length) throws IOException {
                        to.write(escaped(new String(text, from, length), true));
                    }

                    @Override
                    public void flush() throws IOException {
                        to.flush();
                    }

                    @Override
                    public void close() throws IOException {
                        to.close();
                    }
                });
    }

    /// A text that stays on its line.
    static String line(String text) {
        return escaped(text, false);
    }

    /// The same, with spaces up to a width.
    static String padded(String text, int width) {
        String line = line(text);
        return line + " ".repeat(Math.max(0, width - line.length()));
    }

    private static String escaped(String text, boolean lines) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean end =
                    c == '\n' || c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n';
            if (lines && (end || c == '\t') || !isControl(c)) {
                out.append(c);
            } else {
                out.append(
                        switch (c) {
                            case '\n' -> "\\n";
                            case '\r' -> "\\r";
                            case '\t' -> "\\t";
                            default -> "\\u%04x".formatted((int) c);
                        });
            }
        }
        return out.toString();
    }

    /// Control and formatting characters, line and paragraph separators.
    private static boolean isControl(char c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR ->
                    true;
            default -> false;
        };
    }
}
