package dev.nacre.fuzz;

import static dev.nacre.fuzz.Numbers.require;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.BinaryOperator;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/// All steps, a row each.
final class Kinds {
    private static final DType[] TYPES = DType.values();

    static final List<Kind> ALL =
            List.of(
                    // ------------------------------------------------------------ elementwise
                    map("neg", x -> -x, x -> -1, Tensor::neg),
                    map("abs", Math::abs, Math::signum, Tensor::abs),
                    map("square", x -> x * x, x -> 2 * x, Tensor::square),
                    map("relu", x -> Math.max(0, x), x -> x > 0 ? 1 : 0, Tensor::relu),
                    map("sign", Math::signum, x -> 0, Tensor::sign),
                    floating("floor", Math::floor, Tensor::floor),
                    floating("ceil", Math::ceil, Tensor::ceil),
                    number("add", (x, c) -> x + c, (x, c) -> 1, (x, c) -> x.add(c)),
                    number("mul", (x, c) -> x * c, (x, c) -> c, (x, c) -> x.mul(c)),
                    number("sub", (x, c) -> x - c, (x, c) -> 1, (x, c) -> x.sub(c)),
                    zip("add", Double::sum, (x, y) -> 1, (x, y) -> 1, (x, y) -> x.add(y)),
                    zip("sub", (x, y) -> x - y, (x, y) -> 1, (x, y) -> -1, (x, y) -> x.sub(y)),
                    zip("mul", (x, y) -> x * y, (x, y) -> y, (x, y) -> x, (x, y) -> x.mul(y)),
                    zip(
                            "maximum",
                            Math::max,
                            (x, y) -> x > y ? 1 : x == y ? 0.5 : 0,
                            (x, y) -> y > x ? 1 : x == y ? 0.5 : 0,
                            (x, y) -> x.maximum(y)),
                    zip(
                            "minimum",
                            Math::min,
                            (x, y) -> x < y ? 1 : x == y ? 0.5 : 0,
                            (x, y) -> y < x ? 1 : x == y ? 0.5 : 0,
                            (x, y) -> x.minimum(y)),
                    compare("lt", (x, y) -> x < y ? 1 : 0, (x, y) -> x.lt(y)),
                    compare("ge", (x, y) -> x >= y ? 1 : 0, (x, y) -> x.ge(y)),
                    compare("eq", (x, y) -> x == y ? 1 : 0, (x, y) -> x.eq(y)),
                    new Kind("where", 3, Kinds::where, in -> in.get(0).where(in.get(1), in.get(2))),
                    new Kind(
                            "cast",
                            1,
                            (r, _) -> new long[] {r.nextInt(TYPES.length)},
                            (in, a) -> in.get(0).cast(TYPES[(int) a[0]]),
                            (in, a) -> in.get(0).cast(TYPES[(int) a[0]])),
                    new Kind(
                            "detach",
                            1,
                            in ->
                                    Numbers.of(
                                            in.get(0).dtype(),
                                            in.get(0).shape(),
                                            in.get(0).values()),
                            in -> in.get(0).detach()),
                    // ------------------------------------------------------------- movement
                    new Kind(
                            "permute",
                            1,
                            (r, in) -> permutation(r, in.get(0).rank()),
                            (in, a) -> permuted(in.get(0), a),
                            (in, a) -> in.get(0).permute(ints(a))),
                    new Kind(
                            "reshape",
                            1,
                            (r, in) -> divided(r, in.get(0).count()),
                            (in, a) ->
                                    in.get(0).moved(ints(a), 0, at -> Numbers.index(ints(a), at)),
                            (in, a) -> in.get(0).reshape(a)),
                    new Kind(
                            "slice",
                            1,
                            Kinds::drawSlice,
                            (in, a) -> sliced(in.get(0), a),
                            (in, a) -> in.get(0).slice((int) a[0], a[1], a[2], a[3])),
                    axis("flip", (x, i) -> flipped(x, i), (x, i) -> x.flip(i)),
                    new Kind(
                            "pad",
                            1,
                            (r, in) ->
                                    new long[] {
                                        anAxis(r, in), r.nextInt(3), r.nextInt(3), r.nextInt(3)
                                    },
                            (in, a) -> padded(in.get(0), a),
                            (in, a) -> in.get(0).pad((int) a[0], a[1], a[2], a[3])),
                    new Kind(
                            "roll",
                            1,
                            (r, in) -> new long[] {r.nextInt(-3, 4), anAxis(r, in)},
                            (in, a) -> rolled(in.get(0), a),
                            (in, a) -> in.get(0).roll(a[0], (int) a[1])),
                    new Kind(
                            "concat",
                            2,
                            (r, in) -> new long[] {anAxis(r, in)},
                            (in, a) -> joined(in.get(0), in.get(1), (int) a[0]),
                            (in, a) -> in.get(0).concat((int) a[0], in.get(1))),
                    new Kind(
                            "broadcast",
                            1,
                            (r, in) -> wider(r, in.get(0)),
                            (in, a) -> in.get(0).broadcastTo(ints(a)),
                            (in, a) -> in.get(0).broadcastTo(a)),
                    new Kind(
                            "unsqueeze",
                            1,
                            (r, in) -> new long[] {r.nextInt(in.get(0).rank() + 1)},
                            (in, a) -> {
                                int[] to = inserted(in.get(0).shape(), (int) a[0]);
                                return in.get(0).moved(to, 0, at -> Numbers.index(to, at));
                            },
                            (in, a) -> in.get(0).unsqueeze((int) a[0])),
                    new Kind(
                            "take",
                            2,
                            (r, in) -> new long[] {anAxis(r, in)},
                            (in, a) -> taken(in.get(0), in.get(1), (int) a[0]),
                            (in, a) ->
                                    in.get(0)
                                            .take(
                                                    in.get(1).mod(in.get(0).size((int) a[0])),
                                                    (int) a[0])),
                    new Kind(
                            "scatterAdd",
                            3,
                            (_, _) -> Kind.NONE,
                            (in, _) -> scattered(in.get(0), in.get(1), in.get(2)),
                            (in, _) -> scattered(in.get(0), in.get(1), in.get(2))),
                    new Kind(
                            "tril",
                            1,
                            (r, _) -> new long[] {r.nextInt(-2, 3)},
                            (in, a) -> triangle(in.get(0), a[0]),
                            (in, a) -> in.get(0).tril(a[0])),
                    // ------------------------------------------------- reductions and products
                    reduction("sum", Kinds::sum, (x, axes) -> x.sum(axes)),
                    reduction("max", (x, along) -> best(x, along, 1), (x, axes) -> x.max(axes)),
                    reduction("min", (x, along) -> best(x, along, -1), (x, axes) -> x.min(axes)),
                    axis("argmax", Kinds::argmax, (x, i) -> x.argmax(i)),
                    axis("cumsum", Kinds::cumsum, (x, i) -> x.cumsum(i)),
                    axis("sort", Kinds::sorted, (x, i) -> x.sort(i, false)),
                    new Kind(
                            "matmul",
                            2,
                            in -> product(in.get(0), in.get(1)),
                            in -> in.get(0).matmul(in.get(1))),
                    new Kind(
                            "matmulT",
                            2,
                            in -> product(in.get(0), turned(in.get(1))),
                            in -> in.get(0).matmul(in.get(1).transpose())),
                    new Kind(
                            "conv1d",
                            2,
                            (r, _) -> new long[] {1 + r.nextInt(2), r.nextInt(3), 1 + r.nextInt(2)},
                            (in, a) -> convolved(in.get(0), in.get(1), a),
                            (in, a) -> in.get(0).conv1d(in.get(1), a[0], a[1], a[2], 1)));

    private Kinds() {}

    // ------------------------------------------------------------------------------------------
    // forms of rows

    private static Kind map(
            String name,
            DoubleUnaryOperator f,
            DoubleUnaryOperator slope,
            UnaryOperator<Tensor> tensors) {
        return new Kind(
                name,
                1,
                in -> {
                    require(in.get(0).dtype() != DType.BOOL, "of bools");
                    return in.get(0).map(f, slope);
                },
                in -> tensors.apply(in.get(0)));
    }

    private static Kind floating(
            String name, DoubleUnaryOperator f, UnaryOperator<Tensor> tensors) {
        return new Kind(
                name,
                1,
                in -> {
                    require(in.get(0).dtype().isFloating(), "floating only");
                    return in.get(0).map(f, _ -> 0);
                },
                in -> tensors.apply(in.get(0)));
    }

    private interface WithNumber {
        Tensor of(Tensor x, double c);
    }

    private static Kind number(
            String name, DoubleBinaryOperator f, DoubleBinaryOperator slope, WithNumber tensors) {
        return new Kind(
                name,
                1,
                (r, _) -> new long[] {r.nextInt(-2, 4)},
                (in, a) -> {
                    require(in.get(0).dtype() != DType.BOOL, "of bools");
                    require(in.get(0).dtype() != DType.U8 || a[0] >= 0, "negative");
                    return in.get(0)
                            .map(x -> f.applyAsDouble(x, a[0]), x -> slope.applyAsDouble(x, a[0]));
                },
                (in, a) -> tensors.of(in.get(0), a[0]));
    }

    private static DType common(List<Numbers> in) {
        DType t = in.getLast().dtype();
        require(in.get(in.size() - 2).dtype() == t, "dtypes");
        return t;
    }

    private static Kind zip(
            String name,
            DoubleBinaryOperator f,
            DoubleBinaryOperator byX,
            DoubleBinaryOperator byY,
            BinaryOperator<Tensor> tensors) {
        return new Kind(
                name,
                2,
                in -> {
                    require(common(in) != DType.BOOL, "of bools");
                    return in.get(0).zip(in.get(1), common(in), f, byX, byY);
                },
                in -> tensors.apply(in.get(0), in.get(1)));
    }

    private static Kind compare(
            String name, DoubleBinaryOperator f, BinaryOperator<Tensor> tensors) {
        DoubleBinaryOperator flat = (_, _) -> 0;
        return new Kind(
                name,
                2,
                in -> {
                    common(in);
                    return in.get(0).zip(in.get(1), DType.BOOL, f, flat, flat);
                },
                in -> tensors.apply(in.get(0), in.get(1)));
    }

    private interface AlongLoops {
        Numbers of(Numbers x, int axis);
    }

    private interface AlongTensors {
        Tensor of(Tensor x, int axis);
    }

    private static Kind axis(String name, AlongLoops loops, AlongTensors tensors) {
        return new Kind(
                name,
                1,
                (r, in) -> new long[] {anAxis(r, in)},
                (in, a) -> loops.of(in.get(0), (int) a[0]),
                (in, a) -> tensors.of(in.get(0), (int) a[0]));
    }

    private interface ReducedLoops {
        Numbers of(Numbers x, boolean[] along);
    }

    private interface ReducedTensors {
        Tensor of(Tensor x, int... axes);
    }

    private static Kind reduction(String name, ReducedLoops loops, ReducedTensors tensors) {
        return new Kind(
                name,
                1,
                (r, in) -> {
                    int n = in.get(0).rank();
                    require(n > 0, "no axes");
                    int first = r.nextInt(n);
                    return IntStream.range(0, n)
                            .filter(i -> i == first || r.nextInt(3) == 0)
                            .asLongStream()
                            .toArray();
                },
                (in, a) -> {
                    boolean[] along = new boolean[in.get(0).rank()];
                    for (long i : a) {
                        along[(int) i] = true;
                    }
                    return loops.of(in.get(0), along);
                },
                (in, a) -> tensors.of(in.get(0), ints(a)));
    }

    static int[] ints(long[] a) {
        return Arrays.stream(a).mapToInt(Math::toIntExact).toArray();
    }

    private static int anAxis(Random r, List<Numbers> in) {
        require(in.get(0).rank() > 0, "no axes");
        return r.nextInt(in.get(0).rank());
    }

    // ------------------------------------------------------------------------------------------
    // meanings

    private static Numbers where(List<Numbers> in) {
        require(in.get(0).dtype() == DType.BOOL, "condition");
        DType t = common(in);
        int[] to =
                Numbers.broadcast(
                        Numbers.broadcast(in.get(0).shape(), in.get(1).shape()), in.get(2).shape());
        Numbers c = in.get(0).broadcastTo(to);
        Numbers a = in.get(1).broadcastTo(to);
        Numbers b = in.get(2).broadcastTo(to);
        double[] v = new double[c.count()];
        double[] d = new double[c.count()];
        for (int i = 0; i < v.length; i++) {
            Numbers from = c.values()[i] != 0 ? a : b;
            v[i] = from.values()[i];
            d[i] = from.tangents()[i];
        }
        return new Numbers(t, to, v, d);
    }

    private static long[] permutation(Random r, int n) {
        List<Long> p = new ArrayList<>();
        for (long i = 0; i < n; i++) {
            p.add(r.nextInt(p.size() + 1), i);
        }
        return p.stream().mapToLong(i -> i).toArray();
    }

    private static Numbers permuted(Numbers x, long[] p) {
        int[] to = new int[p.length];
        Arrays.setAll(to, i -> x.shape()[(int) p[i]]);
        return x.moved(
                to,
                0,
                at -> {
                    int[] here = new int[at.length];
                    for (int i = 0; i < at.length; i++) {
                        here[(int) p[i]] = at[i];
                    }
                    return Numbers.index(x.shape(), here);
                });
    }

    /// Sizes with a product of n.
    private static long[] divided(Random r, int n) {
        if (n == 0) {
            return new long[] {r.nextInt(3), 0};
        }
        List<Long> sizes = new ArrayList<>();
        int rest = n;
        while (rest > 1 && sizes.size() < 4) {
            int d = 1 + r.nextInt(rest);
            while (rest % d != 0) {
                d--;
            }
            sizes.add((long) d);
            rest /= d;
        }
        sizes.add((long) rest);
        return sizes.stream().mapToLong(i -> i).toArray();
    }

    private static long[] drawSlice(Random r, List<Numbers> in) {
        int axis = anAxis(r, in);
        int n = in.get(0).shape()[axis];
        int from = r.nextInt(n + 1);
        return new long[] {axis, from, from + r.nextInt(n - from + 1), 1 + r.nextInt(3)};
    }

    private static Numbers sliced(Numbers x, long[] a) {
        int axis = (int) a[0];
        int[] to = x.shape().clone();
        to[axis] = (int) Math.ceilDiv(a[2] - a[1], a[3]);
        return x.moved(to, 0, at -> at(x, at, axis, (int) (a[1] + at[axis] * a[3])));
    }

    /// The index of coordinates with one of them replaced.
    private static int at(Numbers x, int[] at, int axis, int place) {
        int[] here = at.clone();
        here[axis] = place;
        return Numbers.index(x.shape(), here);
    }

    private static Numbers flipped(Numbers x, int axis) {
        return x.moved(x.shape(), 0, at -> at(x, at, axis, x.shape()[axis] - 1 - at[axis]));
    }

    private static Numbers padded(Numbers x, long[] a) {
        require(x.dtype() != DType.BOOL, "of bools");
        int axis = (int) a[0];
        int[] to = x.shape().clone();
        to[axis] += (int) (a[1] + a[2]);
        return x.moved(
                to,
                a[3],
                at -> {
                    int place = at[axis] - (int) a[1];
                    return place < 0 || place >= x.shape()[axis] ? -1 : at(x, at, axis, place);
                });
    }

    private static Numbers rolled(Numbers x, long[] a) {
        int axis = (int) a[1];
        int n = x.shape()[axis];
        return x.moved(
                x.shape(), 0, at -> at(x, at, axis, Math.floorMod(at[axis] - (int) a[0], n)));
    }

    private static Numbers joined(Numbers x, Numbers y, int axis) {
        require(x.dtype() == y.dtype() && x.rank() == y.rank(), "types");
        int[] to = x.shape().clone();
        for (int i = 0; i < to.length; i++) {
            require(i == axis || to[i] == y.shape()[i], "shapes");
        }
        int n = to[axis];
        to[axis] += y.shape()[axis];
        int count = Numbers.count(to);
        double[] v = new double[count];
        double[] t = new double[count];
        for (int i = 0; i < count; i++) {
            int[] at = Numbers.coordinates(to, i);
            Numbers from = at[axis] < n ? x : y;
            int k = at(from, at, axis, at[axis] < n ? at[axis] : at[axis] - n);
            v[i] = from.values()[k];
            t[i] = from.tangents()[k];
        }
        return new Numbers(x.dtype(), to, v, t);
    }

    private static long[] wider(Random r, Numbers x) {
        int extra = r.nextInt(2);
        long[] to = new long[x.rank() + extra];
        for (int i = 0; i < to.length; i++) {
            int size = i < extra ? 1 : x.shape()[i - extra];
            to[i] = size == 1 ? 1 + r.nextInt(4) : size;
        }
        return to;
    }

    private static int[] inserted(int[] shape, int axis) {
        int[] to = new int[shape.length + 1];
        for (int i = 0; i < to.length; i++) {
            to[i] = i == axis ? 1 : shape[i < axis ? i : i - 1];
        }
        return to;
    }

    private static void requireIndices(Numbers index) {
        require(index.dtype() == DType.I64 && index.rank() == 1, "indices");
    }

    private static Numbers taken(Numbers x, Numbers index, int axis) {
        requireIndices(index);
        int n = x.shape()[axis];
        require(n > 0 && index.count() > 0, "empty");
        int[] to = x.shape().clone();
        to[axis] = index.count();
        return x.moved(
                to, 0, at -> at(x, at, axis, Math.floorMod((int) index.values()[at[axis]], n)));
    }

    private static Numbers scattered(Numbers x, Numbers index, Numbers y) {
        requireIndices(index);
        require(x.rank() == y.rank() && x.rank() > 0 && x.dtype() == y.dtype(), "types");
        require(x.dtype().isFloating(), "floating only");
        require(y.shape()[0] == index.count() && x.shape()[0] > 0 && y.count() > 0, "sizes");
        require(Arrays.equals(x.shape(), 1, x.rank(), y.shape(), 1, y.rank()), "sizes");
        double[] v = x.values().clone();
        double[] t = x.tangents().clone();
        for (int i = 0; i < y.count(); i++) {
            int[] at = Numbers.coordinates(y.shape(), i);
            int k = at(x, at, 0, Math.floorMod((int) index.values()[at[0]], x.shape()[0]));
            v[k] += y.values()[i];
            t[k] += y.tangents()[i];
        }
        return new Numbers(x.dtype(), x.shape(), v, t);
    }

    private static Tensor scattered(Tensor x, Tensor index, Tensor y) {
        long[] column = new long[y.rank()];
        Arrays.fill(column, 1);
        column[0] = -1;
        Tensor rows = index.mod(x.size(0)).reshape(column).broadcastTo(y.shape());
        return x.scatterAdd(0, rows, y);
    }

    private static Numbers triangle(Numbers x, long diagonal) {
        require(x.rank() >= 2, "matrices");
        int r = x.rank();
        return x.moved(
                x.shape(),
                0,
                at -> at[r - 1] - at[r - 2] <= diagonal ? Numbers.index(x.shape(), at) : -1);
    }

    private static Numbers sum(Numbers x, boolean[] along) {
        DType result = x.dtype().isFloating() ? x.dtype() : DType.I64;
        return x.fold(
                along,
                result,
                (of, v, t, at) -> {
                    double size = 0;
                    for (int i : of) {
                        v[at] += x.values()[i];
                        t[at] += result.isFloating() ? x.tangents()[i] : 0;
                        size += Math.abs(x.values()[i]);
                    }
                    require(size < 1 << 19, "sum too large");
                });
    }

    /// A best one needs some, even if there are no results.
    private static void requireElements(Numbers x, boolean[] along) {
        for (int i = 0; i < along.length; i++) {
            require(!along[i] || x.shape()[i] > 0, "empty");
        }
    }

    private static Numbers best(Numbers x, boolean[] along, int sign) {
        requireElements(x, along);
        return x.fold(
                along,
                x.dtype(),
                (of, v, t, at) -> {
                    double best =
                            Arrays.stream(of)
                                    .mapToDouble(i -> sign * x.values()[i])
                                    .max()
                                    .orElseThrow();
                    int[] ties =
                            Arrays.stream(of).filter(i -> sign * x.values()[i] == best).toArray();
                    require(Integer.bitCount(ties.length) == 1, "thirds");
                    v[at] = sign * best;
                    t[at] =
                            Arrays.stream(ties).mapToDouble(i -> x.tangents()[i]).sum()
                                    / ties.length;
                });
    }

    private static boolean[] only(Numbers x, int axis) {
        boolean[] along = new boolean[x.rank()];
        along[axis] = true;
        return along;
    }

    private static Numbers argmax(Numbers x, int axis) {
        requireElements(x, only(x, axis));
        return x.fold(
                only(x, axis),
                DType.I64,
                (of, v, _, at) -> {
                    int best = 0;
                    for (int i = 1; i < of.length; i++) {
                        best = x.values()[of[i]] > x.values()[of[best]] ? i : best;
                    }
                    v[at] = best;
                });
    }

    private static Numbers cumsum(Numbers x, int axis) {
        DType result = x.dtype().isFloating() ? x.dtype() : DType.I64;
        double[] v = x.values().clone();
        double[] t = result.isFloating() ? x.tangents().clone() : new double[v.length];
        for (int i = 0; i < v.length; i++) {
            int[] at = Numbers.coordinates(x.shape(), i);
            if (at[axis] > 0) {
                int before = at(x, at, axis, at[axis] - 1);
                v[i] += v[before];
                t[i] += t[before];
            }
        }
        return new Numbers(result, x.shape(), v, t);
    }

    private static Numbers sorted(Numbers x, int axis) {
        double[] v = new double[x.count()];
        double[] t = new double[x.count()];
        int n = x.shape()[axis];
        for (int i = 0; i < v.length; i++) {
            int[] at = Numbers.coordinates(x.shape(), i);
            if (at[axis] == 0) {
                List<Integer> row = new ArrayList<>();
                for (int k = 0; k < n; k++) {
                    row.add(at(x, at, axis, k));
                }
                List<Integer> order = new ArrayList<>(row);
                order.sort((a, b) -> Double.compare(x.values()[a] + 0.0, x.values()[b] + 0.0));
                for (int k = 0; k < n; k++) {
                    v[row.get(k)] = x.values()[order.get(k)];
                    t[row.get(k)] = x.tangents()[order.get(k)];
                }
            }
        }
        return new Numbers(x.dtype(), x.shape(), v, t);
    }

    private static Numbers turned(Numbers x) {
        require(x.rank() >= 2, "matrices");
        long[] p = IntStream.range(0, x.rank()).asLongStream().toArray();
        p[x.rank() - 1] = x.rank() - 2;
        p[x.rank() - 2] = x.rank() - 1;
        return permuted(x, p);
    }

    private static Numbers product(Numbers x, Numbers y) {
        require(x.rank() >= 2 && y.rank() >= 2, "matrices");
        require(x.dtype() == y.dtype() && x.dtype().isFloating(), "types");
        int m = x.shape()[x.rank() - 2];
        int k = x.shape()[x.rank() - 1];
        int n = y.shape()[y.rank() - 1];
        require(k == y.shape()[y.rank() - 2], "inner sizes");
        int[] batch =
                Numbers.broadcast(
                        Arrays.copyOf(x.shape(), x.rank() - 2),
                        Arrays.copyOf(y.shape(), y.rank() - 2));
        Numbers a = x.broadcastTo(with(batch, m, k));
        Numbers b = y.broadcastTo(with(batch, k, n));
        int[] to = with(batch, m, n);
        double[] v = new double[Numbers.count(to)];
        double[] t = new double[v.length];
        for (int i = 0; i < v.length; i++) {
            int item = i / (m * n);
            int row = i / n % m;
            double size = 0;
            for (int j = 0; j < k; j++) {
                int p = (item * m + row) * k + j;
                int q = (item * k + j) * n + i % n;
                v[i] += a.values()[p] * b.values()[q];
                t[i] += a.tangents()[p] * b.values()[q] + a.values()[p] * b.tangents()[q];
                size += Math.abs(a.values()[p] * b.values()[q]);
            }
            require(size < 1 << 15, "product too large");
        }
        return new Numbers(x.dtype(), to, v, t);
    }

    private static int[] with(int[] batch, int rows, int columns) {
        int[] out = Arrays.copyOf(batch, batch.length + 2);
        out[batch.length] = rows;
        out[batch.length + 1] = columns;
        return out;
    }

    /// `[n, channels, size]` by `[out, channels, taps]`; stride, padding, dilation.
    private static Numbers convolved(Numbers x, Numbers w, long[] a) {
        require(x.rank() == 3 && w.rank() == 3 && x.dtype() == w.dtype(), "images");
        require(x.dtype().isFloating() && x.shape()[1] == w.shape()[1], "channels");
        require(x.count() > 0 && w.count() > 0, "empty");
        int taps = w.shape()[2];
        long room = x.shape()[2] + 2 * a[1] - a[2] * (taps - 1) - 1;
        require(room >= 0, "no room");
        int[] to = {x.shape()[0], w.shape()[0], (int) (room / a[0]) + 1};
        double[] v = new double[Numbers.count(to)];
        double[] t = new double[v.length];
        for (int i = 0; i < v.length; i++) {
            int[] at = Numbers.coordinates(to, i);
            double size = 0;
            for (int c = 0; c < x.shape()[1]; c++) {
                for (int k = 0; k < taps; k++) {
                    int place = (int) (at[2] * a[0] - a[1] + k * a[2]);
                    if (place >= 0 && place < x.shape()[2]) {
                        int p = Numbers.index(x.shape(), new int[] {at[0], c, place});
                        int q = Numbers.index(w.shape(), new int[] {at[1], c, k});
                        v[i] += x.values()[p] * w.values()[q];
                        t[i] += x.tangents()[p] * w.values()[q] + x.values()[p] * w.tangents()[q];
                        size += Math.abs(x.values()[p] * w.values()[q]);
                    }
                }
            }
            require(size < 1 << 15, "product too large");
        }
        return new Numbers(x.dtype(), to, v, t);
    }
}
