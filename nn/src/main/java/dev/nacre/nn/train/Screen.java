package dev.nacre.nn.train;

import java.io.Console;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/// Where the progress of a training is shown.
///
/// @param live whether lines can be drawn over, by control characters
/// @param width in characters
public record Screen(PrintWriter out, boolean live, int width) {
    private static final int USUAL_WIDTH = 80;

    /// A writer to which no control characters go.
    public static Screen plain(PrintWriter out) {
        return new Screen(out, false, USUAL_WIDTH);
    }

    /// Standard output: live if both standard input and output are a terminal that understands control characters.
    ///
    /// @param out what else is written with; its output comes first
    public static Screen of(PrintWriter out) {
        Console console = System.console();
        String kind = System.getenv().getOrDefault("TERM", "");
        boolean live = console != null && console.isTerminal() && !kind.equals("dumb");
        out.flush();
        // Where control characters are escaped by the writer, drawing over a line takes another.
        return live ? new Screen(new PrintWriter(System.out), true, columns()) : plain(out);
    }

    /// Draws over the line at the cursor.
    public void draw(String line) {
        out.print("\r" + line + "\u001b[K");
        out.flush();
    }

    /// A bar, with brackets and a space before it.
    ///
    /// @param length inside of the brackets
    public static String bar(int length, long done, long of) {
        int filled = (int) (length * done / of);
        return " [" + "=".repeat(filled) + " ".repeat(length - filled) + "]";
    }

    /// A time for people: `1:02:03`, `2:03`.
    public static String time(double seconds) {
        long s = Math.round(seconds);
        return s >= 3600
                ? String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60)
                : String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60);
    }

    private static int columns() {
        try {
            Process p =
                    new ProcessBuilder("stty", "size")
                            .redirectInput(new File("/dev/tty"))
                            .redirectErrorStream(true)
                            .start();
            String[] size =
                    new String(p.getInputStream().readAllBytes(), StandardCharsets.US_ASCII)
                            .strip()
                            .split(" ");
            int columns = size.length == 2 ? Integer.parseInt(size[1]) : 0;
            return columns > 0 ? columns : USUAL_WIDTH;
        } catch (IOException | NumberFormatException _) {
            return USUAL_WIDTH;
        }
    }
}
