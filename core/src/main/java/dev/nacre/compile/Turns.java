package dev.nacre.compile;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// Who computes when there are more callers than processors: they take turns, first come, first served, a call at a time.
///
/// Without that the system divides the processors, by slices of time that are longer than many a call: with sixteen threads on two processors most calls go through undisturbed,
/// but one that is interrupted waits for seven slices of others, seventy times as long as it takes. In turn, each waits for about as long as the next, and
/// a few calls' intermediate values need memory instead of those of all.
///
/// Short calls do not wait: to put a thread to sleep and wake it would cost a good part of what they take. Nobody waits for long either, so a prediction
/// does not wait until two steps of training are done, nor for a thread that was stopped.
public final class Turns {
    /// Calls below this do not wait.
    private static final long SHORT_NANOS = 100_000;

    private static final long PATIENCE_MILLIS = 20;

    /// One more than there are processors, so that those have something to do while a turn is passed on.
    static final int AT_ONCE = Runtime.getRuntime().availableProcessors() + 1;

    private static final Semaphore TURNS = new Semaphore(AT_ONCE, true);

    private Turns() {}

    /// Waits for a turn. Whether the caller has one now, which it must [give back][#end()].
    ///
    /// @param nanos how long the call takes
    static boolean begin(long nanos) {
        if (nanos < SHORT_NANOS) {
            return false;
        }
        try {
            return TURNS.tryAcquire(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // for the caller to see; the call goes on
            return false;
        }
    }

    static void end() {
        TURNS.release();
    }

    /// Whether somebody waits.
    public static boolean isAwaited() {
        return TURNS.hasQueuedThreads();
    }
}
