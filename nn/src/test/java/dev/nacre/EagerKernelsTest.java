package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Plan;
import dev.nacre.nn.Activation;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Mode;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.loss.Loss;
import dev.nacre.nn.loss.MSELoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.nn.optim.SGD;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// An eager step is compiled to the kernels of the compiled one.
class EagerKernelsTest {
    private record Row(String name, Module net, Loss loss, Optimizer optimizer, Tensor target) {
        static Row of(
                String name,
                Module net,
                Loss loss,
                Function<List<Variable>, Optimizer> by,
                Tensor target) {
            return new Row(name, net, loss, by.apply(net.parameters()), target);
        }

        Tensor step(Tensor x) {
            optimizer.zeroGrad();
            Tensor l = loss.forward(net.forward(x, Mode.TRAIN), target);
            l.backward();
            optimizer.step();
            return l;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static Module mlp() {
        Rng rng = Rng.seed(3);
        return Sequential.of(Linear.of(13, 9, rng), Activation.RELU, Linear.of(9, 7, rng));
    }

    static Stream<Row> rows() {
        Rng rng = Rng.seed(4);
        Tensor labels = rng.integers(7, 11).realize();
        Tensor numbers = rng.normal(11, 7).realize();
        return Stream.of(
                Row.of("classes, Adam", mlp(), new CrossEntropyLoss(), Adam::of, labels),
                Row.of("classes, SGD", mlp(), new CrossEntropyLoss(), p -> SGD.of(p, 0.1), labels),
                Row.of("numbers, Adam", mlp(), new MSELoss(), Adam::of, numbers));
    }

    @ParameterizedTest
    @MethodSource("rows")
    void areTheSame(Row row) {
        Tensor x = Rng.seed(5).normal(11, 13).realize();
        List<Plan> before = Engine.kept();
        for (int i = 0; i < 3; i++) {
            row.step(x).item();
        }
        Plan eager =
                Engine.kept().stream()
                        .filter(p -> !before.contains(p))
                        .max(Comparator.comparingInt(p -> p.kernels().size()))
                        .orElseThrow();
        Plan compiled = dev.nacre.Function.of((Tensor t) -> row.step(t)).plan(x);
        assertEquals(names(compiled), names(eager));
    }

    private static List<String> names(Plan plan) {
        return plan.kernels().stream().map(Kernel::name).sorted().toList();
    }
}
