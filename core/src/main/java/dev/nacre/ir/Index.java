package dev.nacre.ir;

import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// One item of an index as NumPy writes it between brackets: `x[1:3, ::2, -1, ..., None]`.
sealed interface Index {
    /// One position of an axis, which is removed.
    record At(long position) implements Index {}

    /// `start:stop:step`; what is left out runs to the end in the direction of the step.
    record Range(long start, long stop, long step) implements Index {}

    /// A new axis of size 1.
    record NewAxis() implements Index {}

    /// As many whole axes as are left over.
    record Rest() implements Index {}

    Pattern NUMBER = Pattern.compile("[+-]?\\d{1,18}");
    Pattern RANGE =
            Pattern.compile(
                    "([+-]?\\d{1,18})?\\s*:\\s*([+-]?\\d{1,18})?\\s*(?::\\s*([+-]?\\d{1,18})?)?");

    /// Reads the items between commas.
    static List<Index> parse(String text) {
        List<Index> items = new ArrayList<>();
        for (String item : text.split(",", -1)) {
            items.add(item(item.strip(), text));
        }
        if (items.stream().filter(Rest.class::isInstance).count() > 1) {
            throw new ShapeException("at: '...' may occur only once in \"" + text + "\"");
        }
        return items;
    }

    private static Index item(String item, String text) {
        if (item.equals("...")) {
            return new Rest();
        }
        if (item.equals("None") || item.equals("newaxis")) {
            return new NewAxis();
        }
        if (NUMBER.matcher(item).matches()) {
            return new At(Long.parseLong(item));
        }
        Matcher range = RANGE.matcher(item);
        if (!range.matches()) {
            throw new ShapeException(
                    "at: cannot read '" + item + "' in \"" + text + "\"\n  hint: " + hint(text));
        }
        long step = number(range.group(3), 1);
        if (step == 0) {
            throw new ShapeException("at: the step must not be 0, as in '" + item + "'");
        }
        return new Range(
                number(range.group(1), step > 0 ? 0 : Long.MAX_VALUE),
                number(range.group(2), step > 0 ? Long.MAX_VALUE : Long.MIN_VALUE),
                step);
    }

    private static String hint(String text) {
        String inner = text.strip();
        if (inner.matches("\\[.*]|\\(.*\\)")) {
            inner = inner.substring(1, inner.length() - 1).strip();
            if (inner.indexOf('[') < 0 && inner.indexOf(']') < 0) {
                return "leave out the brackets, at(\""
                        + inner
                        + "\"); several positions of an axis are taken by"
                        + " x.take(Tensor.of(new long[] {0, 1}), axis)";
            }
        }
        return inner.indexOf('[') >= 0
                ? "several positions of an axis are taken by x.take(Tensor.of(new long[] {0, 1}), axis)"
                : "items are positions (-1), ranges (start:stop:step, each part optional), '...' and 'None', with commas between them";
    }

    private static long number(String digits, long absent) {
        return digits == null ? absent : Long.parseLong(digits);
    }

    /// The part of x that the items name: a slice, then a reshape that drops and adds axes.
    static <T extends Algebra<T>> T apply(List<Index> items, T x) {
        long used = items.stream().filter(i -> i instanceof At || i instanceof Range).count();
        if (used > x.rank()) {
            Problem.in("at")
                    .rule(used + " positions and ranges for " + x.rank() + " axes")
                    .operand("x", x.type(), x::origin)
                    .throwShape();
        }
        List<Index> all = new ArrayList<>(items);
        if (all.stream().noneMatch(Rest.class::isInstance)) {
            all.add(new Rest());
        }
        Problem p = Problem.in("at").operand("x", x.type(), x::origin);
        List<Span> spans = new ArrayList<>();
        List<Long> sizes = new ArrayList<>();
        for (Index i : all) {
            int axis = spans.size();
            switch (i) {
                case At at -> {
                    long n = Sizes.known("at", x, axis);
                    p.require(
                            at.position >= -n && at.position < n,
                            "position "
                                    + at.position
                                    + " is out of range for axis "
                                    + axis
                                    + " of size "
                                    + n);
                    spans.add(new Span(at.position < 0 ? at.position + n : at.position, 1, 1));
                }
                case Range r -> {
                    boolean whole = r.equals(new Range(0, Long.MAX_VALUE, 1));
                    spans.add(
                            whole
                                    ? Span.all(x.size(axis))
                                    : Span.range(
                                            r.start, r.stop, r.step, Sizes.known("at", x, axis)));
                    sizes.add(spans.getLast().size());
                }
                case NewAxis _ -> sizes.add(1L);
                case Rest _ -> {
                    for (long left = x.rank() - used; left > 0; left--) {
                        spans.add(Span.all(x.size(spans.size())));
                        sizes.add(spans.getLast().size());
                    }
                }
            }
        }
        p.throwShape();
        return x.slice(spans).reshape(Shape.of(sizes.stream().mapToLong(s -> s).toArray()));
    }
}
