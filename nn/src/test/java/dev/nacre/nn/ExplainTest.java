package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Rng;
import dev.nacre.Scan;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.ir.Attention;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Plans and errors speak of the user's modules, lines and tensors.
class ExplainTest {
    private record Net(Linear fc1, TransformerEncoderLayer encoder, Linear fc2) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor h = fc1.forward(x);
            h = encoder.forward(h, mode);
            return fc2.forward(h.relu());
        }
    }

    private final Rng rng = Rng.seed(1);
    private final Net net =
            new Net(
                    Linear.of(12, 16, rng),
                    TransformerEncoderLayer.of(16, 2, 32, rng),
                    Linear.of(16, 5, rng));
    private final Tensor x = Tensor.ones(4, 6, 12);
    private final Tensor y = Tensor.arange(24).mod(5);

    private static int line() {
        return new Throwable().getStackTrace()[1].getLineNumber();
    }

    @Test
    void everyProductNamesItsModuleAndLine() {
        Optimizer optimizer = Adam.of(net.parameters());
        int[] lines = new int[1];
        Function step =
                Function.of((Tensor a, Tensor b) -> {
                    Tensor logits = net.forward(a, Mode.EVAL);
                    Tensor loss = new CrossEntropyLoss().forward(logits.reshape(-1, 5), b);
                    optimizer.zeroGrad();
                    loss.backward();
                    lines[0] = line() + 1;
                    optimizer.step();
                    return loss;
                });
        String plan = step.explain(x, y);
        for (String l : plan.lines().filter(s -> s.contains("  matmul ")).toList()) {
            assertTrue(l.matches(".*\\[.*ExplainTest\\.java:\\d+.*]"), l);
        }
        for (String module : List.of("fc1", "fc2", "encoder.linear1", "encoder.self_attn")) {
            assertTrue(plan.contains(module + " (ExplainTest.java:"), module + " in\n" + plan);
            String gradient = "gradient of " + module + " (ExplainTest.java:";
            assertTrue(plan.contains(gradient), gradient + " in\n" + plan);
        }
        assertTrue(plan.contains("ExplainTest.java:" + lines[0]), plan);
        assertTrue(step.profile(x, y).toString().contains("fc1 (ExplainTest.java:"));
        assertFalse(step.explain(x, y).isEmpty());
        assertEquals(plan, step.explain(x, y));
    }

    /// A computed tensor was written down without notes, but its parameters have names.
    @Test
    void anExpressionNamesItsModules() {
        net.parameters();
        String plan = net.forward(x, Mode.EVAL).explain();
        for (String module : List.of("fc1", "fc2", "encoder.linear1")) {
            assertTrue(plan.contains("[" + module), module + " in\n" + plan);
        }
    }

    private record Row(String name, Runnable wrong) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Row> mistakes() {
        Tensor a = Tensor.ones(2, 3);
        Tensor b = Tensor.zeros(4, 5);
        Rng rng = Rng.seed(2);
        Variable w = Variable.zeros("w", 7);
        return Stream.of(
                new Row("add", () -> a.add(b)),
                new Row("sub", () -> a.sub(b)),
                new Row("div", () -> a.div(b)),
                new Row("pow", () -> a.pow(b)),
                new Row("maximum", () -> a.maximum(b)),
                new Row("atan2", () -> a.atan2(b)),
                new Row("eq", () -> a.eq(b)),
                new Row("where", () -> a.gt(0).where(a, b)),
                new Row("broadcastTo", () -> a.broadcastTo(2, 5)),
                new Row("matmul", () -> a.matmul(b)),
                new Row("leading axes", () -> Tensor.ones(2, 3, 3).matmul(Tensor.ones(4, 3, 3))),
                new Row("einsum", () -> a.einsum("ij,jk->ik", b)),
                new Row("rearrange", () -> a.rearrange("a b c -> c")),
                new Row("reshape", () -> a.reshape(4, -1)),
                new Row("permute", () -> a.permute(0)),
                new Row("transpose", () -> a.transpose(0, 5)),
                new Row("slice", () -> a.at("7")),
                new Row("narrow", () -> a.narrow(0, 1, 5)),
                new Row("select", () -> a.select(0, 9)),
                new Row("split", () -> a.split(0, 5, 6)),
                new Row("concat", () -> Tensor.concat(0, a, b)),
                new Row("stack", () -> Tensor.stack(0, List.of(a, b))),
                new Row("gather", () -> a.gather(0, b)),
                new Row("take", () -> a.take(b, 0)),
                new Row("sum", () -> a.sum(4)),
                new Row("mean", () -> Tensor.arange(3).mean()),
                new Row("softmax", () -> Tensor.arange(3).softmax(0)),
                new Row("layerNorm", () -> a.layerNorm(5, 1e-5)),
                new Row("crossEntropy", () -> a.crossEntropy(b, 0)),
                new Row("attention", () -> a.scaledDotProductAttention(b, b, Attention.FULL)),
                new Row("linear", () -> Linear.of(4, 2, rng).forward(a)),
                new Row("conv2d", () -> Conv2d.of(3, 2, 3, rng).forward(a)),
                new Row("lstm", () -> LSTM.of(4, 2, rng).forward(a)),
                new Row("MSELoss", () -> new MSELoss().forward(a, b)),
                new Row("CrossEntropyLoss", () -> new CrossEntropyLoss().forward(a, b)),
                new Row("set", () -> w.set(a)),
                new Row("backward", () -> a.backward()),
                new Row("gradient", () -> Gradients.of(a, w)),
                new Row("item", () -> a.item()),
                new Row("scan", () -> Scan.over(a, b)),
                new Row("of", () -> Tensor.of(new float[3], 2, 2)),
                new Row("full", () -> Tensor.full(0, DType.F32, -3)),
                new Row("load", () -> Linear.of(4, 2, rng).load(Map.of("weight", a))),
                new Row("function", () -> Function.of((Tensor t) -> t.add(b)).apply(a)),
                new Row("call", () -> Function.of((Tensor t) -> t).call()),
                new Row("count", () -> Shape.of(Shape.unknown()).count()),
                new Row("through the JDK", () -> List.of(a).forEach(t -> t.add(b))),
                new Row("optimizer", () -> Adam.of(List.of())),
                new Row("step", () -> Adam.of(List.of(w)).step()));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void errorsBeginAtTheUsersLineAndNameTheUsersTensors(Row row) {
        NacreException e = assertThrows(NacreException.class, row.wrong::run);
        String first = e.getStackTrace()[0].toString();
        assertTrue(first.contains("ExplainTest."), first);
        assertFalse(e.getMessage().contains("result of broadcast"), e.getMessage());
        assertFalse(e.getMessage().contains("result of reshape"), e.getMessage());
    }
}
