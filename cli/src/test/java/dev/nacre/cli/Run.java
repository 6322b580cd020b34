package dev.nacre.cli;

import java.io.StringWriter;
import java.util.List;

/// What a command printed, and its exit status.
record Run(int status, String out, String err) {
    static Run of(Object... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int status =
                Nacre.run(
                        Nacre.commandLine(out, err),
                        java.util.Arrays.stream(arguments)
                                .map(Object::toString)
                                .toArray(String[]::new));
        return new Run(status, out.toString(), err.toString());
    }

    List<String> lines() {
        return out.lines().toList();
    }
}
