package dev.nacre.bench;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/// Charts as SVG.
final class Chart {
    private static final int LEFT = 240;
    private static final int WIDTH = 480;
    private static final int RIGHT = 70;
    private static final int STEP = 18;
    private static final int TOP = 36;
    private static final List<String> COLOURS =
            List.of("#3a7ca5", "#c8553d", "#6a994e", "#8f5ea2", "#d9a404", "#555555");

    private static final String GRID = "#dddddd";

    /// A bar, and a mark where it should reach to.
    record Bar(String name, double value, OptionalDouble goal) {}

    /// A line through points.
    record Line(String name, double[] x, double[] y) {}

    private Chart() {}

    /// Horizontal bars, with a line at 1.
    static String bars(String title, List<Bar> bars) {
        double most =
                bars.stream()
                        .mapToDouble(b -> Math.max(b.value, b.goal.orElse(0)))
                        .reduce(1, Math::max);
        StringBuilder s = open(title, TOP + STEP * bars.size() + 10);
        for (int i = 0; i < bars.size(); i++) {
            Bar b = bars.get(i);
            int y = TOP + STEP * i;
            boolean reached = b.value >= b.goal.orElse(1);
            text(s, LEFT - 48, y + 12, "end", b.name);
            text(s, LEFT - 8, y + 12, "end", String.format(Locale.ROOT, "%.2f", b.value));
            add(
                    s,
                    "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>",
                    LEFT,
                    y + 2,
                    WIDTH * b.value / most,
                    STEP - 5,
                    reached ? COLOURS.get(2) : COLOURS.get(0));
            b.goal.ifPresent(g -> {
                double x = LEFT + WIDTH * g / most;
                line(s, x, y, x, y + STEP - 1, "#c8553d", 2);
            });
        }
        double one = LEFT + WIDTH / most;
        line(s, one, TOP, one, TOP + STEP * bars.size(), "#888888", 1);
        return s.append("</svg>\n").toString();
    }

    /// Lines in a plane of two logarithmic axes.
    static String lines(String title, String xName, String yName, List<Line> lines) {
        int height = 320;
        double[] x = range(lines.stream().map(Line::x).toList());
        double[] y = range(lines.stream().map(Line::y).toList());
        StringBuilder s = open(title, TOP + height + 40);
        add(
                s,
                "<rect x=\"60\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888888\"/>",
                TOP,
                WIDTH,
                height);
        for (double v : ticks(x)) {
            int left = at(v, x, 60, WIDTH);
            line(s, left, TOP, left, TOP + height, GRID, 1);
            text(s, left, TOP + height + 16, "middle", label(v));
        }
        for (double v : ticks(y)) {
            int top = at(v, y, TOP + height, -height);
            line(s, 60, top, 60 + WIDTH, top, GRID, 1);
            text(s, 54, top + 4, "end", label(v));
        }
        text(s, 60 + WIDTH / 2, TOP + height + 34, "middle", xName);
        text(s, 64, TOP + 14, "start", yName);
        for (int k = 0; k < lines.size(); k++) {
            Line l = lines.get(k);
            String colour = COLOURS.get(k % COLOURS.size());
            StringBuilder points = new StringBuilder();
            for (int i = 0; i < l.x.length; i++) {
                points.append(at(l.x[i], x, 60, WIDTH)).append(',');
                points.append(at(l.y[i], y, TOP + height, -height)).append(' ');
            }
            add(
                    s,
                    "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>",
                    points.toString().strip(),
                    colour);
            add(
                    s,
                    "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>",
                    60 + WIDTH + 10,
                    TOP + 16 + STEP * k,
                    colour,
                    escaped(l.name));
        }
        return s.append("</svg>\n").toString();
    }

    private static double[] range(List<double[]> values) {
        double low = Double.MAX_VALUE;
        double high = 0;
        for (double[] v : values) {
            for (double d : v) {
                low = Math.min(low, d);
                high = Math.max(high, d);
            }
        }
        return new double[] {low, Math.max(high, low * 1.01)};
    }

    private static int at(double v, double[] range, int from, int length) {
        return from
                + (int) Math.round(length * Math.log(v / range[0]) / Math.log(range[1] / range[0]));
    }

    /// Powers of ten within a range or, where they would be few, of two.
    private static List<Double> ticks(double[] range) {
        double base = range[1] / range[0] >= 100 ? 10 : 2;
        List<Double> out = new ArrayList<>();
        for (int k = (int) Math.ceil(Math.log(range[0]) / Math.log(base) - 1e-9);
                Math.pow(base, k) <= range[1] * (1 + 1e-9);
                k++) {
            out.add(Math.pow(base, k));
        }
        return out;
    }

    private static String label(double v) {
        return v >= 1
                ? String.format(Locale.ROOT, "%,.0f", v)
                : BigDecimal.valueOf(v).stripTrailingZeros().toPlainString();
    }

    private static StringBuilder open(String title, int height) {
        StringBuilder s = new StringBuilder();
        int width = LEFT + WIDTH + RIGHT;
        add(
                s,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">",
                width,
                height);
        add(s, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>", width, height);
        text(s, 10, 20, "start", title);
        return s;
    }

    private static void text(StringBuilder s, int x, int y, String anchor, String text) {
        add(s, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>", x, y, anchor, escaped(text));
    }

    private static void line(
            StringBuilder s,
            double fromX,
            int fromY,
            double toX,
            int toY,
            String colour,
            int width) {
        add(
                s,
                "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"%s\" stroke-width=\"%d\"/>",
                fromX,
                fromY,
                toX,
                toY,
                colour,
                width);
    }

    private static void add(StringBuilder s, String format, Object... args) {
        s.append(String.format(Locale.ROOT, format, args)).append('\n');
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
