package dev.nacre.nn.train;

import dev.nacre.type.NacreException;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/// One iteration over batches. Closing it, or giving it up, ends the thread that prepares them.
public final class Prefetch implements Iterator<Batch>, AutoCloseable {
    /// How often the thread looks whether anybody still wants its batches.
    private static final long LOOK_MILLIS = 200;

    /// A batch, or why there is none.
    private record Result(Batch batch, Throwable failure) {}

    /// What the thread shares with the iterator; it must not know the iterator, which is to become unreachable when it is given up.
    private static final class Feed implements Runnable {
        final int count;
        final IntFunction<Batch> batches;
        final BlockingQueue<Result> queue;
        volatile boolean closed;
        volatile Reference<Prefetch> iterator = new WeakReference<>(null);

        Feed(int count, int ahead, IntFunction<Batch> batches) {
            this.count = count;
            this.batches = batches;
            this.queue = new ArrayBlockingQueue<>(Math.max(1, Math.min(ahead, count)));
        }

        @Override
        public void run() {
            try {
                for (int i = 0; i < count && !closed; i++) {
                    Result r = prepare(i);
                    while (!queue.offer(r, LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
                        if (iterator.refersTo(null)) {
                            return; // it was given up
                        }
                    }
                    if (r.failure != null) {
                        return;
                    }
                }
            } catch (InterruptedException _) {
                // closed
            }
        }

        Result prepare(int number) {
            try {
                return new Result(batches.apply(number), null);
            } catch (
                    Throwable
                            e) { // errors too: the loop must not wait for a batch that never comes
                return new Result(null, e);
            }
        }
    }

    private final Feed feed;
    private final boolean background;
    private final Optional<Thread> thread;
    private int next;

    private Prefetch(Feed feed, boolean background) {
        this.feed = feed;
        this.background = background;
        feed.iterator = new WeakReference<>(this);
        this.thread =
                background
                        ? Optional.of(
                                Thread.ofPlatform().daemon().name("nacre-batches").start(feed))
                        : Optional.empty();
    }

    static Prefetch of(int count, int ahead, IntFunction<Batch> batches) {
        return new Prefetch(new Feed(count, ahead, batches), ahead > 0);
    }

    @Override
    public boolean hasNext() {
        return next < feed.count && !feed.closed;
    }

    @Override
    public Batch next() {
        if (!hasNext()) {
            throw new NoSuchElementException("batches: the iteration has ended");
        }
        Result r;
        try {
            r = background ? feed.queue.take() : feed.prepare(next);
        } catch (InterruptedException e) {
            close();
            Thread.currentThread().interrupt();
            throw new NacreException("batches: interrupted while waiting for number " + next, e);
        }
        if (r.failure != null) {
            close();
            if (r.failure instanceof Error e) {
                throw e;
            }
            throw new NacreException(
                    "batches: preparing number " + next + " failed: " + r.failure.getMessage(),
                    r.failure);
        }
        next++;
        return r.batch;
    }

    @Override
    public void close() {
        feed.closed = true;
        thread.ifPresent(Thread::interrupt);
    }

    @Override
    public String toString() {
        return "Prefetch(" + next + " of " + feed.count + " batches taken)";
    }
}
