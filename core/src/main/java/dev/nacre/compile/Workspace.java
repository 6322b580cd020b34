package dev.nacre.compile;

import java.util.ArrayList;
import java.util.List;

/// Memory for the intermediate values of one call at a time. All plans share them: what one has given back serves the next, so that a hundred plans that run one after the other need no more than the
/// largest of them, and as many are there as calls were ever under way at once. Unlike tensors they are freed at once, not when a collection finds that nobody reaches them.
final class Workspace {
    /// A call does not take one that is so much larger than it needs: another may need it.
    private static final int TOO_LARGE = 4;

    private static final List<Workspace> IDLE = new ArrayList<>(); // the last used last

    static {
        Memory.whenShort(Workspace::release);
    }

    private final Memory.Block block;
    private int user; // the last one

    private Workspace(long bytes) {
        block = Memory.borrow(bytes, "intermediate values");
    }

    /// One of at least so many bytes; what is in it is left over from others.
    static Workspace take(long bytes, Plan user) {
        Workspace idle = fitting(bytes);
        Workspace w = idle != null ? idle : new Workspace(bytes);
        assert w.poisonedFor(System.identityHashCode(user));
        return w;
    }

    /// Whether nothing that another plan has left could pass for a number.
    private boolean poisonedFor(int next) {
        boolean same = user == next;
        user = next;
        return same || Pool.poisoned(block.memory());
    }

    private static Workspace fitting(long bytes) {
        List<Workspace> outgrown = new ArrayList<>();
        synchronized (IDLE) {
            int best = -1;
            for (int i = IDLE.size() - 1; i >= 0; i--) {
                long size = IDLE.get(i).bytes();
                if (size >= bytes
                        && size / TOO_LARGE <= bytes
                        && (best < 0 || size < IDLE.get(best).bytes())) {
                    best = i;
                }
            }
            if (best >= 0) {
                return IDLE.remove(best);
            }
            for (Workspace w : IDLE) {
                if (w.bytes() < bytes && w.bytes() >= bytes / TOO_LARGE) {
                    outgrown.add(w); // the larger one will serve in its place
                }
            }
            IDLE.removeAll(outgrown);
        }
        outgrown.forEach(w -> Memory.giveBack(w.block));
        return null;
    }

    /// Leaves it to the next call.
    void giveBack() {
        List<Workspace> old = List.of();
        synchronized (IDLE) {
            IDLE.add(this);
            long sum = 0;
            int first = IDLE.size() - 1;
            while (first > 0 && (sum += IDLE.get(first - 1).bytes()) <= Memory.limit() / 8) {
                first--;
            }
            if (first > 0) {
                old = List.copyOf(IDLE.subList(0, first));
                IDLE.subList(0, first).clear();
            }
        }
        old.forEach(w -> Memory.giveBack(w.block));
    }

    /// Frees those that nobody uses now.
    static void release() {
        List<Workspace> all;
        synchronized (IDLE) {
            all = List.copyOf(IDLE);
            IDLE.clear();
        }
        all.forEach(w -> Memory.giveBack(w.block));
    }

    long bytes() {
        return block.memory().byteSize();
    }

    long address() {
        return Memory.address(block.memory());
    }
}
