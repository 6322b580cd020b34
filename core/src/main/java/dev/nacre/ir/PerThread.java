package dev.nacre.ir;

import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.Supplier;

/// A value for each thread, for as long as the thread runs and this is reachable. A [ThreadLocal] alone would hold values of our classes until the thread ends, and with them the class loader: in a
/// server, whose threads outlive its applications, for ever.
public final class PerThread<T> {
    private final ThreadLocal<Reference<T>> here = new ThreadLocal<>();
    private final Map<Thread, T> all = Collections.synchronizedMap(new WeakHashMap<>());
    private final Supplier<T> initial;

    public PerThread(Supplier<T> initial) {
        this.initial = initial;
    }

    /// The calling thread's.
    public T get() {
        Reference<T> r = here.get();
        T value = r == null ? null : r.get();
        return value == null ? first() : value;
    }

    private T first() {
        T value = initial.get();
        all.put(Thread.currentThread(), value);
        here.set(new WeakReference<>(value));
        return value;
    }
}
