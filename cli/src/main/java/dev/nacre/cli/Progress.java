package dev.nacre.cli;

import dev.nacre.nn.train.Screen;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.LongSupplier;

/// Shows how a training run goes: on a terminal one line that is drawn over, elsewhere a plain line now and then and one at the end of each stage.
///
/// Nothing about the terminal is changed, so there is nothing to restore when the program is interrupted, except that the line is then left.
final class Progress {
    private static final long LIVE_NANOS = 100_000_000L;
    private static final long PLAIN_NANOS = 10_000_000_000L;
    private static final int BAR = 20;
    private static final int SHORTEST_BAR = 13; // with brackets and space
    private static final int ACCURACY = 1; // places of parts
    private static final int RATE = 2;
    private static final int LONGEST_RATE = "  123,456 ex/s".length();
    private static final int LONGEST_TEXT =
            "  loss 0.1234  accuracy 0.1234  123,456 ex/s  10:00 left".length();

    /// What there is to do.
    ///
    /// @param steps of the whole run
    /// @param each steps of a stage; the last one may have fewer
    /// @param size examples of a step
    /// @param epochs whether stages are epochs of batches, to be named so
    record Work(long steps, long each, long size, boolean epochs) {
        private long stages() {
            return Math.ceilDiv(steps, each);
        }

        private long stageOf(long step) {
            return (step - 1) / each + 1;
        }

        private boolean isLast(long step) {
            return step % each == 0 || step == steps;
        }

        private String place(long step, boolean whole) {
            if (!epochs) {
                return "step " + step + "/" + steps;
            }
            String epoch = "epoch " + stageOf(step) + "/" + stages();
            return whole ? epoch : epoch + " batch " + ((step - 1) % each + 1) + "/" + each;
        }
    }

    private final Screen screen;
    private final LongSupplier clock;
    private final Work work;
    private final Thread atExit;
    private volatile boolean open; // the cursor stands behind a live line
    private final long begin;
    private final long before; // steps that were done when this run began
    private long shown;
    private long warm; // when the first step ended, which compiles
    private double loss;
    private long correct;
    private long seen;

    /// @param before steps that an earlier run has done
    Progress(Screen screen, LongSupplier clock, Work work, long before) {
        this.screen = screen;
        this.clock = clock;
        this.work = work;
        this.before = before;
        this.begin = clock.getAsLong();
        this.shown = begin;
        this.atExit = Thread.ofPlatform().unstarted(this::leaveLine);
        if (screen.live()) {
            Runtime.getRuntime().addShutdownHook(atExit);
        }
    }

    /// Records a step.
    ///
    /// @param step from 1
    void step(long step, long count, double batchLoss, long batchCorrect) {
        if ((step - 1) % work.each == 0) {
            loss = 0;
            correct = 0;
            seen = 0;
        }
        loss += batchLoss * count;
        correct += batchCorrect;
        seen += count;
        long now = clock.getAsLong();
        if (step == before + 1) {
            warm = now;
        }
        if (work.isLast(step)) {
            line(step, now);
            if (screen.live()) {
                screen.out().println();
                open = false;
            }
            screen.out().flush();
        } else if (now - shown >= (screen.live() ? LIVE_NANOS : PLAIN_NANOS)) {
            line(step, now);
        }
    }

    private void line(long step, long now) {
        shown = now;
        long done = step - before;
        double perSecond = // without the first step, once there are others
                done == 1
                        ? work.size * 1e9 / Math.max(1, now - begin)
                        : (done - 1) * work.size * 1e9 / Math.max(1, now - warm);
        List<String> parts =
                new ArrayList<>(
                        List.of(
                                String.format(Locale.ROOT, "loss %.4f", loss / seen),
                                String.format(
                                        Locale.ROOT, "accuracy %.4f", (double) correct / seen),
                                String.format(
                                        Locale.ROOT,
                                        "%,d %s",
                                        Math.round(perSecond),
                                        screen.live() ? "ex/s" : "examples/s"),
                                Screen.time((work.steps - step) * work.size / perSecond)
                                        + " left"));
        if (screen.live()) {
            screen.draw(fitted(step, parts));
            open = true;
        } else {
            screen.out().println(work.place(step, work.isLast(step)) + text(parts));
            screen.out().flush();
        }
    }

    private static String text(List<String> parts) {
        return "  " + String.join("  ", parts);
    }

    /// Not longer than the screen is wide. While a stage goes on, a bar comes before the rate of examples, which the stage's last line shows; what has no room is left out, always the same.
    private String fitted(long step, List<String> parts) {
        int room = screen.width() - 1;
        int free = room - work.place(work.steps, false).length() - LONGEST_TEXT;
        boolean last = work.isLast(step);
        if (free < (last ? 0 : SHORTEST_BAR)) {
            parts.remove(RATE);
            free += LONGEST_RATE;
        }
        if (free < 0) {
            parts.remove(ACCURACY);
        }
        String line = work.place(step, false) + (last ? "" : bar(step, free)) + text(parts);
        return line.substring(0, Math.min(line.length(), room)).stripTrailing();
    }

    /// As long as there is room for, brackets and space included.
    private String bar(long step, int room) {
        int length = Math.min(BAR, room - 3);
        if (length < 3) {
            return "";
        }
        long first = (work.stageOf(step) - 1) * work.each;
        long steps = Math.min(work.each, work.steps - first);
        return Screen.bar(length, step - first, steps);
    }

    /// The whole run is over, well or not.
    void close() {
        leaveLine();
        if (screen.live()) {
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
            screen.out().println();
            screen.out().flush();
        }
    }
}
