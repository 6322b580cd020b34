package dev.nacre.cli;

import java.io.PrintWriter;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.Map;

/// Ctrl-C and the like, while something is worth finishing: the first signal only asks to stop, which the training does after its step, when it has saved what it has; a second one ends the program at
/// once. Java's signals are not part of its official interface (`sun.misc.Signal`, of the module `jdk.unsupported`); where they are missing, a signal ends the program as it always does.
final class Interrupts implements AutoCloseable {
    private static final Map<String, Integer> NUMBERS = Map.of("INT", 2, "TERM", 15, "HUP", 1);

    /// A program that was asked to stop, and has.
    static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final int status;

        Stopped(String message, int status) {
            super(message, null, false, false);
            this.status = status;
        }

        /// 128 and the number of the signal, as shells have it.
        int status() {
            return status;
        }
    }

    private final PrintWriter err;
    private final Map<String, Object> before = new LinkedHashMap<>();
    private volatile int status;

    private Interrupts(PrintWriter err) {
        this.err = err;
    }

    /// Takes signals until it is closed.
    static Interrupts taken(PrintWriter err) {
        Interrupts i = new Interrupts(err);
        NUMBERS.keySet().forEach(i::take);
        return i;
    }

    private void take(String name) {
        try {
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            InvocationHandler arrived =
                    (self, method, arguments) ->
                            switch (method.getName()) {
                                case "handle" -> {
                                    stop(128 + NUMBERS.get(name));
                                    yield null;
                                }
                                case "equals" -> self == arguments[0];
                                case "hashCode" -> System.identityHashCode(self);
                                default -> name;
                            };
            Object ours =
                    Proxy.newProxyInstance(
                            Interrupts.class.getClassLoader(), new Class<?>[] {handler}, arrived);
            before.put(name, handle(name, handler, ours));
        } catch (ReflectiveOperationException | RuntimeException _) {
            // The system has no such signal, or the program was started with -Xrs, or by nohup.
        }
    }

    private static Object handle(String name, Class<?> type, Object handler)
            throws ReflectiveOperationException {
        Class<?> signal = Class.forName("sun.misc.Signal");
        return signal.getMethod("handle", signal, type)
                .invoke(null, signal.getConstructor(String.class).newInstance(name), handler);
    }

    /// What a signal does.
    void stop(int code) {
        if (status != 0) {
            Runtime.getRuntime().halt(code);
        }
        status = code;
        err.println();
        err.println("nacre: finishing this step and saving; once more to leave at once");
        err.flush();
    }

    /// Whether to stop soon.
    boolean isAsked() {
        return status != 0;
    }

    /// With which exit status.
    int status() {
        return status;
    }

    /// Ends the command if somebody has asked to stop, though all was done.
    void throwIfAsked() {
        if (isAsked()) {
            throw new Stopped("", status);
        }
    }

    @Override
    public void close() {
        before.forEach((name, handler) -> {
            try {
                handle(name, Class.forName("sun.misc.SignalHandler"), handler);
            } catch (ReflectiveOperationException _) {
                throw new IllegalStateException("signal " + name);
            }
        });
    }
}
