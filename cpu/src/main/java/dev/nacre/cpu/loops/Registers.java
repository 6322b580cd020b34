package dev.nacre.cpu.loops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Which register holds what. Code is written twice by the same writer: the first time this class only notes where each value is defined and used, then values get registers (a linear scan over
/// their lifetimes, Poletto and Sarkar 1999), and the second time the writer asks for them. What gets none stays in a slot of memory, which most instructions can read.
final class Registers {
    /// Vectors; the ones above are left to the writer for single instructions.
    static final int VECTORS = 27;

    /// Masks, from 1 on; the ones above are the writer's.
    static final int MASKS = 4;

    enum Kind {
        VECTOR,
        MASK
    }

    /// Where a value is.
    private static final class Life {
        final Kind kind;
        final int start;
        final List<Object> hints;
        int end;
        double uses;
        int register = -1;
        int slot = -1;

        Life(Kind kind, int start, List<Object> hints) {
            this.kind = kind;
            this.start = start;
            this.end = start;
            this.hints = hints;
        }

        /// What a register saves.
        double worth() {
            return uses / (end - start + 1);
        }
    }

    /// A loop being written: what lives before it and is used in it must live to its end.
    private record Loop(int start, Set<Life> through) {}

    private final Map<Object, Life> lives = new HashMap<>();
    private final List<Loop> loops = new ArrayList<>();
    private int position;
    private boolean assigned;
    private int slots;

    /// Notes that a value comes into being here; it would best take the register of one of those that may die here.
    void define(Object key, Kind kind, List<?> dying) {
        if (assigned) return;
        position++;
        lives.put(key, new Life(kind, position, List.copyOf(dying)));
        use(key);
    }

    /// Notes that a value is read, or changed, here.
    void use(Object key) {
        if (assigned) return;
        var life = lives.get(key);
        if (life == null) throw new IllegalStateException("not computed yet: " + key);
        life.end = Math.max(life.end, position);
        life.uses += Math.pow(8, loops.size());
        for (var loop : loops) if (life.start <= loop.start) loop.through.add(life);
    }

    void beginLoop() {
        if (!assigned) loops.add(new Loop(position, new HashSet<>()));
    }

    void endLoop() {
        if (assigned) return;
        position++;
        for (var life : loops.removeLast().through) life.end = position;
    }

    boolean holds(Object key) {
        return lives.containsKey(key);
    }

    /// The register of a value; −1 if it has none.
    int register(Object key) {
        return assigned ? lives.get(key).register : 0;
    }

    /// The slot of a value without a register.
    int slot(Object key) {
        return lives.get(key).slot;
    }

    int slots() {
        return slots;
    }

    /// Gives out the registers.
    void assign() {
        var order = new ArrayList<>(lives.values());
        order.sort(Comparator.comparingInt(life -> life.start));
        for (var kind : Kind.values()) {
            var free = new boolean[kind == Kind.VECTOR ? VECTORS : MASKS + 1];
            Arrays.fill(free, kind == Kind.VECTOR ? 0 : 1, free.length, true);
            var active = new ArrayList<Life>();
            for (var life : order) if (life.kind == kind) assign(life, active, free);
        }
        for (var life : order) if (life.register < 0) life.slot = slots++;
        assigned = true;
    }

    private void assign(Life life, List<Life> active, boolean[] free) {
        active.removeIf(old -> {
            if (old.end >= life.start) return false;
            free[old.register] = true;
            return true;
        });
        int register = choose(life, free);
        if (register < 0) {
            var least = life;
            for (var other : active) if (other.worth() < least.worth()) least = other;
            if (least == life) return;
            register = least.register;
            least.register = -1;
            active.remove(least);
        }
        free[register] = false;
        life.register = register;
        active.add(life);
    }

    private int choose(Life life, boolean[] free) {
        for (var hint : life.hints) {
            var other = lives.get(hint);
            if (other != null && other.register >= 0 && free[other.register]) return other.register;
        }
        for (int r = 0; r < free.length; r++) if (free[r]) return r;
        return -1;
    }
}
