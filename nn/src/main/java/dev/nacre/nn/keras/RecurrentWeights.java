package dev.nacre.nn.keras;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Keras's weights of recurrent layers as the states of [dev.nacre.nn.LSTM], [dev.nacre.nn.GRU] and [dev.nacre.nn.RNN], whose gates are in another order and whose matrices are transposed.
///
/// ```java
/// lstm.load(RecurrentWeights.lstm(kernel, recurrentKernel, bias, "_l0"));
/// ```
///
/// The last argument is the end of the names: `_l0`, or `_l0_reverse` for the second half of a bidirectional layer.
public final class RecurrentWeights {
    private RecurrentWeights() {}

    /// Gates input, forget, cell, output, as PyTorch's.
    ///
    /// @param kernel `[in, 4·units]`
    /// @param recurrentKernel `[units, 4·units]`
    /// @param bias `[4·units]`
    public static Map<String, Tensor> lstm(
            Tensor kernel, Tensor recurrentKernel, Tensor bias, String end) {
        check("lstm", 4, kernel, recurrentKernel, bias, 1);
        return state(kernel, recurrentKernel, bias, bias.zerosLike(), List.of(0, 1, 2, 3), end);
    }

    /// Gates update, reset, new in Keras. Only `reset_after=True`, Keras's default, has the same meaning.
    ///
    /// @param kernel `[in, 3·units]`
    /// @param recurrentKernel `[units, 3·units]`
    /// @param bias `[2, 3·units]`
    public static Map<String, Tensor> gru(
            Tensor kernel, Tensor recurrentKernel, Tensor bias, String end) {
        check("gru", 3, kernel, recurrentKernel, bias, 2);
        return state(
                kernel,
                recurrentKernel,
                bias.select(0, 0),
                bias.select(0, 1),
                List.of(1, 0, 2),
                end);
    }

    /// One gate.
    ///
    /// @param kernel `[in, units]`
    /// @param recurrentKernel `[units, units]`
    /// @param bias `[units]`
    public static Map<String, Tensor> rnn(
            Tensor kernel, Tensor recurrentKernel, Tensor bias, String end) {
        check("rnn", 1, kernel, recurrentKernel, bias, 1);
        return state(kernel, recurrentKernel, bias, bias.zerosLike(), List.of(0), end);
    }

    private static void check(
            String name, int gates, Tensor kernel, Tensor recurrent, Tensor bias, int biasRank) {
        Problem p =
                Problem.in(name)
                        .operand("kernel", kernel.type(), kernel::origin)
                        .operand("recurrent kernel", recurrent.type(), recurrent::origin)
                        .operand("bias", bias.type(), bias::origin);
        boolean ranks = kernel.rank() == 2 && recurrent.rank() == 2 && bias.rank() == biasRank;
        p.require(ranks, "the kernels must have 2 axes, and the bias " + biasRank);
        p.require(
                !ranks
                        || recurrent.size(1) == gates * recurrent.size(0)
                                && kernel.size(1) == recurrent.size(1)
                                && bias.size(-1) == recurrent.size(1)
                                && (biasRank == 1 || bias.size(0) == 2),
                "the widths must be " + gates + " times the units");
        p.throwShape();
    }

    private static Map<String, Tensor> state(
            Tensor kernel,
            Tensor recurrent,
            Tensor biasIh,
            Tensor biasHh,
            List<Integer> order,
            String end) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        out.put("weight_ih" + end, ordered(kernel.transpose(), order));
        out.put("weight_hh" + end, ordered(recurrent.transpose(), order));
        out.put("bias_ih" + end, ordered(biasIh, order));
        out.put("bias_hh" + end, ordered(biasHh, order));
        return out;
    }

    private static Tensor ordered(Tensor x, List<Integer> order) {
        long n = x.size(0) / order.size();
        Tensor[] parts = order.stream().map(g -> x.narrow(0, g * n, n)).toArray(Tensor[]::new);
        return Tensor.concat(0, parts);
    }
}
