package dev.nacre.optable;

import dev.nacre.ir.Node;
import dev.nacre.ir.Window;
import dev.nacre.reference.Array;
import dev.nacre.type.Axes;
import dev.nacre.type.Correction;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.Function;

/// Chains of convolutions with what stands between them in networks. They are not in the table, since no function is theirs: what is tested is that images keep
/// their meaning in whatever order their axes lie.
final class ImageRows {
    private static final int CHANNELS = 8;

    private ImageRows() {}

    static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        networks(rows);
        windows(rows);
        movements(rows);
        reductions(rows);
        return rows;
    }

    private static Row chain(
            String name, Function<Draw, List<Array>> operands, BinaryOperator<Node> f) {
        return Row.of(name, operands, in -> f.apply(in.get(0), in.get(1)))
                .on(List.of(DType.F32, DType.F64, DType.BF16))
                .from(1)
                .slack(256);
    }

    /// Images of many channels, and a kernel that keeps them.
    private static Row images(String name, BinaryOperator<Node> f) {
        return chain(
                name,
                d ->
                        List.of(
                                d.in(-1, 1, 2, CHANNELS, d.n() + 3, 5),
                                d.in(-0.3, 0.3, CHANNELS, CHANNELS, 3, 3)),
                f);
    }

    private static Node same(Node x, Node w) {
        return x.conv2d(w, 1, 1, 1, 1);
    }

    private static Node normalized(Node x) {
        Node c = x.sub(x.mean(0, 2, 3).reshape(-1, 1, 1));
        return c.mul(x.variance(Correction.NONE, 0, 2, 3).add(0.1).rsqrt().reshape(-1, 1, 1));
    }

    private static void networks(List<Row> rows) {
        rows.add(
                chain(
                        "conv norm relu conv",
                        d ->
                                List.of(
                                        d.in(-1, 1, 2, 3, d.n() + 2, 5),
                                        d.in(-0.5, 0.5, CHANNELS, 3, 3, 3)),
                        (x, w) ->
                                same(
                                        normalized(same(x, w)).relu(),
                                        w.tile(1, 3, 1, 1).slice(1, 0, CHANNELS))));
        rows.add(images("residual", (x, w) -> same(same(x, w).add(x).relu(), w).add(x)));
        rows.add(
                images(
                        "residual with bias",
                        (x, w) -> {
                            Node bias = w.sum(1, 2, 3).reshape(CHANNELS, 1, 1);
                            Node h = same(x, w).add(bias).add(x).relu();
                            return same(h, w).add(same(h.tanh(), w)).sigmoid().add(h);
                        }));
        rows.add(
                chain(
                        "residual products",
                        d ->
                                List.of(
                                        d.in(-1, 1, 2, d.n() + 3, CHANNELS),
                                        d.in(-0.3, 0.3, CHANNELS, CHANNELS)),
                        (x, w) -> {
                            Node h = x.add(x.matmul(w).add(w.sum(0)));
                            Node g = h.matmul(w).add(w.sum(1)).add(h).tanh();
                            return g.matmul(w).add(h.matmul(w)).add(g);
                        }));
        rows.add(
                images(
                        "conv pool flatten matmul",
                        (x, w) -> {
                            Node h = same(x, w).relu().maxPool2d(2, 2, 0).flatten(1);
                            return h.matmul(h.transpose()).tanh();
                        }));
        rows.add(
                images(
                        "attention over pixels",
                        (x, w) -> {
                            Node h = same(x, w).flatten(2);
                            Node p = h.transpose().matmul(h).softmax(-1);
                            return same(h.matmul(p).reshape(x.shape()), w);
                        }));
        rows.add(
                images(
                        "squeeze and excite",
                        (x, w) -> {
                            Node h = same(x, w);
                            Node s = h.mean(2, 3).matmul(w.sum(2, 3)).sigmoid();
                            return same(h.mul(s.unsqueeze(2).unsqueeze(3)), w);
                        }));
    }

    private static void windows(List<Row> rows) {
        rows.add(
                images(
                        "groups and dilation",
                        (x, w) -> {
                            Node grouped = w.slice(1, 0, 2);
                            Node h = x.conv2d(grouped, 1, 2, 2, 4).relu();
                            return h.conv2d(w.slice(1, 0, 1), 2, 1, 1, CHANNELS)
                                    .relu()
                                    .maxPool2d(2, 1, 1);
                        }));
        rows.add(
                images(
                        "transposed",
                        (x, w) ->
                                same(same(x, w).relu().convTranspose2d(w, 2, 1, 1, 1).relu(), w)));
        rows.add(
                images(
                        "overlapping pools",
                        (x, w) -> {
                            Window wide = Window.of(3).stride(2).padding(1, 1);
                            Node h = same(same(x, w).maxPool(List.of(wide, wide)), w);
                            return h.avgPool(List.of(wide, wide), false)
                                    .add(h.avgPool(List.of(wide, wide), true));
                        }));
        rows.add(
                images(
                        "pool that leaves pixels out",
                        (x, w) -> {
                            Window w3 = Window.of(2).stride(3);
                            return same(
                                    same(x, w).maxPool(List.of(w3, Window.of(2).dilation(2))), w);
                        }));
        rows.add(
                chain(
                        "one axis",
                        d ->
                                List.of(
                                        d.in(-1, 1, 2, CHANNELS, d.n() + 4),
                                        d.in(-0.5, 0.5, CHANNELS, CHANNELS, 3)),
                        (x, w) -> {
                            Node h = x.conv1d(w, 1, 1, 1, 1).relu();
                            return h.maxPool(List.of(Window.of(2))).conv1d(w, 1, 1, 1, 1);
                        }));
        rows.add(
                chain(
                        "three axes",
                        d ->
                                List.of(
                                        d.in(-1, 1, 2, CHANNELS, 3, d.n() + 1, 2),
                                        d.in(-0.5, 0.5, CHANNELS, CHANNELS, 2, 1, 2)),
                        (x, w) -> {
                            Window two = Window.of(2).padding(1, 1);
                            Node h = x.conv(w, List.of(two, Window.of(1), two), 1).relu();
                            return h.maxPool(List.of(two, two, two)).conv3d(w, 1, 0, 1, 1);
                        }));
    }

    private static void movements(List<Row> rows) {
        rows.add(
                images(
                        "concat and slice of channels",
                        (x, w) -> {
                            Node all = same(x, w).concat(1, x).relu();
                            return same(all.slice(1, 3, 3 + CHANNELS), w).concat(1, all);
                        }));
        rows.add(
                images(
                        "upsampling",
                        (x, w) -> {
                            Node h = same(x, w);
                            return same(h.repeat(2, 2).repeat(2, 3), w).pad(3, 1, 2, 0.5);
                        }));
        rows.add(
                images(
                        "flips and strides",
                        (x, w) -> {
                            Node h = same(x, w).flip(1, 3).slice(3, 0, 5, 2);
                            return same(same(h, w).padReflect(2, 1, 1), w).roll(1, 1);
                        }));
        rows.add(
                images(
                        "channels shuffled",
                        (x, w) -> {
                            Node h = same(x, w);
                            Node s = h.reshape(h.size(0), 2, 4, h.size(2), h.size(3));
                            return same(s.transpose(1, 2).reshape(h.shape()), w);
                        }));
        rows.add(
                images(
                        "images as rows",
                        (x, w) -> {
                            Node h = same(x, w).permute(0, 2, 3, 1);
                            return same(h.layerNorm(1, 0.1).permute(0, 3, 1, 2), w).flatten(0);
                        }));
    }

    private static void reductions(List<Row> rows) {
        rows.add(images("instance norm", (x, w) -> same(perImage(same(x, w), 2, 3), w)));
        rows.add(images("norm of everything", (x, w) -> same(perImage(same(x, w), 1, 2, 3), w)));
        rows.add(
                images("softmax of channels", (x, w) -> same(same(x, w).softmax(1), w).mean(2, 3)));
        rows.add(
                images(
                        "largest of channels",
                        (x, w) -> same(x, w).max(1).add(same(x, w).max(3).sum(1).unsqueeze(2))));
        rows.add(
                images(
                        "group norm",
                        (x, w) -> {
                            Node h = same(x, w);
                            Node g = h.reshape(h.size(0), 2, -1);
                            return same(perImage(g, 2).reshape(h.shape()), w);
                        }));
    }

    private static Node perImage(Node x, int... axes) {
        Axes a = Axes.sortedOrAll("norm", x.rank(), axes);
        Node c = x.sub(x.mean(axes).expandAlong(a, x.shape()));
        return c.mul(c.square().mean(axes).add(0.1).rsqrt().expandAlong(a, x.shape()));
    }
}
