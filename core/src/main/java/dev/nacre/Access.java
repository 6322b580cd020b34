package dev.nacre;

import dev.nacre.ir.Source;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/// One call's hold on the values that it reads and the variables that it changes, so that nobody sees half a change. There is no other way to change a variable.
///
/// Of calls that change a variable in common each begins when the one before has ended: it has the variable's lock. Readers have none: numbers that somebody reads are not overwritten (the new ones go to
/// memory of their own), and who wants to read what is being overwritten waits for the end of that call. Writers do not wait for readers.
///
/// Values of several variables are taken as they are between two calls that change them, not some from before and some from after. That is tried without locks first; were calls to change them ever so
/// often, the reader takes their locks for the moment in which it takes hold of the values.
final class Access implements AutoCloseable {
    private static final int ATTEMPTS = 4;

    // Changes of variables that have begun to be made known, and those of which all are.
    private static final AtomicLong BEGUN = new AtomicLong();
    private static final AtomicLong ENDED = new AtomicLong();

    private final List<Source> leaves;
    private final Engine.Targets targets;
    private final Stored[] values;
    private final boolean[] held; // of the values
    private final Stored[] rooms;
    private final boolean[] seized; // of the rooms
    private List<Variable> locks = List.of();
    private int locked; // so many of them

    private Access(List<Source> leaves, Engine.Targets targets) {
        this.leaves = leaves;
        this.targets = targets;
        this.values = new Stored[leaves.size()];
        this.held = new boolean[leaves.size()];
        this.rooms = new Stored[targets.outputs().size()];
        this.seized = new boolean[rooms.length];
    }

    /// Takes hold of values and of room for new values of variables. May compute values that were only set so far.
    ///
    /// @param leaves where each input comes from; no symbols
    /// @param targets the variable that each output is the new value of, if any
    static Access of(List<Source> leaves, Engine.Targets targets) {
        boolean traced = Trace.current().isPresent(); // then there are no values
        for (Source s : leaves) {
            if (s instanceof Variable.Current v && (traced || v.variable().pending().isPresent())) {
                v.variable().value(); // before any lock is taken: computing it may take some
            }
        }
        Access a = new Access(leaves, targets);
        try {
            a.lock(targets.ordered());
            for (int i = 1; !a.take(); i++) {
                a.letGo();
                if (i == ATTEMPTS) {
                    a.unlock();
                    a.lock(a.all());
                }
            }
            a.seize();
            if (targets.ordered().isEmpty()) {
                a.unlock();
            }
            return a;
        } catch (Throwable e) {
            a.close();
            throw e;
        }
    }

    /// Puts values in place of what variables have, all at once.
    static void put(Map<Variable, Stored> values) {
        List<Variable> variables = List.copyOf(values.keySet());
        var targets = Engine.Targets.of(variables.stream().map(Optional::of).toList());
        try (Access a = new Access(List.of(), targets)) {
            a.lock(targets.ordered());
            Changes.note(targets.ordered());
            for (int k = 0; k < a.rooms.length; k++) {
                a.rooms[k] = values.get(variables.get(k));
            }
            a.commit();
        }
    }

    /// The value of an input.
    Stored value(int input) {
        return values[input];
    }

    /// Room for the new value of an output's variable.
    Stored room(int output) {
        return rooms[output];
    }

    // ------------------------------------------------------------------------------------------
    // locks

    private void lock(List<Variable> ordered) {
        locks = ordered;
        for (Variable v : ordered) {
            v.lock();
            locked++;
        }
    }

    private void unlock() {
        while (locked > 0) {
            locks.get(--locked).unlock();
        }
    }

    /// All variables that are read or changed, in the order in which locks are taken.
    private List<Variable> all() {
        return Stream.concat(
                        targets.ordered().stream(),
                        leaves.stream().map(Access::read).flatMap(Collection::stream))
                .distinct()
                .sorted(Comparator.comparingLong(Variable::number))
                .toList();
    }

    private static List<Variable> read(Source leaf) {
        return switch (leaf) {
            case Variable.Current v -> List.of(v.variable());
            case Steady.Value v -> v.steady().variables();
            default -> List.of();
        };
    }

    // ------------------------------------------------------------------------------------------
    // values

    /// Takes hold of the values of variables whose lock this thread has not: others do not change meanwhile. Whether all values are from between two changes.
    private boolean take() {
        long ended = ENDED.get();
        long begun = BEGUN.get();
        int read = 0; // variables
        // asked for its values once: it looks at all variables that they are made of
        Steady steady = null;
        List<Stored> kept = List.of();
        for (int i = 0; i < values.length; i++) {
            Source leaf = leaves.get(i);
            if (leaf instanceof Variable.Current c) {
                Variable v = c.variable();
                values[i] = v.now();
                if (!v.isLocked()) {
                    values[i].hold();
                    held[i] = true;
                    read++;
                }
            } else if (leaf instanceof Steady.Value s) {
                if (s.steady() != steady) {
                    steady = s.steady();
                    kept = steady.values();
                    read += steady.areLocked() ? 0 : 2;
                }
                values[i] = kept.get(s.number());
            } else {
                values[i] = Engine.stored(leaf);
                // whoever is writing it: it is shared, so that was the last time
                values[i].settle();
            }
        }
        return read < 2 || !targets.whole() || begun == ended && BEGUN.get() == begun;
    }

    /// Takes the variables that change, and hold of what they were. Waits for nobody, as others may wait for this call by now.
    private void seize() {
        if (locked == 0) {
            return; // nothing changes
        }
        Changes.note(targets.ordered()); // what is kept to be put back is not overwritten
        for (int k = 0; k < rooms.length; k++) {
            Variable v = targets.outputs().get(k).orElse(null);
            if (v != null) {
                Stored now = v.stored();
                seized[k] = now.seize();
                rooms[k] = seized[k] ? now : Stored.room(v);
            }
        }
        for (int i = 0; i < values.length; i++) {
            if (!held[i] && leaves.get(i) instanceof Variable.Current) {
                held[i] = values[i].tryHold(); // or it is this call that overwrites it
            }
        }
    }

    /// The variables have their new values.
    void commit() {
        BEGUN.incrementAndGet();
        try {
            for (int k = 0; k < rooms.length; k++) {
                if (targets.outputs().get(k).isPresent()) {
                    targets.outputs().get(k).get().replace(rooms[k]);
                }
            }
            letGo();
        } finally {
            ENDED.incrementAndGet();
        }
    }

    private void letGo() {
        for (int k = 0; k < rooms.length; k++) {
            if (seized[k]) {
                seized[k] = false;
                rooms[k].written();
            }
        }
        for (int i = 0; i < values.length; i++) {
            if (held[i]) {
                held[i] = false;
                values[i].release();
            }
        }
    }

    /// Lets go of all.
    @Override
    public void close() {
        letGo();
        unlock();
    }
}
