package dev.nacre.cli;

import java.io.Console;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/// What standard output is.
final class Terminal {
    private static final int USUAL_WIDTH = 80;

    private Terminal() {}

    /// Live if both standard input and output are a terminal that understands control characters.
    static Progress.Screen screen(PrintWriter out) {
        Console console = System.console();
        String kind = System.getenv().getOrDefault("TERM", "");
        boolean live = console != null && console.isTerminal() && !kind.equals("dumb");
        out.flush(); // what was printed before comes before
        // Drawing over a line takes the control characters that are escaped elsewhere.
        PrintWriter plain = live ? new PrintWriter(System.out) : out;
        return new Progress.Screen(plain, live, live ? width() : USUAL_WIDTH);
    }

    private static int width() {
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
