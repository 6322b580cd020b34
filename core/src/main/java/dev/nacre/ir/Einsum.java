package dev.nacre.ir;

import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Einstein summation. Letters name axes; an operand with a letter twice is reduced to that diagonal; without `->` the result has the letters that occur once, in
/// alphabetical order. Operands are combined pairwise from the left, each pair by one batched matrix product. Ellipses are not supported.
final class Einsum {
    private Einsum() {}

    static <T extends Algebra<T>> T of(String equation, List<T> operands) {
        String compact = equation.replace(" ", "");
        int arrow = compact.indexOf("->");
        String[] terms = (arrow < 0 ? compact : compact.substring(0, arrow)).split(",", -1);
        if (terms.length != operands.size()) {
            throw new ShapeException(
                    "einsum '"
                            + equation
                            + "': names "
                            + terms.length
                            + " operands, but got "
                            + operands.size());
        }
        String result = arrow < 0 ? implied(terms) : compact.substring(arrow + 2);
        check(equation, terms, result, operands);
        DType t = operands.stream().map(Expression::dtype).reduce(DType::promote).orElseThrow();
        if (t.isFloating() && !isOneProduct(terms, result)) { // computed wide and rounded once
            return of(terms, result, operands.stream().map(x -> x.cast(t.arithmetic())).toList())
                    .cast(t);
        }
        return of(terms, result, operands);
    }

    /// Whether nothing is added up but in one matrix product.
    private static boolean isOneProduct(String[] terms, String result) {
        return terms.length == 1
                || terms.length == 2
                        && (terms[0] + terms[1])
                                .chars()
                                .allMatch(c ->
                                        result.indexOf(c) >= 0
                                                || terms[0].indexOf(c) >= 0
                                                        && terms[1].indexOf(c) >= 0);
    }

    private static <T extends Algebra<T>> T of(String[] terms, String result, List<T> operands) {
        T left = diagonals(operands.get(0), terms[0]);
        String leftTerm = distinct(terms[0]);
        String[] later = new String[terms.length]; // letters that are wanted after each operand
        later[terms.length - 1] = distinct(result);
        for (int i = terms.length - 1; i > 0; i--) {
            later[i - 1] = distinct(later[i] + terms[i]);
        }
        for (int i = 1; i < terms.length; i++) {
            String rightTerm = distinct(terms[i]);
            T right = diagonals(operands.get(i), terms[i]);
            Pair<T> pair = new Pair<>(left, leftTerm, right, rightTerm, later[i]);
            left = pair.product();
            leftTerm = pair.term();
        }
        return arrange(left, leftTerm, result);
    }

    private static String implied(String[] terms) {
        String all = String.join("", terms);
        StringBuilder out = new StringBuilder();
        all.chars()
                .sorted()
                .distinct()
                .filter(c -> all.indexOf(c) == all.lastIndexOf(c))
                .forEach(c -> out.append((char) c));
        return out.toString();
    }

    private static <T extends Algebra<T>> void check(
            String equation, String[] terms, String result, List<T> operands) {
        Map<Character, Long> sizes = new LinkedHashMap<>();
        for (int i = 0; i < terms.length; i++) {
            T x = operands.get(i);
            if (!terms[i].chars().allMatch(Character::isLetter)) {
                throw new ShapeException(
                        "einsum '"
                                + equation
                                + "': axes must be letters, but got '"
                                + terms[i]
                                + "'");
            }
            if (terms[i].length() != x.rank()) {
                throw new ShapeException(
                        "einsum '"
                                + equation
                                + "': '"
                                + terms[i]
                                + "' names "
                                + terms[i].length()
                                + " axes, but operand "
                                + i
                                + " is "
                                + x.type());
            }
            for (int a = 0; a < x.rank(); a++) {
                Long before = sizes.putIfAbsent(terms[i].charAt(a), x.size(a));
                if (before != null && before != x.size(a)) {
                    throw new ShapeException(
                            "einsum '"
                                    + equation
                                    + "': axis "
                                    + terms[i].charAt(a)
                                    + " is both "
                                    + before
                                    + " and "
                                    + x.size(a));
                }
            }
        }
        for (char c : result.toCharArray()) {
            if (!sizes.containsKey(c) || result.indexOf(c) != result.lastIndexOf(c)) {
                throw new ShapeException(
                        "einsum '"
                                + equation
                                + "': '"
                                + c
                                + "' must occur on the left, and once on the right");
            }
        }
    }

    private static String distinct(String term) {
        StringBuilder out = new StringBuilder();
        term.chars().distinct().forEach(c -> out.append((char) c));
        return out.toString();
    }

    /// Axes with the same letter reduced to their common diagonal, kept at the place of the first.
    private static <T extends Algebra<T>> T diagonals(T x, String term) {
        String t = term;
        for (int i = 0; i < t.length(); i++) {
            int j = t.indexOf(t.charAt(i), i + 1);
            while (j >= 0) {
                x = x.moveAxis(j, -1).moveAxis(i, -1).diagonal().moveAxis(-1, i);
                t = t.substring(0, j) + t.substring(j + 1);
                j = t.indexOf(t.charAt(i), i + 1);
            }
        }
        return x;
    }

    /// Sums what is not wanted and puts the rest in order.
    private static <T extends Algebra<T>> T arrange(T x, String term, String result) {
        List<Integer> summed = new ArrayList<>();
        StringBuilder kept = new StringBuilder();
        for (int i = 0; i < term.length(); i++) {
            if (result.indexOf(term.charAt(i)) < 0) {
                summed.add(i);
            } else {
                kept.append(term.charAt(i));
            }
        }
        T y = summed.isEmpty() ? x : x.sum(summed.stream().mapToInt(i -> i).toArray());
        return y.permute(result.chars().map(c -> kept.indexOf(String.valueOf((char) c))).toArray());
    }

    /// Two operands and the letters needed later.
    private record Pair<T extends Algebra<T>>(T a, String aTerm, T b, String bTerm, String later) {
        private Set<Character> letters(boolean inA, boolean inB, boolean needed) {
            Set<Character> out = new LinkedHashSet<>();
            for (char c : (aTerm + bTerm).toCharArray()) {
                boolean fits =
                        aTerm.indexOf(c) >= 0 == inA
                                && bTerm.indexOf(c) >= 0 == inB
                                && later.indexOf(c) >= 0 == needed;
                if (fits) {
                    out.add(c);
                }
            }
            return out;
        }

        String term() {
            return join(letters(true, true, true))
                    + join(letters(true, false, true))
                    + join(letters(false, true, true));
        }

        T product() {
            String batch = join(letters(true, true, true));
            String rows = join(letters(true, false, true));
            String columns = join(letters(false, true, true));
            String inner = join(letters(true, true, false));
            T x = grouped(arrange(a, aTerm, batch + rows + inner), batch.length(), rows.length());
            T y =
                    grouped(
                            arrange(b, bTerm, batch + inner + columns),
                            batch.length(),
                            inner.length());
            long[] sizes =
                    (batch + rows + columns).chars().mapToLong(c -> size((char) c)).toArray();
            return x.matmul(y).reshape(Shape.of(sizes));
        }

        private long size(char c) {
            int i = aTerm.indexOf(c);
            return i >= 0 ? a.size(i) : b.size(bTerm.indexOf(c));
        }

        /// `[batch…, rows…, columns…] → [Πbatch, Πrows, Πcolumns]`.
        private static <T extends Algebra<T>> T grouped(T x, int batch, int rows) {
            long m = x.shape().range(0, batch).product();
            long r = x.shape().range(batch, batch + rows).product();
            long c = x.shape().range(batch + rows, x.rank()).product();
            return x.reshape(Shape.of(m, r, c));
        }

        private static String join(Set<Character> letters) {
            StringBuilder s = new StringBuilder();
            letters.forEach(s::append);
            return s.toString();
        }
    }
}
