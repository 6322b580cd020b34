package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.ir.Attention;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.HuberLoss;
import dev.nacre.nn.loss.KLDivLoss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.SmoothL1Loss;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// What is masked is not looked at: whatever is in its place, values and all gradients are those with a 0 there.
class MaskingTest {
    /// @param masked broadcast to x: what does not count
    /// @param parameters whose gradients are compared besides x's
    private record Case(
            String name,
            Tensor x,
            Tensor masked,
            UnaryOperator<Tensor> f,
            List<Variable> parameters) {}

    private final Rng rng = Rng.seed(4);
    private final List<Case> cases = new ArrayList<>();

    private Tensor normal(long... sizes) {
        return rng.normal(sizes).realize();
    }

    private static Tensor bools(int... bits) {
        return Tensor.of(bits).cast(DType.BOOL).realize();
    }

    private void add(String name, Tensor x, Tensor masked, UnaryOperator<Tensor> f) {
        add(name, x, masked, f, List.of());
    }

    private void add(
            String name,
            Tensor x,
            Tensor masked,
            UnaryOperator<Tensor> f,
            List<Variable> parameters) {
        cases.add(new Case(name, x, masked, f, parameters));
    }

    private void losses() {
        Tensor rows = bools(0, 1, 0, 1).unsqueeze(1);
        Tensor labels = Tensor.of(new int[] {2, -100, 0, -100});
        Tensor weight = Tensor.of(new float[] {0.5f, 2, 1});
        for (Loss.Reduction r : Loss.Reduction.values()) {
            for (double smoothing : new double[] {0, 0.1}) {
                CrossEntropyLoss l =
                        new CrossEntropyLoss()
                                .reduction(r)
                                .labelSmoothing(smoothing)
                                .ignoreIndex(-100);
                add(r + " " + smoothing, normal(4, 3), rows, x -> l.forward(x, labels));
                CrossEntropyLoss w = l.weight(weight);
                add(r + " weighted " + smoothing, normal(4, 3), rows, x -> w.forward(x, labels));
            }
            CrossEntropyLoss none =
                    new CrossEntropyLoss().reduction(r).weight(Tensor.of(new float[] {1, 0, 1}));
            Tensor ofNone = Tensor.of(new int[] {2, 1, 0, 1});
            add("class of weight 0, " + r, normal(4, 3), rows, x -> none.forward(x, ofNone));
        }
        Tensor t = Tensor.of(new float[] {0.3f, 0, 0.7f, 0});
        KLDivLoss kl = new KLDivLoss();
        add("klDiv", normal(4), bools(0, 1, 0, 1), x -> kl.forward(x, t));
    }

    private void attention() {
        Tensor q = normal(2, 4, 5, 3);
        Tensor padding = bools(0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1).reshape(2, 6).realize();
        Tensor keys = padding.unsqueeze(1).unsqueeze(3);
        Tensor k = normal(2, 2, 6, 3);
        Tensor v = normal(2, 2, 6, 3);
        Tensor visible = padding.not().unsqueeze(1).unsqueeze(1);
        Tensor bias = visible.where(Tensor.of(0.5f), Tensor.of(Float.NEGATIVE_INFINITY)).realize();
        Tensor each = visible.broadcastTo(2, 4, 5, 6).realize();
        for (Tensor m : List.of(visible, bias, each)) {
            for (Attention how : List.of(Attention.FULL, Attention.CAUSAL)) {
                String name = how.causal() + " " + m.type();
                add("keys " + name, k, keys, x -> attend(q, x, v, how, m));
                add("values " + name, v, keys, x -> attend(q, k, x, how, m));
            }
        }
        Tensor blind = bools(0, 1, 0, 0, 1).unsqueeze(1);
        Tensor sees = blind.not().broadcastTo(2, 4, 5, 6).realize();
        add("queries", q, blind, x -> attend(x, k, v, Attention.FULL, sees));
        MultiheadAttention layer = MultiheadAttention.grouped(8, 4, 2, rng);
        List<Variable> parameters = layer.parameters();
        AttentionMask mask = AttentionMask.ofKeyPadding(padding);
        Tensor hidden = padding.unsqueeze(2);
        add(
                "self-attention",
                normal(2, 6, 8),
                hidden,
                x -> hidden.where(Tensor.of(0f), layer.forward(x, mask, Mode.TRAIN)),
                parameters);
        Tensor other = normal(2, 3, 8);
        add(
                "cross-attention",
                normal(2, 6, 8),
                hidden,
                x -> layer.forward(other, x, x, mask, Mode.TRAIN),
                parameters);
        transformers(mask, hidden);
    }

    /// Padding goes on past attention: to norms and to the layers behind them.
    private void transformers(AttentionMask mask, Tensor hidden) {
        var encoder = TransformerEncoderLayer.of(8, 2, 16, rng).dropout(0);
        var decoder = TransformerDecoderLayer.of(8, 2, 16, rng).dropout(0);
        Tensor memory = normal(2, 3, 8);
        for (var e : List.of(encoder, encoder.withNormFirst())) {
            add(
                    "encoder " + e.normFirst(),
                    normal(2, 6, 8),
                    hidden,
                    x -> hidden.where(Tensor.of(0f), e.forward(x, mask, Mode.TRAIN)),
                    e.parameters());
        }
        for (var d : List.of(decoder, decoder.withNormFirst())) {
            add(
                    "decoder " + d.normFirst(),
                    normal(2, 6, 8),
                    hidden,
                    x -> {
                        Tensor y = d.forward(x, memory, mask, AttentionMask.NONE, Mode.TRAIN);
                        return hidden.where(Tensor.of(0f), y);
                    },
                    d.parameters());
            add(
                    "memory of a decoder " + d.normFirst(),
                    normal(2, 6, 8),
                    hidden,
                    x -> d.forward(memory, x, AttentionMask.CAUSAL, mask, Mode.TRAIN),
                    d.parameters());
        }
    }

    @Test
    void attentionToNothing() {
        for (DType t : List.of(DType.F32, DType.F16, DType.F64)) {
            for (long keyHeads : new long[] {2, 4}) {
                Tensor q = Tensor.ones(t, 2, 4, 3, 8);
                Tensor k = Tensor.ones(t, 2, keyHeads, 0, 8);
                Tensor v = Tensor.ones(t, 2, keyHeads, 0, 5);
                for (Attention how : List.of(Attention.FULL, Attention.CAUSAL)) {
                    Tensor y = q.scaledDotProductAttention(k, v, how);
                    assertEquals(Shape.of(2, 4, 3, 5), y.shape());
                    assertEquals(t, y.dtype());
                    assertEquals(0, y.abs().max().item());
                }
            }
        }
    }

    private static Tensor attend(Tensor q, Tensor k, Tensor v, Attention how, Tensor mask) {
        return q.scaledDotProductAttention(k, v, how, Optional.of(mask), Optional.empty());
    }

    private void recurrent() {
        Tensor lengths = Tensor.of(new int[] {5, 2, 3});
        Tensor place = Tensor.arange(5).unsqueeze(1);
        Tensor padding = place.ge(lengths.cast(DType.I64)).unsqueeze(2).realize();
        for (boolean both : new boolean[] {false, true}) {
            LSTM lstm = LSTM.of(4, 3, 2, both, rng);
            GRU gru = GRU.of(4, 3, 2, both, rng);
            RNN rnn = RNN.of(4, 3, 2, both, rng);
            add(
                    "lstm " + both,
                    normal(5, 3, 4),
                    padding,
                    x -> {
                        var out = lstm.run(x, Optional.empty(), Optional.of(lengths), Mode.TRAIN);
                        return out.outputs().sum().add(out.state().c().square().sum());
                    },
                    lstm.parameters());
            add(
                    "gru " + both,
                    normal(5, 3, 4),
                    padding,
                    x -> gru.run(x, Optional.empty(), Optional.of(lengths), Mode.TRAIN).outputs(),
                    gru.parameters());
            add(
                    "rnn " + both,
                    normal(5, 3, 4),
                    padding,
                    x -> rnn.run(x, Optional.empty(), Optional.of(lengths), Mode.TRAIN).outputs(),
                    rnn.parameters());
        }
    }

    private void images() {
        Tensor x = normal(1, 2, 7, 6);
        Tensor corner = Tensor.arange(42).eq(0).reshape(7, 6).realize();
        for (long[] size : new long[][] {{3, 4}, {7, 3}, {5, 2}, {4, 6}}) {
            AdaptiveAvgPool2d pool = new AdaptiveAvgPool2d(size[0], size[1]);
            add(
                    "adaptive " + size[0] + " " + size[1],
                    x,
                    corner,
                    t -> pool.forward(t).slice(2, 1, size[0]).slice(3, 1, size[1]));
        }
        add("avgPool", x, corner, t -> t.avgPool2d(3, 2, 1).slice(2, 1, 4).slice(3, 1, 3));
        add("avgPool, side by side", x, corner, t -> t.avgPool2d(2, 2, 0).slice(2, 1, 3));
    }

    private void selections() {
        Tensor x = rng.uniform(0.5, 2.0, 4, 4).realize();
        Tensor some = bools(1, 0, 0, 1).unsqueeze(1);
        add("where", x, some, t -> some.where(t.zerosLike(), t));
        add("where not", x, some, t -> some.not().where(t, t.zerosLike()));
        add("log", x, some, t -> some.where(t.zerosLike(), t.log().mul(t)));
        add("sqrt", x, some, t -> some.where(t.zerosLike(), t.sqrt()));
        add(
                "reciprocal of square",
                x,
                some,
                t -> some.where(t.onesLike(), t.square().reciprocal()));
        add("pow", x, some, t -> some.where(t.onesLike(), t.pow(-1.5).add(t.gelu())));
        add("div", x, some, t -> some.where(t.onesLike(), t.div(t.square())));
        add(
                "nested",
                x,
                some,
                t -> some.where(t.zerosLike(), t.gt(1).where(t.log(), t.exp()).sqrt().atan()));
        Tensor upper = Tensor.arange(4).unsqueeze(1).lt(Tensor.arange(4)).realize();
        add("tril", x, upper, t -> t.tril(0));
        add("triu", x, upper.transpose().realize(), t -> t.triu(0));
        add("narrow", x, some, t -> t.narrow(0, 1, 2).exp());
        add("take", x, some, t -> t.take(Tensor.of(new int[] {2, 1, 2}), 0).exp());
        add("pad", x, some, t -> t.pad(0, -1, -1, 0).log());
        Tensor bits = rng.bits(x.shape()).realize();
        Tensor dropped =
                bits.shiftRight(Tensor.of(8)).and(Tensor.of(0xFFFFFF)).lt(0x800000).realize();
        add("dropout", x, dropped, t -> t.dropout(0.5, bits));
    }

    @TestFactory
    List<DynamicTest> whatIsMaskedIsNotLookedAt() {
        losses();
        attention();
        recurrent();
        images();
        selections();
        List<DynamicTest> tests = new ArrayList<>();
        for (Case c : cases) {
            tests.add(
                    DynamicTest.dynamicTest(
                            c.name,
                            () -> {
                                List<double[]> expected = results(c, 0);
                                for (double poison :
                                        new double[] {
                                            Double.NaN,
                                            Double.POSITIVE_INFINITY,
                                            Double.NEGATIVE_INFINITY,
                                            1e38
                                        }) {
                                    compare(c.name + " " + poison, expected, results(c, poison));
                                }
                            }));
        }
        return tests;
    }

    private static List<double[]> results(Case c, double poison) {
        Tensor there = c.masked.broadcastTo(c.x.shape());
        Tensor given = there.where(Tensor.full(poison, c.x.dtype()), c.x).realize();
        Variable x = Variable.of("x", given);
        c.parameters.forEach(Variable::zeroGrad);
        Tensor y = c.f.apply(x);
        y.mul(Tensor.of(1.5f)).sum().backward();
        List<double[]> out = new ArrayList<>(List.of(y.toDoubleArray()));
        out.add(x.grad().orElseThrow().toDoubleArray());
        c.parameters.forEach(p -> out.add(p.grad().orElseThrow().toDoubleArray()));
        return out;
    }

    private static void compare(String what, List<double[]> expected, List<double[]> actual) {
        for (int i = 0; i < expected.size(); i++) {
            for (int j = 0; j < expected.get(i).length; j++) {
                double e = expected.get(i)[j];
                assertTrue(Double.isFinite(e), what + ": with zeros, result " + i);
                assertEquals(
                        e,
                        actual.get(i)[j],
                        1e-6 * Math.max(1, Math.abs(e)),
                        what + ": result " + i);
            }
        }
    }

    /// The slots behind the last position, and all of a cache that was cleared, hold anything.
    @Test
    void unusedSlotsOfACache() {
        MultiheadAttention layer = MultiheadAttention.of(8, 2, rng);
        Tensor x = normal(2, 3, 8);
        KeyValueCache clean = layer.cache(2, 7);
        float[] first = layer.forward(x, clean).toFloatArray();
        float[] second = layer.forward(x, clean).toFloatArray();
        for (float poison : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            KeyValueCache cache = layer.cache(2, 7);
            cache.keys().set(cache.keys().fullLike(poison));
            cache.values().set(cache.values().fullLike(poison));
            assertArrayEquals(first, layer.forward(x, cache).toFloatArray());
            assertArrayEquals(second, layer.forward(x, cache).toFloatArray());
            layer.forward(x, cache).realize(); // does not fit: everything is NaN
            cache.clear();
            assertArrayEquals(first, layer.forward(x, cache).toFloatArray());
        }
    }

    /// Far from the target the derivative is that of the linear part, however far.
    @Test
    void infiniteErrors() {
        for (Loss l : List.of(new HuberLoss(), new SmoothL1Loss())) {
            Variable x = Variable.of("x", Tensor.of(new float[] {Float.POSITIVE_INFINITY, 1}));
            l.forward(x, Tensor.of(new float[] {0, 0.5f})).backward();
            assertArrayEquals(new float[] {0.5f, 0.25f}, x.grad().orElseThrow().toFloatArray());
        }
    }

    /// A class of probability 0 counts nothing, be its logit −∞.
    @Test
    void impossibleClasses() {
        Variable x = Variable.of("x", Tensor.of(new float[] {1, Float.NEGATIVE_INFINITY, 2}, 1, 3));
        Tensor q = Tensor.of(new float[] {0.25f, 0, 0.75f}, 1, 3);
        Variable small = Variable.of("small", Tensor.of(new float[] {1, 2}, 1, 2));
        Tensor p = Tensor.of(new float[] {0.25f, 0.75f}, 1, 2);
        Tensor a = new CrossEntropyLoss().forward(x, q);
        Tensor b = new CrossEntropyLoss().forward(small, p);
        assertEquals(b.item(), a.item(), 1e-6);
        a.backward();
        b.backward();
        float[] e = small.grad().orElseThrow().toFloatArray();
        assertArrayEquals(
                new float[] {e[0], 0, e[1]}, x.grad().orElseThrow().toFloatArray(), 1e-6f);
    }
}
