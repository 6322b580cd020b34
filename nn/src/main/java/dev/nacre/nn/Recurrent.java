package dev.nacre.nn;

import dev.nacre.Rng;
import dev.nacre.Scan;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/// Layers of recurrent cells, each over the outputs of the one before, in one direction or both: what [RNN], [LSTM] and [GRU] have in common.
///
/// @param name for errors
/// @param in width of an element
/// @param hidden width of a state
/// @param layers how many
/// @param bidirectional whether each layer also goes backwards
/// @param batchFirst whether x and the outputs are `[batch, time, …]` instead of `[time, batch, …]`
/// @param dropout between layers, if any
/// @param weights by PyTorch's names
record Recurrent(
        String name,
        long in,
        long hidden,
        int layers,
        boolean bidirectional,
        boolean batchFirst,
        Optional<Dropout> dropout,
        Map<String, Variable> weights) {

    /// The weights of one cell. The products with them are `x·ihᵀ` and `h·hhᵀ`.
    record Weights(Variable ih, Variable hh, Optional<Variable> biasIh, Optional<Variable> biasHh) {
        /// Both products and both biases, added up.
        Tensor fromBoth(Tensor x, Tensor h) {
            Tensor y = x.matmul(ih.transpose());
            if (biasIh.isPresent()) {
                y = y.add(biasIh.get().add(biasHh.orElseThrow()));
            }
            return y.add(h.matmul(hh.transpose()));
        }

        Tensor fromElement(Tensor x) {
            Tensor y = x.matmul(ih.transpose());
            return biasIh.isPresent() ? y.add(biasIh.get()) : y;
        }

        Tensor fromState(Tensor h) {
            Tensor y = h.matmul(hh.transpose());
            return biasHh.isPresent() ? y.add(biasHh.get()) : y;
        }
    }

    /// One step: the next states, the output first.
    @FunctionalInterface
    interface Cell {
        List<Tensor> step(Tensor x, List<Tensor> states, Weights w);
    }

    /// What a run gives: the outputs of the last layer, and of each kind of state the last of every layer and direction.
    record Run(Tensor outputs, List<Tensor> states) {}

    static Recurrent of(
            String name,
            int gates,
            long in,
            long hidden,
            int layers,
            boolean bidirectional,
            Rng rng) {
        Layers.requireAtLeast(name, "layers", layers, 1);
        Initializer first = Initializer.torchDefault(hidden);
        Map<String, Variable> weights = new LinkedHashMap<>();
        int directions = bidirectional ? 2 : 1;
        for (int layer = 0; layer < layers; layer++) {
            long width = layer == 0 ? in : hidden * directions;
            for (int d = 0; d < directions; d++) {
                String end = suffix(layer, d);
                put(weights, "weight_ih" + end, Shape.of(gates * hidden, width), first, rng);
                put(weights, "weight_hh" + end, Shape.of(gates * hidden, hidden), first, rng);
                put(weights, "bias_ih" + end, Shape.of(gates * hidden), first, rng);
                put(weights, "bias_hh" + end, Shape.of(gates * hidden), first, rng);
            }
        }
        return new Recurrent(
                name, in, hidden, layers, bidirectional, false, Optional.empty(), weights);
    }

    private static void put(
            Map<String, Variable> to, String name, Shape shape, Initializer first, Rng rng) {
        to.put(name, Layers.parameter(name, shape, first, rng));
    }

    private static String suffix(int layer, int direction) {
        return "_l" + layer + (direction == 1 ? "_reverse" : "");
    }

    Map<String, Variable> withoutBiases() {
        Map<String, Variable> out = new LinkedHashMap<>(weights);
        out.keySet().removeIf(k -> k.startsWith("bias"));
        return out;
    }

    int directions() {
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
    /// @param kinds how many kinds of states a cell has
    /// @param firsts of each kind the first states, `[layers·directions, batch, hidden]`; zeros if there are none
    /// @param lengths how many elements of each example count, if not all do
    Run run(
            Tensor x,
            int kinds,
            List<Tensor> firsts,
            Optional<Tensor> lengths,
            Mode mode,
            Cell cell) {
        check(x, firsts, lengths);
        boolean single = x.rank() == 2;
        Tensor sequence = single ? x.unsqueeze(1) : batchFirst ? x.transpose(0, 1) : x;
        long batch = sequence.size(1);
        Optional<Tensor> mask = lengths.map(n -> mask(n, sequence.size(0)));
        List<List<Tensor>> lasts = new ArrayList<>();
        IntStream.range(0, kinds).forEach(_ -> lasts.add(new ArrayList<>()));
        Tensor y = sequence;
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
                                    ? Tensor.zeros(x.dtype(), batch, hidden)
                                    : firstOf(firsts.get(k), place, single);
                }
                Run one = direction(y, from, mask, d == 1, weights(layer, d), cell);
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

    private static Tensor firstOf(Tensor firsts, int place, boolean single) {
        Tensor s = firsts.select(0, place);
        return single ? s.unsqueeze(0) : s;
    }

    /// True where an element counts: `[time, batch, 1]`.
    private static Tensor mask(Tensor lengths, long time) {
        Tensor places = Tensor.arange(time).unsqueeze(1);
        return places.lt(lengths.cast(DType.I64).unsqueeze(0)).unsqueeze(2);
    }

    private static Run direction(
            Tensor x,
            Tensor[] firsts,
            Optional<Tensor> mask,
            boolean backwards,
            Weights w,
            Cell cell) {
        Scan scan = (mask.isPresent() ? Scan.over(x, mask.get()) : Scan.over(x)).from(firsts);
        Scan.Result r =
                (backwards ? scan.backwards() : scan)
                        .run((in, states) -> {
                            List<Tensor> next = cell.step(in.get(0), states, w);
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
        Problem p = Problem.in(name).operand("x", x.type(), x.origin());
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
                p.operand("state " + k, firsts.get(k).type(), firsts.get(k).origin());
                p.require(firsts.get(k).shape().equals(state), "states must be " + state);
            }
            lengths.ifPresent(n -> {
                p.operand("lengths", n.type(), n.origin());
                p.require(
                        n.dtype().isInteger() && n.shape().equals(Shape.of(batch)),
                        "lengths must be integers [" + batch + "]");
            });
        }
        p.throwShape();
    }
}
