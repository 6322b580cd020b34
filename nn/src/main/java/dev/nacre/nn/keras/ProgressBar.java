package dev.nacre.nn.keras;

import dev.nacre.nn.train.Screen;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/// Shows how `fit` goes: on a terminal a line that is drawn over while an epoch goes on, and what came of it at its end; elsewhere only that, in one line.
final class ProgressBar implements AutoCloseable {
    private static final long PAUSE_NANOS = 100_000_000L;
    private static final int LONGEST = 30;
    private static final int SHORTEST = 5;

    private final Screen screen;
    private final LongSupplier clock;
    private String epoch = "";
    private int steps;
    private long begin;
    private long shown;
    private boolean open; // the cursor stands behind a line that is drawn over

    ProgressBar(Screen screen, LongSupplier clock) {
        this.screen = screen;
        this.clock = clock;
    }

    /// @param number from 1
    void begin(int number, int epochs, int steps) {
        this.epoch = "Epoch " + number + "/" + epochs;
        this.steps = steps;
        this.begin = clock.getAsLong();
        this.shown = begin;
    }

    /// After a step.
    ///
    /// @param number from 1
    void step(int number, Supplier<Map<String, Double>> logs) {
        long now = clock.getAsLong();
        if (!screen.live() || now - shown < PAUSE_NANOS) {
            return;
        }
        shown = now;
        draw(live(number, now, logs.get()));
    }

    /// What is in the way of the width is left out from the right; the bar takes what is left.
    private String live(int number, long now, Map<String, Double> logs) {
        String count = String.valueOf(steps);
        String head =
                epoch + "  " + " ".repeat(count.length() - digits(number)) + number + "/" + count;
        double each = (now - begin) / 1e9 / number;
        StringBuilder tail =
                new StringBuilder("  " + Screen.time(each * (steps - number)) + " left");
        int room = screen.width() - 1 - head.length();
        for (String item : items(logs)) {
            if (tail.length() + 3 + item.length() > room) {
                break;
            }
            tail.append(" - ").append(item);
        }
        int bar = Math.min(LONGEST, room - tail.length() - 3);
        String line = head + (bar < SHORTEST ? "" : Screen.bar(bar, number, steps)) + tail;
        return line.substring(0, Math.min(line.length(), Math.max(0, screen.width() - 1)));
    }

    private static int digits(int n) {
        return String.valueOf(n).length();
    }

    /// After the epoch and its validation.
    void end(Map<String, Double> logs) {
        List<String> items = new ArrayList<>(List.of(epoch));
        if (screen.live()) {
            items.add(Screen.time((clock.getAsLong() - begin) / 1e9));
        }
        items.addAll(items(logs));
        if (open) {
            draw("");
            screen.out().print('\r');
            open = false;
        }
        String line = "";
        for (String item : items) {
            String longer = line.isEmpty() ? item : line + " - " + item;
            if (screen.live() && !line.isEmpty() && longer.length() >= screen.width()) {
                screen.out().println(line);
                longer = "  " + item;
            }
            line = longer;
        }
        screen.out().println(line);
        screen.out().flush();
    }

    private void draw(String line) {
        screen.draw(line);
        open = true;
    }

    private static List<String> items(Map<String, Double> logs) {
        return logs.entrySet().stream().map(e -> e.getKey() + ": " + number(e.getValue())).toList();
    }

    /// Four places, or four digits of a small number, as Keras prints it.
    private static String number(double v) {
        return String.format(Locale.ROOT, v == 0 || !(Math.abs(v) <= 1e-3) ? "%.4f" : "%.4e", v);
    }

    /// Leaves a line that was being drawn over, if something has gone wrong.
    @Override
    public void close() {
        if (open) {
            open = false;
            screen.out().println();
            screen.out().flush();
        }
    }
}
