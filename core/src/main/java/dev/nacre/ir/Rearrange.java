package dev.nacre.ir;

import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Axes rearranged by name: split by `(h w)` on the left, joined by `(h w)` on the right, reordered; `1` is an axis of size 1. Every name on one side must be on
/// the other. (The notation of einops, Rogozhnikov, ICLR 2022.)
final class Rearrange {
    private static final Pattern TOKEN = Pattern.compile("\\(([^()]*)\\)|(\\w+)|(\\S)");

    private Rearrange() {}

    static <T extends Algebra<T>> T of(String pattern, T x, Map<String, Integer> given) {
        String[] sides = pattern.split("->", -1);
        if (sides.length != 2) {
            throw new ShapeException("rearrange '" + pattern + "': needs one '->'");
        }
        List<List<String>> left = parse(pattern, sides[0]);
        List<List<String>> right = parse(pattern, sides[1]);
        if (left.size() != x.rank()) {
            throw new ShapeException(
                    "rearrange '"
                            + pattern
                            + "': the left side names "
                            + left.size()
                            + " axes, but x is "
                            + x.type());
        }
        for (String name : given.keySet()) {
            if (given.get(name) < 0) {
                throw new ShapeException(
                        "rearrange '"
                                + pattern
                                + "': the size of "
                                + name
                                + " must not be negative, but is "
                                + given.get(name));
            }
            if (left.stream().noneMatch(g -> g.contains(name))) {
                throw new ShapeException(
                        "rearrange '"
                                + pattern
                                + "': the size of "
                                + name
                                + " is given, but the left side does not name it");
            }
        }
        Map<String, Long> sizes = sizes(pattern, left, x, given);
        List<String> from = left.stream().flatMap(List::stream).toList();
        List<String> to = right.stream().flatMap(List::stream).toList();
        if (from.size() != to.size() || !from.containsAll(to) || !to.containsAll(from)) {
            throw new ShapeException(
                    "rearrange '"
                            + pattern
                            + "': both sides must name the same axes, but "
                            + from
                            + " ≠ "
                            + to);
        }
        T split = x.reshape(Shape.of(from.stream().mapToLong(sizes::get).toArray()));
        T ordered = split.permute(to.stream().mapToInt(from::indexOf).toArray());
        return ordered.reshape(
                Shape.of(
                        right.stream()
                                .mapToLong(g ->
                                        Shape.product(g.stream().mapToLong(sizes::get).toArray()))
                                .toArray()));
    }

    private static List<List<String>> parse(String pattern, String side) {
        List<List<String>> groups = new ArrayList<>();
        List<String> seen = new ArrayList<>();
        Matcher m = TOKEN.matcher(side);
        while (m.find()) {
            if (m.group(3) != null) {
                throw new ShapeException(
                        "rearrange '" + pattern + "': unexpected '" + m.group(3) + "'");
            }
            String inner = m.group(1) == null ? m.group(2) : m.group(1);
            List<String> names = new ArrayList<>();
            for (String n : inner.trim().split("\\s+")) {
                if (!n.isEmpty() && !n.equals("1")) {
                    if (seen.contains(n)) {
                        throw new ShapeException(
                                "rearrange '"
                                        + pattern
                                        + "': axis "
                                        + n
                                        + " is named twice on one side");
                    }
                    seen.add(n);
                    names.add(n);
                }
            }
            groups.add(names);
        }
        return groups;
    }

    private static <T extends Algebra<T>> Map<String, Long> sizes(
            String pattern, List<List<String>> left, T x, Map<String, Integer> given) {
        Map<String, Long> sizes = new LinkedHashMap<>();
        given.forEach((k, v) -> sizes.put(k, (long) v));
        for (int i = 0; i < left.size(); i++) {
            long known = 1;
            String open = "";
            for (String name : left.get(i)) {
                if (sizes.containsKey(name)) {
                    known = Shape.times(known, sizes.get(name));
                } else if (open.isEmpty()) {
                    open = name;
                } else {
                    throw new ShapeException(
                            "rearrange '"
                                    + pattern
                                    + "': give the size of "
                                    + open
                                    + " or "
                                    + name);
                }
            }
            long n = x.size(i);
            if (n < 0 && known != 1) {
                throw new ShapeException("rearrange '" + pattern + "': " + Sizes.unknown(i));
            }
            if (open.isEmpty() ? known != n : known == 0 || n % known != 0) {
                throw new ShapeException(
                        "rearrange '"
                                + pattern
                                + "': axis "
                                + i
                                + " of "
                                + x.type()
                                + " does not divide into "
                                + left.get(i));
            }
            if (!open.isEmpty()) {
                sizes.put(open, n / known);
            }
        }
        return sizes;
    }
}
