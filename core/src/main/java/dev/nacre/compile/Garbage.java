package dev.nacre.compile;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/// Has the JVM look for what nobody can reach. Where it does not listen to `System.gc()` (`-XX:+DisableExplicitGC`), it is made to: by objects until it needs the room.
final class Garbage {
    /// Small enough for the young generation of any collector.
    private static final int PIECE = 64 << 10;

    /// The heap is filled in so many pieces: large ones, so that there is still room for what other threads need when the last one no longer fits.
    private static final int PIECES = 32;

    private static volatile boolean deaf; // System.gc() does nothing
    private static volatile byte[] sink; // or else the JIT would allocate nothing

    private Garbage() {}

    /// Finds what has become unreachable lately, or all of it.
    static void collect() {
        if (!deaf) {
            WeakReference<Object> probe = new WeakReference<>(new Object());
            System.gc();
            deaf = !probe.refersTo(null);
        }
        if (deaf) {
            young();
        }
    }

    /// Finds all, however long that takes.
    ///
    /// @param enough whether what has been found is enough
    static void collectAll(BooleanSupplier enough) {
        collect();
        if (deaf && !enough.getAsBoolean()) {
            old(enough);
        }
    }

    /// A collection of young objects comes when enough have been made.
    private static void young() {
        WeakReference<Object> probe = new WeakReference<>(new Object());
        long most = Runtime.getRuntime().maxMemory() / PIECE;
        for (long i = 0; i < most && !probe.refersTo(null); i++) {
            sink = new byte[PIECE];
        }
        sink = null;
    }

    /// One of old objects comes when the heap is full of what is still in use.
    private static void old(BooleanSupplier enough) {
        long piece = Runtime.getRuntime().maxMemory() / PIECES;
        int bytes = Math.clamp(piece, PIECE, 1 << 30);
        List<byte[]> held = new ArrayList<>(2 * PIECES);
        try {
            for (int i = 0; i < PIECES + 1 && !enough.getAsBoolean(); i++) {
                held.add(new byte[bytes]);
            }
        } catch (OutOfMemoryError e) {
            held.clear(); // before it came, all was found
        }
    }
}
