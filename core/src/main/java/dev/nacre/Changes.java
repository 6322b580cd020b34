package dev.nacre;

import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// Changes of variables by a stretch of code, which can be taken back: a step in several calls, of which a later one may fail, changes all or nothing.
///
/// ```java
/// var made = Changes.of(List.of(), () -> { … }); // takes back what was changed if the code throws
/// if (wrong()) {
///     made.undo();
/// }
/// ```
public final class Changes {
    private static final ScopedValue<Changes> CURRENT = ScopedValue.newInstance();

    private final Map<Variable, Stored> before = new IdentityHashMap<>();
    private final Collection<Variable> except;
    private final Changes outer; // null: none

    private Changes(Collection<Variable> except) {
        this.except = except;
        this.outer = CURRENT.isBound() ? CURRENT.get() : null;
    }

    /// Runs code on this thread and remembers what the variables were that it changes. If it throws, they are that again.
    ///
    /// @param except variables that need not be remembered, because nobody relies on their values: a value that is remembered cannot be overwritten in place
    public static Changes of(Collection<Variable> except, Runnable code) {
        Steps.flush();
        Changes c = new Changes(except);
        try {
            ScopedValue.where(CURRENT, c)
                    .run(() -> {
                        code.run();
                        Steps.flush();
                    });
        } catch (Throwable e) {
            c.undo();
            throw e;
        }
        return c;
    }

    /// Gives the variables the values from before, all at once.
    public void undo() {
        Access.put(before);
    }

    /// Called before variables are changed.
    static void note(List<Variable> changing) {
        for (Changes c = CURRENT.isBound() ? CURRENT.get() : null; c != null; c = c.outer) {
            for (Variable v : changing) {
                if (!c.except.contains(v)) {
                    c.before.computeIfAbsent(v, Variable::keep);
                }
            }
        }
    }
}
