package dev.nacre.type;

import java.util.Arrays;

/// Which frames of a stack are the user's: not the framework's, nor the JDK's on the way from one to the other.
public final class Frames {
    private Frames() {}

    /// The trace without what lies above the user's first line; the whole if it has none.
    static StackTraceElement[] trimmed(StackTraceElement[] trace) {
        int i = 0;
        while (i < trace.length && !isUsers(trace[i].getClassName())) {
            i++;
        }
        return i < trace.length ? Arrays.copyOfRange(trace, i, trace.length) : trace;
    }

    /// `Net.java:42`, the user's line that runs now; empty if there is none.
    public static String line() {
        return StackWalker.getInstance()
                .walk(s -> s.filter(f -> isUsers(f.getClassName())).findFirst())
                .map(f -> f.getFileName() + ":" + f.getLineNumber())
                .orElse("");
    }

    /// The same; empty, too, if a class whose name begins with `except` stands between it and here.
    public static String lineWithout(String except) {
        return StackWalker.getInstance()
                .walk(s ->
                        s.dropWhile(f ->
                                        !isUsers(f.getClassName())
                                                && !f.getClassName().startsWith(except))
                                .findFirst())
                .filter(f -> !f.getClassName().startsWith(except))
                .map(f -> f.getFileName() + ":" + f.getLineNumber())
                .orElse("");
    }

    private static boolean isUsers(String name) {
        if (name.startsWith("dev.nacre.")) {
            int inner = name.indexOf('$');
            String outer = inner < 0 ? name : name.substring(0, inner);
            return outer.endsWith("Test")
                    || name.startsWith("dev.nacre.examples.")
                    || name.startsWith("dev.nacre.cli.");
        }
        return !name.startsWith("java.") && !name.startsWith("jdk.") && !name.startsWith("sun.");
    }
}
