package dev.nacre.compile;

import java.util.function.Supplier;

/// Room on the calling thread's stack, for native code. The JVM keeps some 80 KiB free below its own frames, and ends the process when native code needs more, or when a call from native code back into
/// Java finds no room; so who may need more asks here before.
public final class Stack {
    /// Of the threads that native code runs on which the caller has no room for.
    private static final long LARGE = 16 << 20;

    /// To start a thread and wait for it, with all that may have to be loaded for that.
    private static final int WAITING = 1 << 14;

    /// At least so many bytes of each frame of [#touch], compiled.
    private static final int FRAME = 128;

    private Stack() {}

    /// Throws the error that a call back into Java must not throw, before there is native code on the stack.
    ///
    /// @throws StackOverflowError if there is less room
    public static void reserve(int bytes) {
        touch(bytes / FRAME, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    }

    /// Runs work that needs so much room: here, or on a thread of its own.
    public static <T> T with(int bytes, Supplier<T> work) {
        return has(bytes) ? work.get() : elsewhere(work);
    }

    /// Whether there is so much room here.
    public static boolean has(int bytes) {
        try {
            reserve(bytes);
            return true;
        } catch (StackOverflowError _) {
            return false;
        }
    }

    /// Runs work on a thread with a large stack, and waits for it whatever happens.
    ///
    /// @throws StackOverflowError if there is no room even to wait, before anything has begun
    public static <T> T elsewhere(Supplier<T> work) {
        reserve(WAITING);
        var run =
                new Runnable() {
                    private T result;
                    private Throwable thrown;

                    @Override
                    public void run() {
                        try {
                            result = work.get();
                        } catch (Throwable e) {
                            thrown = e;
                        }
                    }
                };
        var thread = new Thread(null, run, "nacre-native", LARGE);
        thread.setDaemon(true);
        thread.start();
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException _) {
                interrupted = true;
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        return switch (run.thrown) {
            case null -> run.result;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        };
    }

    /// Each frame keeps its arguments until the one below returns.
    private static long touch(
            int frames,
            long a,
            long b,
            long c,
            long d,
            long e,
            long f,
            long g,
            long h,
            long i,
            long j,
            long k,
            long l,
            long m,
            long n,
            long o,
            long p) {
        if (frames <= 0) return a;
        long below = touch(frames - 1, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, a);
        return below ^ a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l ^ m ^ n ^ o ^ p;
    }
}
