package dev.nacre.reference;

import static dev.nacre.reference.Graphs.random;
import static dev.nacre.reference.Graphs.run;
import static dev.nacre.reference.Graphs.run1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.ir.Node;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Products, convolutions and pooling against plain loops written from their definitions.
class ProductsTest {
    private static final double NEAR = 1e-13;

    // -------------------------------------------------------------------------------------------------- einsum

    /// The sum over all assignments of numbers to letters.
    private static double[] einsum(String equation, Array... operands) {
        String[] sides = equation.split("->", -1);
        String[] terms = sides[0].split(",");
        Map<Character, Integer> sizes = new LinkedHashMap<>();
        for (int i = 0; i < terms.length; i++) {
            for (int a = 0; a < terms[i].length(); a++) {
                sizes.put(terms[i].charAt(a), Graphs.sizes(operands[i])[a]);
            }
        }
        List<Character> letters = new ArrayList<>(sizes.keySet());
        int results = sides[1].chars().map(c -> sizes.get((char) c)).reduce(1, (a, b) -> a * b);
        double[] out = new double[results];
        int total = sizes.values().stream().reduce(1, (a, b) -> a * b);
        for (int n = 0; n < total; n++) {
            Map<Character, Integer> at = new LinkedHashMap<>();
            int rest = n;
            for (char c : letters) {
                at.put(c, rest % sizes.get(c));
                rest /= sizes.get(c);
            }
            double product = 1;
            for (int i = 0; i < terms.length; i++) {
                product *= operands[i].number(place(terms[i], at, sizes));
            }
            out[place(sides[1], at, sizes)] += product;
        }
        return out;
    }

    private static int place(
            String term, Map<Character, Integer> at, Map<Character, Integer> sizes) {
        int place = 0;
        for (char c : term.toCharArray()) {
            place = place * sizes.get(c) + at.get(c);
        }
        return place;
    }

    private static void assertEinsum(String equation, Array... operands) {
        Array actual =
                run(
                        in ->
                                in.get(0)
                                        .einsum(
                                                equation,
                                                in.subList(1, in.size()).toArray(Node[]::new)),
                        operands);
        assertArrayEquals(einsum(equation, operands), actual.toDoubles(), NEAR, equation);
    }

    @Test
    void einsumIsTheSumOverIndices() {
        assertEinsum("ij,jk->ik", random(1, 2, 3), random(2, 3, 4));
        assertEinsum("ij,jk->ki", random(1, 2, 3), random(2, 3, 4));
        assertEinsum("bij,bjk->bik", random(1, 2, 3, 4), random(2, 2, 4, 3));
        assertEinsum("bij,bjk->ik", random(1, 2, 3, 4), random(2, 2, 4, 3));
        assertEinsum("bhqd,bhkd->bhqk", random(1, 2, 2, 3, 4), random(2, 2, 2, 5, 4));
        assertEinsum("i,j->ij", random(1, 3), random(2, 4));
        assertEinsum("i,i->", random(1, 5), random(2, 5));
        assertEinsum("ij,ij->ij", random(1, 2, 3), random(2, 2, 3));
        assertEinsum("ij,kl->jl", random(1, 2, 3), random(2, 4, 5));
        assertEinsum("ij->ji", random(1, 2, 3));
        assertEinsum("ij->", random(1, 2, 3));
        assertEinsum("ijk->j", random(1, 2, 3, 4));
        assertEinsum("ii->i", random(1, 3, 3));
        assertEinsum("ii->", random(1, 4, 4));
        assertEinsum("iji->j", random(1, 3, 2, 3));
        assertEinsum("iii->i", random(1, 3, 3, 3));
        assertEinsum("ijij->ji", random(1, 2, 3, 2, 3));
        assertEinsum("iij,jk->ik", random(1, 2, 2, 3), random(2, 3, 2));
        assertEinsum("ab,bc,cd->ad", random(1, 2, 3), random(2, 3, 4), random(3, 4, 2));
        assertEinsum("ab,ab,ab->a", random(1, 2, 3), random(2, 2, 3), random(3, 2, 3));
        assertEinsum("ij,ik,il->jkl", random(1, 2, 3), random(2, 2, 2), random(3, 2, 4));
        assertEinsum("a,b,c->cab", random(1, 2), random(2, 3), random(3, 4));
        assertEinsum("aB,Bc->ac", random(1, 2, 3), random(2, 3, 4));
    }

    @Test
    void impliedResultIsAlphabetical() {
        Array x = random(1, 2, 3);
        Array y = random(2, 3, 4);
        assertArrayEquals(
                einsum("ba,ac->bc", x, y),
                run(in -> in.get(0).einsum("ba,ac", in.get(1)), x, y).toDoubles(),
                NEAR);
        assertArrayEquals(einsum("ba->ab", x), run1(n -> n.einsum("ba"), x).toDoubles(), NEAR);
        assertArrayEquals(
                einsum("ii->", random(3, 3, 3)),
                run1(n -> n.einsum("i i"), random(3, 3, 3)).toDoubles(),
                NEAR);
    }

    // -------------------------------------------------------------------------------------------------- matmul

    @Test
    void matmulFollowsItsBroadcasting() {
        Array a = random(1, 2, 1, 3, 4);
        Array b = random(2, 5, 4, 2);
        double[] expected = new double[2 * 5 * 3 * 2];
        for (int p = 0; p < 2; p++) {
            for (int q = 0; q < 5; q++) {
                for (int i = 0; i < 3; i++) {
                    for (int j = 0; j < 2; j++) {
                        for (int k = 0; k < 4; k++) {
                            expected[((p * 5 + q) * 3 + i) * 2 + j] +=
                                    a.number((p * 3 + i) * 4 + k) * b.number((q * 4 + k) * 2 + j);
                        }
                    }
                }
            }
        }
        Array c = run(in -> in.get(0).matmul(in.get(1)), a, b);
        assertEquals(TensorType.of(DType.F64, 2, 5, 3, 2), c.type());
        assertArrayEquals(expected, c.toDoubles(), NEAR);
    }

    @Test
    void integerProductsAreExact() {
        Array a = Array.ofLongs(TensorType.of(DType.I64, 1, 2), Long.MAX_VALUE, 3);
        Array b = Array.ofLongs(TensorType.of(DType.I64, 2, 1), 1, -1);
        assertEquals(Long.MAX_VALUE - 3, run(in -> in.get(0).matmul(in.get(1)), a, b).whole(0));
    }

    // --------------------------------------------------------------------------------------------
    // convolutions

    private static double at(Array x, int... index) {
        int[] sizes = Graphs.sizes(x);
        int place = 0;
        for (int i = 0; i < index.length; i++) {
            if (index[i] < 0 || index[i] >= sizes[i]) {
                return 0;
            }
            place = place * sizes[i] + index[i];
        }
        return x.number(place);
    }

    /// Correlation of two spatial axes with zero padding.
    private static double[] conv2d(
            Array x, Array w, int stride, int padding, int dilation, int groups) {
        int[] xs = Graphs.sizes(x);
        int[] ws = Graphs.sizes(w);
        int height = (xs[2] + 2 * padding - dilation * (ws[2] - 1) - 1) / stride + 1;
        int width = (xs[3] + 2 * padding - dilation * (ws[3] - 1) - 1) / stride + 1;
        double[] out = new double[xs[0] * ws[0] * height * width];
        int perGroup = ws[0] / groups;
        int i = 0;
        for (int n = 0; n < xs[0]; n++) {
            for (int o = 0; o < ws[0]; o++) {
                for (int r = 0; r < height; r++) {
                    for (int c = 0; c < width; c++) {
                        double sum = 0;
                        for (int ci = 0; ci < ws[1]; ci++) {
                            for (int u = 0; u < ws[2]; u++) {
                                for (int v = 0; v < ws[3]; v++) {
                                    sum +=
                                            at(w, o, ci, u, v)
                                                    * at(
                                                            x,
                                                            n,
                                                            o / perGroup * ws[1] + ci,
                                                            r * stride - padding + u * dilation,
                                                            c * stride - padding + v * dilation);
                                }
                            }
                        }
                        out[i++] = sum;
                    }
                }
            }
        }
        return out;
    }

    @Test
    void conv2dIsTheSumOverTheWindow() {
        int[][] settings = {
            {1, 0, 1, 1},
            {2, 0, 1, 1},
            {1, 1, 1, 1},
            {3, 2, 1, 1},
            {1, 0, 2, 1},
            {2, 3, 2, 1},
            {1, 1, 1, 2},
            {2, 1, 1, 4}
        };
        for (int[] s : settings) {
            Array x = random(1, 2, 4, 7, 6);
            Array w = random(2, 4, 4 / s[3], 3, 2);
            Array y = run(in -> in.get(0).conv2d(in.get(1), s[0], s[1], s[2], s[3]), x, w);
            assertArrayEquals(
                    conv2d(x, w, s[0], s[1], s[2], s[3]),
                    y.toDoubles(),
                    NEAR,
                    () -> "stride, padding, dilation, groups = " + Arrays.toString(s));
        }
    }

    @Test
    void convolutionsOfOneAndThreeAxesAgreeWithTwo() {
        Array x = random(1, 2, 3, 1, 9);
        Array w = random(2, 4, 3, 1, 3);
        double[] expected = conv2d(x, w, 1, 0, 2, 1);
        assertArrayEquals(
                expected,
                run(in -> in.get(0).squeeze(2).conv1d(in.get(1).squeeze(2), 1, 0, 2, 1), x, w)
                        .toDoubles(),
                NEAR);
        assertArrayEquals(
                expected,
                run(in -> in.get(0).unsqueeze(2).conv3d(in.get(1).unsqueeze(2), 1, 0, 2, 1), x, w)
                        .toDoubles(),
                NEAR);
        Array depth = random(3, 1, 1, 3, 1, 1);
        Array kernel = random(4, 1, 1, 2, 1, 1);
        assertArrayEquals(
                new double[] {
                    depth.number(0) * kernel.number(0) + depth.number(1) * kernel.number(1),
                    depth.number(1) * kernel.number(0) + depth.number(2) * kernel.number(1)
                },
                run(in -> in.get(0).conv3d(in.get(1), 1, 0, 1, 1), depth, kernel).toDoubles(),
                NEAR);
    }

    @Test
    void paddingMayDifferOnBothSides() {
        Array x = random(1, 1, 1, 4);
        Array w = random(2, 1, 1, 3);
        double[] y =
                run(in -> in.get(0).conv(in.get(1), List.of(Window.of(3).padding(2, 0)), 1), x, w)
                        .toDoubles();
        double[] expected = new double[4];
        for (int i = 0; i < 4; i++) {
            for (int u = 0; u < 3; u++) {
                expected[i] += w.number(u) * at(x, 0, 0, i + u - 2);
            }
        }
        assertArrayEquals(expected, y, NEAR);
    }

    /// Every input element stamps the kernel, scaled, on the output.
    private static double[] convTranspose2d(
            Array x, Array w, int stride, int padding, int extra, int groups) {
        int[] xs = Graphs.sizes(x);
        int[] ws = Graphs.sizes(w);
        int channels = ws[1] * groups;
        int height = (xs[2] - 1) * stride + ws[2] - 2 * padding + extra;
        int width = (xs[3] - 1) * stride + ws[3] - 2 * padding + extra;
        double[] out = new double[xs[0] * channels * height * width];
        for (int n = 0; n < xs[0]; n++) {
            for (int c = 0; c < xs[1]; c++) {
                for (int i = 0; i < xs[2]; i++) {
                    for (int j = 0; j < xs[3]; j++) {
                        for (int k = 0; k < ws[1]; k++) {
                            for (int u = 0; u < ws[2]; u++) {
                                for (int v = 0; v < ws[3]; v++) {
                                    int channel = c / (xs[1] / groups) * ws[1] + k;
                                    int r = i * stride + u - padding;
                                    int s = j * stride + v - padding;
                                    if (r >= 0 && r < height && s >= 0 && s < width) {
                                        out[((n * channels + channel) * height + r) * width + s] +=
                                                at(x, n, c, i, j) * at(w, c, k, u, v);
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return out;
    }

    @Test
    void transposedConvolutionStampsTheKernel() {
        int[][] settings = {
            {1, 0, 0, 1}, {2, 0, 0, 1}, {2, 1, 1, 1}, {3, 2, 2, 1}, {1, 1, 0, 2}, {2, 0, 1, 4}
        };
        for (int[] s : settings) {
            Array x = random(1, 2, 4, 3, 4);
            Array w = random(2, 4, 2, 3, 3);
            Array y = run(in -> in.get(0).convTranspose2d(in.get(1), s[0], s[1], s[2], s[3]), x, w);
            assertArrayEquals(
                    convTranspose2d(x, w, s[0], s[1], s[2], s[3]),
                    y.toDoubles(),
                    NEAR,
                    () -> "stride, padding, output padding, groups = " + Arrays.toString(s));
        }
    }

    // ------------------------------------------------------------------------------------------------- pooling

    /// Largest element or mean over windows of `size` on two axes; padding is left out, or counted as zeros.
    private static double[] pool(
            Array x, int size, int stride, int padding, boolean largest, boolean countPadding) {
        int[] xs = Graphs.sizes(x);
        int height = (xs[1] + 2 * padding - size) / stride + 1;
        int width = (xs[2] + 2 * padding - size) / stride + 1;
        double[] out = new double[xs[0] * height * width];
        int i = 0;
        for (int n = 0; n < xs[0]; n++) {
            for (int r = 0; r < height; r++) {
                for (int c = 0; c < width; c++) {
                    double best = Double.NEGATIVE_INFINITY;
                    double sum = 0;
                    int count = 0;
                    for (int u = r * stride - padding; u < r * stride - padding + size; u++) {
                        for (int v = c * stride - padding; v < c * stride - padding + size; v++) {
                            if (u >= 0 && u < xs[1] && v >= 0 && v < xs[2]) {
                                best = Math.max(best, at(x, n, u, v));
                                sum += at(x, n, u, v);
                                count++;
                            }
                        }
                    }
                    out[i++] = largest ? best : sum / (countPadding ? size * size : count);
                }
            }
        }
        return out;
    }

    @Test
    void poolingLooksAtEachWindow() {
        int[][] settings = {{2, 2, 0}, {2, 1, 0}, {3, 2, 1}, {3, 1, 1}, {2, 3, 1}};
        for (int[] s : settings) {
            Array x =
                    run1(
                            n -> n.sub(2),
                            random(1, 2, 7, 5)); // negative: a padding of zeros would win
            Window w = new Window(s[0], s[1], 1, s[2], s[2]);
            List<Window> windows = List.of(w, w);
            String text = "size, stride, padding = " + Arrays.toString(s);
            assertArrayEquals(
                    pool(x, s[0], s[1], s[2], true, false),
                    run1(n -> n.maxPool(windows), x).toDoubles(),
                    NEAR,
                    text);
            assertArrayEquals(
                    pool(x, s[0], s[1], s[2], false, false),
                    run1(n -> n.avgPool(windows, false), x).toDoubles(),
                    NEAR,
                    text);
            assertArrayEquals(
                    pool(x, s[0], s[1], s[2], false, true),
                    run1(n -> n.avgPool(windows, true), x).toDoubles(),
                    NEAR,
                    text);
            assertArrayEquals(
                    pool(x, s[0], s[1], s[2], true, false),
                    run1(n -> n.maxPool2d(s[0], s[1], s[2]), x).toDoubles(),
                    NEAR,
                    text);
            assertArrayEquals(
                    pool(x, s[0], s[1], s[2], false, true),
                    run1(n -> n.avgPool2d(s[0], s[1], s[2]), x).toDoubles(),
                    NEAR,
                    text);
        }
    }

    @Test
    void windowsShowEveryPosition() {
        Array x = Graphs.counted(2, 9);
        Array y =
                run1(n -> n.windows(List.of(Window.of(3).stride(2).dilation(2).padding(1, 0))), x);
        assertEquals(TensorType.of(DType.F64, 2, 3, 3), y.type());
        for (int n = 0; n < 2; n++) {
            for (int p = 0; p < 3; p++) {
                for (int u = 0; u < 3; u++) {
                    assertEquals(at(x, n, 2 * p + 2 * u - 1), y.number((n * 3 + p) * 3 + u));
                }
            }
        }
    }
}
