package dev.nacre.cli;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongSupplier;

/// Shows how a training run goes: on a terminal one line that is drawn over, elsewhere a plain line now and then and one per epoch.
///
/// Nothing about the terminal is changed, so there is nothing to restore when the program is interrupted, except that the line is then left.
final class Progress {
    private static final long LIVE_NANOS = 100_000_000L;
    private static final long PLAIN_NANOS = 10_000_000_000L;
    private static final int BAR = 20;

    /// Where the progress is shown.
    ///
    /// @param live whether lines can be drawn over
    /// @param width in characters
    record Screen(PrintWriter out, boolean live, int width) {}

    private final Screen screen;
    private final LongSupplier clock;
    private final int epochs;
    private final int batches;
    private final long examples; // per epoch
    private final Thread atExit;
    private volatile boolean open; // the cursor stands behind a live line
    private long begin;
    private long shown;
    private long firstSteps; // examples of the first step, which compiles, and when it ended
    private long warm;
    private double loss;
    private long correct;
    private long seen;

    Progress(Screen screen, LongSupplier clock, int epochs, int batches, int batch) {
        this.screen = screen;
        this.clock = clock;
        this.epochs = epochs;
        this.batches = batches;
        this.examples = (long) batches * batch;
        this.begin = clock.getAsLong();
        this.shown = begin;
        this.atExit = Thread.ofPlatform().unstarted(this::leaveLine);
        if (screen.live) {
            Runtime.getRuntime().addShutdownHook(atExit);
        }
    }

    /// Records a step.
    ///
    /// @param epoch from 1
    /// @param batch from 1
    void step(int epoch, int batch, int count, double batchLoss, long batchCorrect) {
        if (batch == 1) {
            loss = 0;
            correct = 0;
            seen = 0;
        }
        loss += batchLoss * count;
        correct += batchCorrect;
        seen += count;
        long now = clock.getAsLong();
        if (epoch == 1 && batch == 1) {
            warm = now;
            firstSteps = count;
        }
        if (batch == batches) {
            line(epoch, batch, now);
            if (screen.live) {
                screen.out.println();
                open = false;
            }
            screen.out.flush();
        } else if (now - shown >= (screen.live ? LIVE_NANOS : PLAIN_NANOS)) {
            line(epoch, batch, now);
        }
    }

    private void line(int epoch, int batch, long now) {
        shown = now;
        long done = (epoch - 1) * examples + seen;
        long left = epochs * examples - done;
        double perSecond =
                done == firstSteps
                        ? done * 1e9 / Math.max(1, now - begin)
                        : (done - firstSteps) * 1e9 / Math.max(1, now - warm);
        String place = "epoch " + epoch + "/" + epochs;
        String text =
                String.format(
                        Locale.ROOT,
                        "  loss %.4f  accuracy %.4f  %,d %s  %s left",
                        loss / seen,
                        (double) correct / seen,
                        Math.round(perSecond),
                        screen.live ? "ex/s" : "examples/s",
                        time(left / perSecond));
        if (screen.live) {
            String head = place + " batch " + batch + "/" + batches;
            String line = head + bar(screen.width - 1 - head.length() - text.length()) + text;
            screen.out.print(
                    "\r"
                            + line.substring(0, Math.min(line.length(), screen.width - 1))
                            + "\u001b[K");
            open = true;
        } else {
            screen.out.println(
                    place + (batch == batches ? "" : " batch " + batch + "/" + batches) + text);
        }
        screen.out.flush();
    }

    /// As long as there is room for, brackets and space included.
    private String bar(int room) {
        int length = Math.min(BAR, room - 3);
        if (length < 3) {
            return "";
        }
        int filled = (int) (length * seen / examples);
        return " [" + "=".repeat(filled) + " ".repeat(length - filled) + "]";
    }

    private static String time(double seconds) {
        long s = Math.round(seconds);
        return s >= 3600
                ? String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60)
                : String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60);
    }

    /// The whole run is over, well or not.
    void close() {
        leaveLine();
        if (screen.live) {
            try {
                Runtime.getRuntime().removeShutdownHook(atExit);
            } catch (IllegalStateException _) {
                return; // exiting already
            }
        }
    }

    private void leaveLine() {
        if (open) {
            open = false;
            screen.out.println();
            screen.out.flush();
        }
    }
}
