package dev.nacre.reference;

import static dev.nacre.reference.Graphs.counted;
import static dev.nacre.reference.Graphs.run;
import static dev.nacre.reference.Graphs.run1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.ir.Margin;
import dev.nacre.ir.Node;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/// Movement against plain Java indexing.
class MovesTest {
    private static double[] moved(UnaryOperator<Node> f, double... x) {
        return run1(f::apply, Graphs.vector(x)).toDoubles();
    }

    private static double[] upTo(int n) {
        return counted(n).toDoubles();
    }

    // -------------------------------------------------------------------------------------------------- slices

    /// What Python's `list(range(n))[start:stop:step]` visits, walking element by element.
    private static double[] python(int n, long start, long stop, long step) {
        List<Double> out = new ArrayList<>();
        long from = start < 0 ? start + n : start;
        long to = stop < 0 ? stop + n : stop;
        if (step > 0) {
            for (long i = Math.max(from, 0); i < to && i < n; i += step) {
                out.add((double) i);
            }
        } else {
            for (long i = Math.min(from, n - 1); i > to && i >= 0; i += step) {
                out.add((double) i);
            }
        }
        return out.stream().mapToDouble(d -> d).toArray();
    }

    @Test
    void slicesAreThoseOfPython() {
        for (int n = 0; n <= 5; n++) {
            double[] x = upTo(n);
            for (long step : new long[] {1, 2, 3, 7, -1, -2, -3, -7}) {
                for (long start = -n - 2; start <= n + 2; start++) {
                    for (long stop = -n - 2; stop <= n + 2; stop++) {
                        long from = start;
                        long to = stop;
                        assertArrayEquals(
                                python(n, start, stop, step),
                                moved(v -> v.slice(0, from, to, step), x),
                                n + "[" + start + ":" + stop + ":" + step + "]");
                    }
                }
            }
        }
    }

    @Test
    void slicesMayBeOpen() {
        assertArrayEquals(
                new double[] {4, 3, 2, 1, 0},
                moved(v -> v.slice(0, -1, Long.MIN_VALUE, -1), upTo(5)));
        assertArrayEquals(
                new double[] {0, 2, 4},
                moved(v -> v.slice(0, Long.MIN_VALUE, Long.MAX_VALUE, 2), upTo(5)));
        assertArrayEquals(
                new double[] {4, 1},
                moved(v -> v.slice(0, Long.MAX_VALUE, Long.MIN_VALUE, -3), upTo(5)));
        assertArrayEquals(new double[] {}, moved(v -> v.slice(0, 3, Long.MIN_VALUE, 1), upTo(5)));
    }

    @Test
    void slicesOfSeveralAxes() {
        Array x = counted(3, 4);
        assertArrayEquals(
                new double[] {6, 4, 10, 8},
                run1(n -> n.slice(0, 1, 3).slice(1, 2, Long.MIN_VALUE, -2), x).toDoubles());
        assertArrayEquals(new double[] {2, 6, 10}, run1(n -> n.select(-1, -2), x).toDoubles());
        assertEquals(TensorType.of(DType.F64, 3, 0), run1(n -> n.slice(1, 3, 1), x).type());
    }

    // ---------------------------------------------------------------------------------------- one
    // axis at a time

    @Test
    void rolls() {
        for (int n = 0; n <= 4; n++) {
            for (int shift = -9; shift <= 9; shift++) {
                double[] expected = new double[n];
                for (int i = 0; i < n; i++) {
                    expected[Math.floorMod(i + shift, n)] = i;
                }
                int s = shift;
                assertArrayEquals(expected, moved(v -> v.roll(s, 0), upTo(n)), n + " by " + shift);
            }
        }
    }

    @Test
    void shifts() {
        for (int distance = -6; distance <= 6; distance++) {
            double[] expected = new double[4];
            for (int i = 0; i < 4; i++) {
                if (i + distance >= 0 && i + distance < 4) {
                    expected[i + distance] = i + 1;
                }
            }
            int s = distance;
            assertArrayEquals(expected, moved(v -> v.shift(0, s), 1, 2, 3, 4), "by " + distance);
        }
    }

    @Test
    void paddingByReflectionAndEdge() {
        for (int n = 1; n <= 4; n++) {
            for (int before = 0; before < n + 2; before++) {
                for (int after = 0; after < n + 2; after++) {
                    double[] mirrored = new double[before + n + after];
                    double[] edge = new double[mirrored.length];
                    for (int i = 0; i < mirrored.length; i++) {
                        int k = i - before;
                        mirrored[i] = k < 0 ? -k : k >= n ? 2 * (n - 1) - k : k;
                        edge[i] = Math.clamp(k, 0, n - 1);
                    }
                    int b = before;
                    int a = after;
                    assertArrayEquals(edge, moved(v -> v.padEdge(0, b, a), upTo(n)));
                    if (before < n && after < n) {
                        assertArrayEquals(mirrored, moved(v -> v.padReflect(0, b, a), upTo(n)));
                    }
                }
            }
        }
    }

    @Test
    void pads() {
        assertArrayEquals(new double[] {9, 9, 1, 2, 9}, moved(v -> v.pad(0, 2, 1, 9), 1, 2));
        assertArrayEquals(new double[] {2, 3, 9}, moved(v -> v.pad(0, -1, 1, 9), 1, 2, 3));
        assertArrayEquals(new double[] {2}, moved(v -> v.pad(0, -1, -1, 9), 1, 2, 3));
        assertArrayEquals(new double[] {}, moved(v -> v.pad(0, -2, -2, 9), 1, 2, 3));
        assertArrayEquals(
                new double[] {9, 1, 9, 9, 2, 9, 9, 3},
                moved(v -> v.pad(List.of(new Margin(1, 0, 2)), 9), 1, 2, 3));
        Array x = Array.ofLongs(TensorType.of(DType.U8, 1), 7);
        assertArrayEquals(new long[] {7, 3}, run1(n -> n.pad(0, 0, 1, 3), x).toLongs());
    }

    @Test
    void repeatsAndTiles() {
        assertArrayEquals(new double[] {1, 1, 2, 2}, moved(v -> v.repeat(2, 0), 1, 2));
        assertArrayEquals(new double[] {1, 2, 1, 2}, moved(v -> v.tile(2), 1, 2));
        assertArrayEquals(
                new double[] {0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3},
                run1(n -> n.tile(2, 2), counted(2, 2)).toDoubles());
        assertArrayEquals(new double[] {}, moved(v -> v.tile(0), 1, 2));
        assertArrayEquals(new double[] {3, 2, 1}, moved(v -> v.flip(), 1, 2, 3));
        assertArrayEquals(
                new double[] {3, 4, 5, 0, 1, 2}, run1(n -> n.flip(0), counted(2, 3)).toDoubles());
        assertArrayEquals(
                new double[] {2, 1, 0, 5, 4, 3}, run1(n -> n.flip(-1), counted(2, 3)).toDoubles());
    }

    // -----------------------------------------------------------------------------------------
    // order of axes

    @Test
    void permuteMovesAxes() {
        Array x = counted(2, 3, 4);
        Array y = run1(n -> n.permute(2, 0, 1), x);
        Array z = run1(n -> n.moveAxis(-1, 0), x);
        assertEquals(TensorType.of(DType.F64, 4, 2, 3), y.type());
        for (int i = 0; i < 2; i++) {
            for (int j = 0; j < 3; j++) {
                for (int k = 0; k < 4; k++) {
                    assertEquals(x.number((i * 3 + j) * 4 + k), y.number((k * 2 + i) * 3 + j));
                }
            }
        }
        assertEquals(y, z);
        assertEquals(run1(n -> n.permute(2, 1, 0), x), run1(n -> n.transpose(0, 2), x));
    }

    /// Every element found by the names of its place: left side read, right side written.
    private static double[] rearranged(
            Array x, String[][] left, String[][] right, Map<String, Integer> sizes) {
        List<String> names = new ArrayList<>(sizes.keySet());
        double[] out = new double[x.count()];
        for (int n = 0; n < out.length; n++) {
            Map<String, Integer> at = new LinkedHashMap<>();
            int rest = n;
            for (String name : names) {
                at.put(name, rest % sizes.get(name));
                rest /= sizes.get(name);
            }
            out[place(right, at, sizes)] = x.number(place(left, at, sizes));
        }
        return out;
    }

    private static int place(
            String[][] groups, Map<String, Integer> at, Map<String, Integer> sizes) {
        int place = 0;
        for (String[] group : groups) {
            for (String name : group) {
                place = place * sizes.get(name) + at.get(name);
            }
        }
        return place;
    }

    @Test
    void rearrangeNamesAxes() {
        Array x = counted(2, 6, 5);
        Map<String, Integer> sizes = Map.of("b", 2, "h", 3, "w", 2, "c", 5);
        String[][] left = {{"b"}, {"h", "w"}, {"c"}};
        assertArrayEquals(
                rearranged(x, left, new String[][] {{"w"}, {"c", "b"}, {"h"}}, sizes),
                run1(n -> n.rearrange("b (h w) c -> w (c b) h", Map.of("h", 3)), x).toDoubles());
        Array y = run1(n -> n.rearrange("b (h w) c -> b c 1 h w", Map.of("w", 2)), x);
        assertEquals(TensorType.of(DType.F64, 2, 5, 1, 3, 2), y.type());
        assertArrayEquals(
                rearranged(x, left, new String[][] {{"b"}, {"c"}, {"h"}, {"w"}}, sizes),
                y.toDoubles());
        assertEquals(
                TensorType.of(DType.F64, 60), run1(n -> n.rearrange("a b c -> (a b c)"), x).type());
        assertEquals(
                x,
                run1(
                        n ->
                                n.rearrange("a b c -> (b a) c 1")
                                        .rearrange("(b a) c 1 -> a b c", Map.of("a", 2)),
                        x));
    }

    // ------------------------------------------------------------------------------------------------ indexing

    @Test
    void gatherTakeAndScatter() {
        Array x = counted(2, 3);
        Array index = Array.ofLongs(TensorType.of(DType.I64, 2, 4), 2, 0, 0, 1, 1, 1, 2, 0);
        assertArrayEquals(
                new double[] {2, 0, 0, 1, 4, 4, 5, 3},
                run(in -> in.get(0).gather(1, in.get(1)), x, index).toDoubles());
        Array which = Array.ofLongs(TensorType.of(DType.I32, 2, 2), 1, 0, 0, 1);
        Array taken = run(in -> in.get(0).take(in.get(1), 0), x, which);
        assertEquals(TensorType.of(DType.F64, 2, 2, 3), taken.type());
        assertArrayEquals(new double[] {3, 4, 5, 0, 1, 2, 0, 1, 2, 3, 4, 5}, taken.toDoubles());
        Array one = Array.ofLongs(TensorType.of(DType.I64), 2);
        assertArrayEquals(
                new double[] {2, 5}, run(in -> in.get(0).take(in.get(1), 1), x, one).toDoubles());
        Array source = Array.of(TensorType.of(DType.F64, 2, 4), 1, 2, 4, 8, 1, 2, 4, 8);
        assertArrayEquals(
                new double[] {6, 9, 3, 11, 7, 9},
                run(in -> in.get(0).scatterAdd(1, in.get(1), in.get(2)), x, index, source)
                        .toDoubles());
    }

    @Test
    void trianglesAndDiagonals() {
        Array x = run1(n -> n.add(1), counted(3, 4));
        for (int d = -4; d <= 4; d++) {
            double[] lower = new double[12];
            double[] upper = new double[12];
            for (int i = 0; i < 12; i++) {
                lower[i] = i % 4 <= i / 4 + d ? i + 1 : 0;
                upper[i] = i % 4 >= i / 4 + d ? i + 1 : 0;
            }
            int k = d;
            assertArrayEquals(lower, run1(n -> n.tril(k), x).toDoubles());
            assertArrayEquals(upper, run1(n -> n.triu(k), x).toDoubles());
        }
        assertArrayEquals(new double[] {1, 6, 11}, run1(n -> n.diagonal(), x).toDoubles());
        assertArrayEquals(
                new double[] {1, 6, 11}, run1(n -> n.transpose().diagonal(), x).toDoubles());
        assertArrayEquals(
                new double[] {0, 3, 4, 7}, run1(n -> n.diagonal(), counted(2, 2, 2)).toDoubles());
    }

    @Test
    void joinsAndParts() {
        Array x = counted(2, 3);
        assertArrayEquals(
                new double[] {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5},
                run1(n -> n.stackWith(1, List.of(n)), x).toDoubles());
        assertEquals(
                TensorType.of(DType.F64, 2, 3, 2),
                run1(n -> n.stackWith(-1, List.of(n)), x).type());
        assertEquals(List.of(3L, 3L, 1L), parts(7, 3));
        assertEquals(List.of(2L, 2L, 2L), parts(6, 3));
        assertEquals(List.of(1L, 1L), parts(2, 3), "fewer parts than asked for, as torch.chunk");
        assertEquals(List.of(0L), parts(0, 3));
        Array mixed =
                run(
                        in -> in.get(0).concat(0, in.get(1)),
                        Graphs.wholes(DType.I32, 1),
                        Array.of(TensorType.of(DType.F16, 1), 0.5));
        assertEquals(Array.of(TensorType.of(DType.F16, 2), 1, 0.5), mixed);
    }

    private static List<Long> parts(int n, int count) {
        Node x = Symbol.node("x", TensorType.of(DType.F32, n));
        return x.chunk(count, 0).stream().map(p -> p.size(0)).toList();
    }

    @Test
    void reshapesKeepTheOrder() {
        Array x = counted(2, 3, 4);
        assertArrayEquals(x.toDoubles(), run1(n -> n.reshape(4, -1), x).toDoubles());
        assertEquals(TensorType.of(DType.F64, 2, 12), run1(n -> n.flatten(1), x).type());
        assertEquals(TensorType.of(DType.F64, 24), run1(n -> n.flatten(0), x).type());
        assertEquals(TensorType.of(DType.F64, 1), run1(n -> n.sum().flatten(0), x).type());
        assertEquals(TensorType.of(DType.F64, 2, 1, 3, 4), run1(n -> n.unsqueeze(1), x).type());
        assertEquals(TensorType.of(DType.F64, 2, 3, 4, 1), run1(n -> n.unsqueeze(-1), x).type());
        double[] spread =
                run1(n -> n.broadcastTo(2, 3), Graphs.f64(new long[] {2, 1}, 5, 6)).toDoubles();
        assertArrayEquals(new double[] {5, 5, 5, 6, 6, 6}, spread);
        assertArrayEquals(
                new double[] {9, 12, 15},
                run1(n -> n.sumTo(Shape.of(3, 1)), counted(3, 3, 1)).toDoubles());
    }
}
