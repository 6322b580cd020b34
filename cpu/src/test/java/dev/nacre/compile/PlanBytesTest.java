package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.cpu.CpuBackend;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A plan counts what is compiled for it, and nothing for products that need no compiling.
class PlanBytesTest {
    private static final long CODE = 512 << 10;

    enum Form {
        SMALL_PRODUCTS(0, x -> x.of(33, 64).matmul(x.of(64, 10)).matmul(x.of(10, 7))),
        SMALL_PRODUCT_WITH_BIAS(0, x -> x.of(33, 64).matmul(x.of(64, 10)).add(x.of(10))),
        SMALL_GRADIENTS(
                0,
                x -> {
                    Node a = x.of(33, 64);
                    Node b = x.of(64, 10);
                    Node y = a.matmul(b).square();
                    return a.transpose().matmul(y).mul(b).sum().add(y.sum());
                }),
        LOOPS(0, x -> x.of(33, 64).mul(x.of(33, 64)).sum()),
        SMALL_WITH_ACTIVATION(1, x -> x.of(33, 64).matmul(x.of(64, 10)).sigmoid()),
        LARGE_PRODUCT(1, x -> x.of(500, 600).matmul(x.of(600, 400))),
        LARGE_PRODUCTS(2, x -> x.of(500, 600).matmul(x.of(600, 400)).matmul(x.of(400, 300))),
        EQUAL_PRODUCTS(
                1,
                x -> {
                    Node w = x.of(500, 500);
                    return x.of(500, 500).matmul(w).matmul(w);
                }),
        CONVOLUTION(1, x -> x.of(2, 16, 20, 20).conv2d(x.of(8, 16, 3, 3), 1, 1, 1, 1));

        private final int compiled;
        private final Function<Inputs, Node> graph;

        Form(int compiled, Function<Inputs, Node> graph) {
            this.compiled = compiled;
            this.graph = graph;
        }
    }

    private static final class Inputs {
        private final List<Source> sources = new ArrayList<>();

        Node of(long... sizes) {
            Node n = Symbol.node("x" + sources.size(), TensorType.of(DType.F32, sizes));
            sources.add(((Op.Leaf) n.op()).source());
            return n;
        }
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void whatIsCompiledIsCounted(Form form) {
        assumeTrue(
                OneDnn.get().filter(x -> x.instructions().contains("avx")).isPresent(),
                "oneDNN with sgemm");
        Inputs in = new Inputs();
        Node root = form.graph.apply(in);
        List<Optional<Source>> targets = Collections.nCopies(1, Optional.empty());
        Plan plan = Compiler.compile(List.of(root), in.sources, targets, new CpuBackend());
        long bytes = plan.ownBytes();
        assertTrue(bytes >= CODE * form.compiled, () -> bytes + "\n" + plan.explain());
        if (form.compiled == 0) {
            assertTrue(bytes < 128 << 10, () -> bytes + "\n" + plan.explain());
        }
    }
}
