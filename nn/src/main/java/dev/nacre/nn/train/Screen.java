package dev.nacre.nn.train;

import java.io.Console;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

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
