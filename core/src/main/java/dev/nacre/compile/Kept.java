package dev.nacre.compile;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Something that is kept only because making it again takes time: a plan, its frames, weights in another form. Whoever keeps it holds one of these; all together may take a share of
/// memory, and where they take more, those go that were used least recently.
///
/// ```java
/// Kept ticket = Kept.of(bytes, () -> plans.remove(key));
/// ticket.begin();    // when whoever keeps it is complete: another thread may have it give up something at once
/// ticket.touch();    // whenever it is used
/// ```
public final class Kept {
    /// The share of the heap, or of the memory for tensors if that is less: one part in so many.
    private static final int SHARE = 4;

    private static final long MOST =
            Math.min(Runtime.getRuntime().maxMemory(), Memory.limit()) / SHARE;

    private static final List<WeakReference<Kept>> ALL = new ArrayList<>();

    static {
        Memory.whenShort(Kept::spareAll);
    }

    private static volatile int now; // how many have come
    private static long unreachable; // bytes dropped since the last collection

    private final Runnable spare;
    private final Runnable drop;
    private volatile long bytes;
    private volatile int used;

    private Kept(long bytes, Runnable spare, Runnable drop) {
        this.bytes = bytes;
        this.spare = spare;
        this.drop = drop;
    }

    /// For something that is given up as a whole.
    ///
    /// @param drop lets go of it; by then it counts nothing, until it is [resized][#resize]
    public static Kept of(long bytes, Runnable drop) {
        return of(bytes, drop, drop);
    }

    /// For something that is kept.
    ///
    /// @param spare gives up what is made again soonest, when memory for tensors is short
    /// @param bytes of heap and other memory
    /// @param drop lets go of it; by then it counts nothing, until it is [resized][#resize]
    static Kept of(long bytes, Runnable spare, Runnable drop) {
        return new Kept(bytes, spare, drop);
    }

    /// From now on it counts.
    public void begin() {
        synchronized (ALL) {
            now++;
            used = now;
            ALL.add(new WeakReference<>(this));
        }
        trim();
    }

    /// It takes so much now.
    public void resize(long bytes) {
        boolean more = bytes > this.bytes;
        this.bytes = bytes;
        if (more) {
            used = now;
            trim();
        }
    }

    /// It is in use.
    public void touch() {
        int n = now;
        if (used != n) { // or else a line that all threads read would be written by all
            used = n;
        }
    }

    /// Memory for tensors is short.
    static void spareAll() {
        List<Kept> all;
        synchronized (ALL) {
            all = living();
        }
        all.forEach(k -> k.spare.run());
    }

    /// Bytes of all.
    public static long sum() {
        synchronized (ALL) {
            return living().stream().mapToLong(k -> k.bytes).sum();
        }
    }

    /// What all together may take.
    public static long most() {
        return MOST;
    }

    private static List<Kept> living() {
        List<Kept> out = new ArrayList<>(ALL.size());
        ALL.removeIf(r -> {
            Kept k = r.get();
            if (k != null) {
                out.add(k);
            }
            return k == null;
        });
        return out;
    }

    /// Those of the last moment stay in any case: they are in use.
    private static void trim() {
        List<Kept> dropped = new ArrayList<>();
        boolean isMuchUnreachable;
        synchronized (ALL) {
            List<Kept> living = living();
            long sum = living.stream().mapToLong(k -> k.bytes).sum();
            if (sum <= MOST) {
                return;
            }
            living.sort(Comparator.comparingInt(k -> k.used - now)); // it may overflow some day
            for (Kept k : living) {
                if (sum <= MOST || k.used == now) {
                    break;
                }
                if (k.bytes > 0) {
                    sum -= k.bytes;
                    dropped.add(k);
                }
            }
            for (Kept k : dropped) {
                unreachable += k.bytes;
                k.bytes = 0;
            }
            isMuchUnreachable = unreachable > MOST / 2;
            unreachable = isMuchUnreachable ? 0 : unreachable;
        }
        dropped.forEach(k -> k.drop.run()); // outside: it may wait for locks of its own
        if (isMuchUnreachable) {
            // most of it is not on the heap, whose collector sees no hurry
            WeakReference<Kept> one = new WeakReference<>(dropped.getFirst());
            dropped.clear();
            Garbage.collectAll(() -> one.refersTo(null));
        }
    }
}
