package dev.nacre.type;

import java.util.Arrays;

/// The root of all errors that Nacre reports to its user. Unchecked.
///
/// The library's own frames are removed from the top of the stack trace, so that the first line shown is the user's.
@SuppressWarnings("this-escape") // only Throwable's own methods are called
public class NacreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public NacreException(String message) {
        super(Shape.readable(message));
        super.setStackTrace(trimmed(super.getStackTrace()));
    }

    public NacreException(String message, Throwable cause) {
        super(Shape.readable(message), cause);
        super.setStackTrace(trimmed(super.getStackTrace()));
    }

    private static StackTraceElement[] trimmed(StackTraceElement[] trace) {
        int i = 0;
        while (i < trace.length && isOurs(trace[i])) {
            i++;
        }
        return i < trace.length ? Arrays.copyOfRange(trace, i, trace.length) : trace;
    }

    private static boolean isOurs(StackTraceElement frame) {
        String name = frame.getClassName();
        return name.startsWith("dev.nacre.")
                && !name.endsWith("Test")
                && !name.startsWith("dev.nacre.examples.")
                && !name.startsWith("dev.nacre.cli.");
    }
}
