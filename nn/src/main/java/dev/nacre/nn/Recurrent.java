package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Scan;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import dev.nacre.type.ValueException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/// Layers of recurrent cells, each over the outputs of the one before, in one direction or both: what [RNN], [LSTM] and [GRU] have in common.
///
/// @param cell what a step computes
/// @param in width of an element
/// @param hidden width of a state
/// @param layers how many; each takes the outputs of the one before
/// @param bidirectional whether each layer also goes backwards; outputs of both are side by side
/// @param batchFirst whether x and the outputs are `[batch, time, …]` instead of `[time, batch, …]`
/// @param dropout on the outputs of all layers but the last, if any
/// @param weights by PyTorch's names: `weight_ih_l0` `[gates·hidden, in]`, `weight_hh_l0` `[gates·hidden, hidden]`, `bias_ih_l0`, `bias_hh_l0`, `…_l0_reverse`, `…_l1`, …
public record Recurrent(
        Cell cell,
        long in,
        long hidden,
        int layers,
        boolean bidirectional,
        boolean batchFirst,
        Optional<Dropout> dropout,
        @Key("") Map<String, Variable> weights) {
    public Recurrent {
        Problem.in("recurrent")
                .atLeast("in", in, 1)
                .atLeast("hidden", hidden, 1)
                .atLeast("layers", layers, 1)
                .throwValue();
    }

    /// What one step computes of an element and the states before. The formulas are those of [RNN], [LSTM] and [GRU].
    public enum Cell {
        RNN_TANH("rnn", 1, 1, (x, s, w) -> List.of(w.fromBoth(x, s.getFirst()).tanh())),
        RNN_RELU("rnn", 1, 1, (x, s, w) -> List.of(w.fromBoth(x, s.getFirst()).relu())),
        LSTM("lstm", 4, 2, Cell::lstm),
        GRU("gru", 3, 1, Cell::gru);

        /// The next states, the output first.
        @FunctionalInterface
        private interface Step {
            List<Tensor> of(Tensor x, List<Tensor> states, Weights w);
        }

        private final String symbol;
        private final int gates;
        private final int kinds;
        private final Step step;

        Cell(String symbol, int gates, int kinds, Step step) {
            this.symbol = symbol;
            this.gates = gates;
            this.kinds = kinds;
            this.step = step;
        }

        private static List<Tensor> lstm(Tensor x, List<Tensor> states, Weights w) {
            Tensor h = states.get(0);
            long n = h.size(-1);
            Tensor gates = w.fromBoth(x, h);
            Tensor input = gates.narrow(-1, 0, n).sigmoid();
            Tensor forget = gates.narrow(-1, n, n).sigmoid();
            Tensor cell = gates.narrow(-1, 2 * n, n).tanh();
            Tensor output = gates.narrow(-1, 3 * n, n).sigmoid();
            Tensor c = forget.mul(states.get(1)).add(input.mul(cell));
            return List.of(output.mul(c.tanh()), c);
        }

        private static List<Tensor> gru(Tensor x, List<Tensor> states, Weights w) {
            Tensor h = states.getFirst();
            long n = h.size(-1);
            Tensor a = w.fromElement(x);
            Tensor b = w.fromState(h);
            Tensor reset = a.narrow(-1, 0, n).add(b.narrow(-1, 0, n)).sigmoid();
            Tensor update = a.narrow(-1, n, n).add(b.narrow(-1, n, n)).sigmoid();
            Tensor fresh = a.narrow(-1, 2 * n, n).add(reset.mul(b.narrow(-1, 2 * n, n))).tanh();
            return List.of(fresh.add(update.mul(h.sub(fresh))));
        }

        /// One step by itself: x `[batch, in]`, states `[batch, hidden]`.
        List<Tensor> step(Tensor x, List<Tensor> states, Weights w) {
            Problem p = Problem.in(symbol + "_cell").operand("x", x.type(), x::origin);
            boolean fits = x.rank() == 2 && x.size(1) == w.ih.size(1);
            p.require(fits, "x must be [batch, " + w.ih.size(1) + "]");
            for (Tensor s : states) {
                p.operand("state", s.type(), s::origin);
                p.require(
                        !fits || s.shape().mayEqual(Shape.of(x.size(0), w.hidden())),
                        "states must be " + Shape.of(x.size(0), w.hidden()));
            }
            p.operand("weight_ih", w.ih.type(), w.ih::origin).throwShape();
            return next(x, states, w);
        }

        /// The next states, computed wide from products that are not rounded yet, and rounded once.
        private List<Tensor> next(Tensor x, List<Tensor> states, Weights w) {
            List<Tensor> out = new ArrayList<>(step.of(x, states, w));
            for (int k = 0; k < out.size(); k++) {
                DType t =
                        DType.promote(
                                states.get(k).dtype(), DType.promote(x.dtype(), w.hh.dtype()));
                out.set(k, out.get(k).cast(t));
            }
            return out;
        }

        /// What a layer made of other cells cannot be.
        void require(Cell actual) {
            if (actual != this) {
                throw new ValueException(
                        symbol + ": the cell must be " + this + ", but is " + actual);
            }
        }
    }

    /// The weights of one cell. The products with them are `x·ihᵀ` and `h·hhᵀ`.
    ///
    /// @param ih `[gates·hidden, in]`
    /// @param hh `[gates·hidden, hidden]`
    /// @param biasIh `[gates·hidden]`
    /// @param biasHh `[gates·hidden]`
    public record Weights(
            @Key("weight_ih") Variable ih,
            @Key("weight_hh") Variable hh,
            Optional<Variable> biasIh,
            Optional<Variable> biasHh) {
        /// PyTorch's first values: uniform on ±1/√hidden.
        static Weights of(Cell cell, long in, long hidden, String end, Rng rng) {
            Problem.in(cell.symbol).atLeast("in", in, 1).atLeast("hidden", hidden, 1).throwShape();
            Initializer first = Initializer.torchDefault(hidden);
            long rows = cell.gates * hidden;
            return new Weights(
                    Layers.parameter("weight_ih" + end, Shape.of(rows, in), first, rng),
                    Layers.parameter("weight_hh" + end, Shape.of(rows, hidden), first, rng),
                    Optional.of(Layers.parameter("bias_ih" + end, Shape.of(rows), first, rng)),
                    Optional.of(Layers.parameter("bias_hh" + end, Shape.of(rows), first, rng)));
        }

        Weights withoutBias() {
            return new Weights(ih, hh, Optional.empty(), Optional.empty());
        }

        /// Width of a state.
        public long hidden() {
            return hh.size(1);
        }

        /// States to begin with, for each row of x.
        Tensor zeros(Tensor x) {
            return Tensor.zeros(DType.promote(x.dtype(), hh.dtype()), x.size(0), hidden());
        }

        /// Both products and both biases, added up.
        private Tensor fromBoth(Tensor x, Tensor h) {
            Tensor y = Layers.wideProduct(x, ih.transpose());
            if (biasIh.isPresent()) {
                y = y.add(biasIh.get().wide(biasHh.orElseThrow(), Tensor::add));
            }
            return y.add(Layers.wideProduct(h, hh.transpose()));
        }

        private Tensor fromElement(Tensor x) {
            Tensor y = Layers.wideProduct(x, ih.transpose());
            return biasIh.isPresent() ? y.add(biasIh.get()) : y;
        }

        private Tensor fromState(Tensor h) {
            Tensor y = Layers.wideProduct(h, hh.transpose());
            return biasHh.isPresent() ? y.add(biasHh.get()) : y;
        }
    }

    /// What a run gives: the outputs of the last layer, and of each kind of state the last of every layer and direction.
    record Run(Tensor outputs, List<Tensor> states) {}

    private static final int MOST_LAYERS = 1024;

    static Recurrent of(
            Cell cell, long in, long hidden, int layers, boolean bidirectional, Rng rng) {
        Problem.in(cell.symbol).atLeast("in", in, 1).atLeast("hidden", hidden, 1).throwShape();
        Layers.requireAtLeast(cell.symbol, "layers", layers, 1);
        if (layers > MOST_LAYERS) {
            throw new ShapeException(
                    cell.symbol + ": layers must be at most " + MOST_LAYERS + ", but is " + layers);
        }
        Map<String, Variable> weights = new LinkedHashMap<>();
        int directions = bidirectional ? 2 : 1;
        for (int layer = 0; layer < layers; layer++) {
            long width = layer == 0 ? in : hidden * directions;
            for (int d = 0; d < directions; d++) {
                String end = suffix(layer, d);
                Weights w = Weights.of(cell, width, hidden, end, rng);
                weights.put("weight_ih" + end, w.ih);
                weights.put("weight_hh" + end, w.hh);
                w.biasIh.ifPresent(b -> weights.put("bias_ih" + end, b));
                w.biasHh.ifPresent(b -> weights.put("bias_hh" + end, b));
            }
        }
        return new Recurrent(
                cell, in, hidden, layers, bidirectional, false, Optional.empty(), weights);
    }

    private static String suffix(int layer, int direction) {
        return "_l" + layer + (direction == 1 ? "_reverse" : "");
    }

    Recurrent withCell(Cell other) {
        return new Recurrent(
                other, in, hidden, layers, bidirectional, batchFirst, dropout, weights);
    }

    Recurrent withBatchFirst() {
        return new Recurrent(cell, in, hidden, layers, bidirectional, true, dropout, weights);
    }

    Recurrent withDropout(Dropout between) {
        return new Recurrent(
                cell, in, hidden, layers, bidirectional, batchFirst, Optional.of(between), weights);
    }

    Recurrent withoutBias() {
        Map<String, Variable> left = new LinkedHashMap<>(weights);
        left.keySet().removeIf(k -> k.startsWith("bias"));
        return new Recurrent(cell, in, hidden, layers, bidirectional, batchFirst, dropout, left);
    }

    private int directions() {
        return bidirectional ? 2 : 1;
    }

    private Weights weights(int layer, int direction) {
        String end = suffix(layer, direction);
        return new Weights(
                weights.get("weight_ih" + end),
                weights.get("weight_hh" + end),
                Optional.ofNullable(weights.get("bias_ih" + end)),
                Optional.ofNullable(weights.get("bias_hh" + end)));
    }

    /// Runs all layers.
    ///
    /// @param firsts of each kind the first states, `[layers·directions, batch, hidden]`; zeros if there are none
    /// @param lengths how many elements of each example count, if not all do
    Run run(Tensor x, List<Tensor> firsts, Optional<Tensor> lengths, Mode mode) {
        check(x, firsts, lengths);
        int kinds = cell.kinds;
        boolean single = x.rank() == 2;
        Tensor sequence = single ? x.unsqueeze(1) : batchFirst ? x.transpose(0, 1) : x;
        long batch = sequence.size(1);
        Optional<Tensor> mask = lengths.map(n -> mask(n.broadcastTo(batch), sequence.size(0)));
        List<List<Tensor>> lasts = new ArrayList<>();
        IntStream.range(0, kinds).forEach(_ -> lasts.add(new ArrayList<>()));
        Tensor y = // what does not count may be anything
                mask.isEmpty() ? sequence : mask.get().where(sequence, sequence.zerosLike());
        for (int layer = 0; layer < layers; layer++) {
            if (layer > 0 && dropout.isPresent()) {
                y = dropout.get().forward(y, mode);
            }
            List<Tensor> ways = new ArrayList<>();
            for (int d = 0; d < directions(); d++) {
                int place = layer * directions() + d;
                Tensor[] from = new Tensor[kinds];
                for (int k = 0; k < kinds; k++) {
                    from[k] =
                            firsts.isEmpty()
                                    ? Tensor.zeros(stateType(x), batch, hidden)
                                    : firstOf(firsts.get(k), place, single)
                                            .broadcastTo(batch, hidden);
                }
                Run one = direction(y, from, mask, d == 1, weights(layer, d));
                ways.add(one.outputs);
                for (int k = 0; k < kinds; k++) {
                    lasts.get(k).add(one.states.get(k));
                }
            }
            y = ways.size() == 1 ? ways.getFirst() : ways.get(0).concat(2, ways.get(1));
        }
        List<Tensor> states =
                lasts.stream()
                        .map(s -> Tensor.stack(0, s))
                        .map(s -> single ? s.squeeze(1) : s)
                        .toList();
        return new Run(single ? y.squeeze(1) : batchFirst ? y.transpose(0, 1) : y, states);
    }

    private DType stateType(Tensor x) {
        return DType.promote(x.dtype(), weights(0, 0).hh.dtype());
    }

    private static Tensor firstOf(Tensor firsts, int place, boolean single) {
        Tensor s = firsts.select(0, place);
        return single ? s.unsqueeze(0) : s;
    }

    /// True where an element counts: `[time, batch, 1]`.
    private static Tensor mask(Tensor lengths, long time) {
        Tensor places = Tensor.arange(time).unsqueeze(1);
        return places.lt(lengths.cast(DType.I64).unsqueeze(0)).unsqueeze(2);
    }

    private Run direction(
            Tensor x, Tensor[] firsts, Optional<Tensor> mask, boolean backwards, Weights w) {
        Scan scan = (mask.isPresent() ? Scan.over(x, mask.get()) : Scan.over(x)).from(firsts);
        Scan.Result r =
                (backwards ? scan.backwards() : scan)
                        .run((in, states) -> {
                            List<Tensor> next = cell.next(in.get(0), states, w);
                            if (mask.isEmpty()) {
                                return Scan.step(next.toArray(Tensor[]::new))
                                        .giving(next.getFirst());
                            }
                            Tensor counts = in.get(1).broadcastTo(next.getFirst().shape());
                            Tensor[] kept = new Tensor[next.size()];
                            Arrays.setAll(kept, k -> counts.where(next.get(k), states.get(k)));
                            Tensor none = next.getFirst().zerosLike();
                            return Scan.step(kept).giving(counts.where(next.getFirst(), none));
                        });
        return new Run(r.outputs().getFirst(), r.states());
    }

    private void check(Tensor x, List<Tensor> firsts, Optional<Tensor> lengths) {
        boolean rank = x.rank() == 2 || x.rank() == 3;
        Problem p = Problem.in(cell.symbol).operand("x", x.type(), x::origin);
        Variable weight = weights.values().iterator().next();
        DType own = weight.dtype();
        if (x.dtype() != own && x.dtype() != DType.F64) { // the states are of x's type
            p.operand("weight", weight.type(), weight::origin)
                    .rule("x must be " + own + ", but is " + x.dtype())
                    .hint("x.cast(DType." + own.name() + ")")
                    .throwDType();
        }
        p.require(
                rank,
                "x must be "
                        + (batchFirst ? "[batch, time, " : "[time, batch, ")
                        + in
                        + "], or [time, "
                        + in
                        + "] of one example");
        p.require(
                !rank || x.size(-1) == in,
                "x.size(-1) must be " + in + (rank ? ", but is " + x.size(-1) : ""));
        if (rank) {
            long batch = x.rank() == 2 ? 1 : x.size(batchFirst ? 0 : 1);
            long places = (long) layers * directions();
            Shape state =
                    x.rank() == 2 ? Shape.of(places, hidden) : Shape.of(places, batch, hidden);
            for (int k = 0; k < firsts.size(); k++) {
                p.operand("state " + k, firsts.get(k).type(), firsts.get(k)::origin);
                p.require(firsts.get(k).shape().mayEqual(state), "states must be " + state);
            }
            lengths.ifPresent(n -> {
                p.operand("lengths", n.type(), n::origin);
                p.require(
                        n.dtype().isInteger() && n.shape().mayEqual(Shape.of(batch)),
                        "lengths must be integers " + Shape.of(batch));
            });
        }
        p.throwShape();
        long time = x.size(x.rank() == 3 && batchFirst ? 1 : 0);
        if (time >= 0) {
            lengths.ifPresent(
                    n -> Labels.requireRange(cell.symbol, "length", "lengths are", n, time + 1));
        }
    }
}
