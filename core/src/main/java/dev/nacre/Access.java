package dev.nacre;

import dev.nacre.ir.Source;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/// One call's hold on the values that it reads and the variables that it changes, so that nobody sees half a change: numbers that somebody reads are not overwritten (the new ones
/// go to memory of their own), and who wants to read what is being overwritten waits for the end of that call. Writers do not wait for readers.
///
/// Values of several variables are taken as they are between two calls that change them, not some from before and some from after; were calls to change them ever so often, that is given up after some
/// attempts.
final class Access implements AutoCloseable {
    private static final int ATTEMPTS = 16;

    // Changes of variables that have begun to be made known, and those of which all are.
    private static final AtomicLong BEGUN = new AtomicLong();
    private static final AtomicLong ENDED = new AtomicLong();

    private final List<Source> leaves;
    private final List<Optional<Variable>> targets;
    private final Stored[] values;
    private final int[] changed; // the target that is the input's variable; −1: none
    private final boolean[] held; // of the values
    private final Stored[] rooms;
    private final boolean[] seized; // of the rooms

    private Access(List<Source> leaves, List<Optional<Variable>> targets) {
        this.leaves = leaves;
        this.targets = targets;
        this.values = new Stored[leaves.size()];
        this.changed = changed(leaves, targets);
        this.held = new boolean[leaves.size()];
        this.rooms = new Stored[targets.size()];
        this.seized = new boolean[targets.size()];
    }

    /// Takes hold of values and of room for new values of variables. May compute values that were only set so far.
    ///
    /// @param leaves where each input comes from; no symbols
    /// @param targets the variable that each output is the new value of, if any
    static Access of(List<Source> leaves, List<Optional<Variable>> targets) {
        Access a = new Access(leaves, targets);
        try {
            for (int i = 1; !a.take(i == ATTEMPTS); i++) {
                a.close();
                Thread.yield();
            }
            return a;
        } catch (Throwable e) {
            a.close();
            throw e;
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

    private boolean take(boolean anyhow) {
        long ended = ENDED.get();
        long begun = BEGUN.get();
        int read = 0; // variables
        for (int i = 0; i < values.length; i++) {
            values[i] = Engine.stored(leaves.get(i));
            if (!(leaves.get(i) instanceof Variable.Current v)) {
                values[i]
                        .settle(); // whoever is writing it: it is shared, so that was the last time
            } else if (changed[i] < 0) {
                values[i].hold();
                held[i] = true;
                read++;
            }
        }
        boolean whole = read < 2 || begun == ended && BEGUN.get() == begun;
        return (whole || anyhow) && seize();
    }

    private static int[] changed(List<Source> leaves, List<Optional<Variable>> targets) {
        Map<Variable, Integer> numbers = new IdentityHashMap<>();
        for (int k = 0; k < targets.size(); k++) {
            if (targets.get(k).isPresent()) {
                numbers.put(targets.get(k).get(), k);
            }
        }
        int[] out = new int[leaves.size()];
        Arrays.fill(out, -1);
        for (int i = 0; i < out.length && !numbers.isEmpty(); i++) {
            if (leaves.get(i) instanceof Variable.Current v) {
                out[i] = numbers.getOrDefault(v.variable(), -1);
            }
        }
        return out;
    }

    /// Takes the variables that change. Waits for none while it has others: whoever has that one may wait for these.
    private boolean seize() {
        for (int k = 0; k < rooms.length; k++) {
            if (targets.get(k).isEmpty()) {
                continue;
            }
            Variable v = targets.get(k).get();
            Changes.note(v); // what is kept to be put back is not overwritten
            Stored now = v.stored();
            seized[k] = now.seize();
            rooms[k] = seized[k] ? now : Stored.room(v);
        }
        for (int i = 0; i < values.length; i++) {
            int k = changed[i];
            if (k < 0 || seized[k] && rooms[k] == values[i]) {
                continue;
            }
            if (!values[i].tryHold()) {
                Stored busy = values[i];
                close();
                busy.settle();
                return false;
            }
            held[i] = true;
        }
        return true;
    }

    /// The variables have their new values.
    void commit() {
        BEGUN.incrementAndGet();
        try {
            for (int k = 0; k < rooms.length; k++) {
                if (targets.get(k).isPresent()) {
                    targets.get(k).get().replace(rooms[k]);
                }
            }
            close();
        } finally {
            ENDED.incrementAndGet();
        }
    }

    /// Lets go of all.
    @Override
    public void close() {
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
}
