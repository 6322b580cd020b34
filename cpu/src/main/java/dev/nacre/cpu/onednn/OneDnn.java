package dev.nacre.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nacre.cpu.Native;
import dev.nacre.cpu.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// The library, open and ready.
public final class OneDnn {
    private static final int CPU = 1;
    private static final int IN_ORDER = 1;

    private static final class Holder {
        static final Optional<OneDnn> FOUND = Native.oneDnn().map(library -> new OneDnn(library.path()));
    }

    private record Key(Spec spec, int threads) {}

    private static final class Entry extends WeakReference<Primitive> {
        final Key key;

        Entry(Key key, Primitive primitive, ReferenceQueue<Primitive> queue) {
            super(primitive, queue);
            this.key = key;
        }
    }

    private final String path;
    private final long engine;
    private final long stream; // without state on the CPU, so all threads share it
    private final ConcurrentHashMap<Key, Entry> primitives = new ConcurrentHashMap<>();
    private final ReferenceQueue<Primitive> dropped = new ReferenceQueue<>();

    private OneDnn(String path) {
        this.path = path;
        try (var arena = Arena.ofConfined()) {
            var out = arena.allocate(JAVA_LONG);
            check((int) Api.ENGINE.invokeExact(out.address(), CPU, 0L), "engine");
            engine = out.get(JAVA_LONG, 0);
            check((int) Api.STREAM.invokeExact(out.address(), engine, IN_ORDER), "stream");
            stream = out.get(JAVA_LONG, 0);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// The library, if this machine has it; [Native#report()] tells why not.
    public static Optional<OneDnn> get() {
        return Holder.FOUND;
    }

    /// Its version, such as `3.11.0`.
    @SuppressWarnings("restricted")
    public String version() {
        try {
            var numbers = MemorySegment.ofAddress((long) Api.VERSION.invokeExact()).reinterpret(3 * JAVA_INT.byteSize());
            return numbers.get(JAVA_INT, 0) + "." + numbers.get(JAVA_INT, 4) + "." + numbers.get(JAVA_INT, 8);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// Where it was loaded from.
    public String path() {
        return path;
    }

    /// The instruction set it generates code for, such as `cpu_isa_avx512_core_bf16`.
    @SuppressWarnings("restricted")
    public String instructions() {
        try {
            int isa = (int) Api.ISA.invokeExact();
            return MemorySegment.ofAddress((long) Api.ISA_NAME.invokeExact(isa))
                    .reinterpret(Long.MAX_VALUE)
                    .getString(0);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    /// The compiled form of a spec, for the size of the [team][Team].
    ///
    /// @throws OneDnnException if oneDNN does not take it
    public Primitive primitive(Spec spec) {
        return primitive(spec, Team.get().size());
    }

    /// The compiled form of a spec for a number of threads.
    ///
    /// @throws OneDnnException if oneDNN does not take it
    public Primitive primitive(Spec spec, int threads) {
        for (Entry gone; (gone = (Entry) dropped.poll()) != null; ) primitives.remove(gone.key, gone);
        var key = new Key(spec, threads);
        var entry = primitives.get(key);
        var known = entry == null ? null : entry.get();
        if (known != null) return known;
        var made = new Primitive(this, spec, threads);
        primitives.put(key, new Entry(key, made, dropped));
        return made;
    }

    Scope scope(Spec spec) {
        return new Scope(engine, spec.toString());
    }

    long stream() {
        return stream;
    }

    /// How many threads oneDNN uses when the calling thread calls it.
    void threads(int threads) {
        try {
            Api.THREADS.invokeExact(threads);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
    }

    private static void check(int status, String what) {
        if (status != 0) throw new OneDnnException(Status.of(status), what);
    }

    @Override
    public String toString() {
        return "oneDNN " + version() + " for " + instructions() + " from " + path;
    }
}
