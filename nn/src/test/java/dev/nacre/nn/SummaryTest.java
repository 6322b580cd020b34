package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Shapes that modules put out, found from one call of the whole: those that they really put out.
class SummaryTest {
    private static final Rng RNG = Rng.seed(0);

    private record Stack(Tensor x, Module... layers) {}

    private static Tensor images() {
        return Tensor.ones(2, 4, 9, 9);
    }

    private static Tensor sequences() {
        return Tensor.ones(2, 5, 8);
    }

    /// Layers one after the other.
    private static List<Stack> stacks() {
        return List.of(
                new Stack(
                        images(),
                        Conv2d.of(4, 6, 3, RNG),
                        BatchNorm2d.of(6),
                        Activation.RELU,
                        MaxPool2d.of(2),
                        new Residual(Conv2d.of(6, 6, 3, RNG).padding(1)),
                        ConvTranspose2d.of(6, 2, 3, RNG),
                        AvgPool2d.of(2),
                        GroupNorm.of(1, 2),
                        AdaptiveAvgPool2d.of(1),
                        new Flatten(),
                        Linear.of(2, 3, RNG),
                        BatchNorm1d.of(3),
                        new Softmax(1)),
                new Stack(
                        sequences(),
                        LSTM.of(8, 4, RNG),
                        GRU.of(4, 6, RNG),
                        RNN.of(6, 8, RNG),
                        LayerNorm.of(8),
                        TransformerEncoderLayer.of(8, 2, 16, RNG),
                        TransformerEncoderLayer.of(8, 2, 16, RNG),
                        RMSNorm.of(8),
                        Linear.of(8, 1, RNG)),
                new Stack(
                        sequences(),
                        Linear.of(8, 8, RNG),
                        Linear.of(8, 7, RNG),
                        Linear.of(7, 6, RNG),
                        Sequential.of(Linear.of(6, 5, RNG), Activation.TANH, Linear.of(5, 4, RNG)),
                        Linear.of(4, 4, RNG)),
                new Stack(
                        Tensor.zeros(DType.I64, 2, 7),
                        Embedding.of(10, 8, RNG),
                        Dropout.of(0.5, RNG),
                        Conv1d.of(7, 3, 2, RNG)));
    }

    private static Map<String, Set<Shape>> shapes(Module m, Tensor x) {
        Tensor s = Tensor.symbol("x", x.dtype(), x.shape().toArray());
        Tree tree = Tree.of(m);
        Calls calls = Calls.of(tree, m, () -> m.forward(s));
        Map<String, Set<Shape>> out = new LinkedHashMap<>();
        tree.modules().keySet().forEach(k -> out.put(k, calls.outputs(k)));
        return out;
    }

    @TestFactory
    Stream<DynamicTest> layersInAStack() {
        return IntStream.range(0, stacks().size())
                .mapToObj(i ->
                        DynamicTest.dynamicTest(
                                "stack " + i,
                                () -> {
                                    Stack s = stacks().get(i);
                                    Map<String, Set<Shape>> found =
                                            shapes(Sequential.of(s.layers), s.x);
                                    Tensor y = s.x;
                                    for (int k = 0; k < s.layers.length; k++) {
                                        y = s.layers[k].forward(y);
                                        assertEquals(
                                                Set.of(y.shape()),
                                                found.get("" + k),
                                                s.layers[k].toString());
                                    }
                                }));
    }

    // ---------------------------------------------------------------------------------------------
    // the user's

    private record Scale(Variable w) implements Module {
        @Override
        public Tensor forward(Tensor x) {
            return x.mul(w);
        }
    }

    private record Block(Conv2d conv, BatchNorm2d norm, Dropout drop, Optional<Conv2d> skip)
            implements Module {
        static Block of(long in, long out, Rng rng) {
            return new Block(
                    Conv2d.of(in, out, 3, rng).padding(1),
                    BatchNorm2d.of(out),
                    Dropout.of(0.1, rng),
                    in == out ? Optional.empty() : Optional.of(Conv2d.of(in, out, 1, rng)));
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor y = drop.forward(norm.forward(conv.forward(x), mode).relu(), mode);
            return y.add(skip.map(s -> s.forward(x)).orElse(x)).relu();
        }
    }

    private record Net(
            Conv2d stem, List<Block> blocks, MaxPool2d pool, Scale scale, Linear fc1, Linear fc2)
            implements Module {
        static Net of(Rng rng) {
            return new Net(
                    Conv2d.of(1, 4, 3, rng),
                    List.of(
                            Block.of(4, 4, rng),
                            Block.of(4, 4, rng),
                            Block.of(4, 8, rng),
                            Block.of(8, 8, rng)),
                    MaxPool2d.of(2),
                    new Scale(Variable.of("w", Tensor.ones(1))),
                    Linear.of(8 * 9, 5, rng),
                    Linear.of(5, 3, rng));
        }

        private Tensor features(Tensor x, Mode mode) {
            Tensor y = stem.forward(x).relu();
            for (Block b : blocks) {
                y = b.forward(y, mode);
            }
            return y;
        }

        @Override
        public Tensor forward(Tensor x, Mode mode) {
            Tensor y = scale.forward(pool.forward(features(x, mode))).flatten(1);
            return fc2.forward(fc1.forward(y).tanh());
        }
    }

    @Test
    void aUsersNetwork() {
        Map<String, Set<Shape>> found = shapes(Net.of(RNG), Tensor.ones(2, 1, 9, 9));
        Map<String, Shape> expected = new LinkedHashMap<>();
        expected.put("stem", Shape.of(2, 4, 7, 7));
        for (int i = 0; i < 4; i++) {
            for (String part : new String[] {"", ".conv", ".norm", ".drop"}) {
                expected.put("blocks." + i + part, Shape.of(2, i < 2 ? 4 : 8, 7, 7));
            }
        }
        expected.put("blocks.2.skip", Shape.of(2, 8, 7, 7));
        expected.put("pool", Shape.of(2, 8, 3, 3));
        expected.put("scale", Shape.of(2, 8, 3, 3));
        expected.put("fc1", Shape.of(2, 5));
        expected.put("fc2", Shape.of(2, 3));
        expected.forEach((path, shape) -> assertEquals(Set.of(shape), found.get(path), path));
        assertEquals(expected.size() + 1, found.size());
    }

    /// Neither variables nor their place tell two dropouts of one class apart.
    private record Mlp(Linear fc1, Linear fc2, Dropout drop1, Dropout drop2) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return drop2.forward(fc2.forward(drop1.forward(fc1.forward(x).relu(), mode)), mode);
        }
    }

    private static Mlp mlp() {
        return new Mlp(
                Linear.of(784, 64, RNG),
                Linear.of(64, 10, RNG),
                Dropout.of(0.5, RNG),
                Dropout.of(0.5, RNG));
    }

    @Test
    void asATable() {
        assertEquals(
                """
                Mlp → f32[?, 10]
                  layer  type     output   parameters
                  fc1    Linear   [?, 64]      50,240
                  fc2    Linear   [?, 10]         650
                  drop1  Dropout                    0
                  drop2  Dropout                    0
                  50,890 parameters, 0 numbers that are not trained, 203,560 bytes
                """,
                mlp().summary(Shape.ANY, 784));
        assertEquals(
                """
                Linear → f32[1, 2]
                  layer   type    output  parameters
                  (self)  Linear  [1, 2]           8
                  8 parameters, 0 numbers that are not trained, 32 bytes
                """,
                Linear.of(3, 2, RNG).summary(1, 3));
        assertEquals(
                "Embedding → f32[?, ?, 4]",
                Embedding.of(10, 4, RNG)
                        .summary(DType.I64, Shape.ANY, Shape.ANY)
                        .lines()
                        .findFirst()
                        .orElse(""));
    }

    private record Pair(Linear left, Linear right) implements Module {
        Tensor forward(Tensor a, Tensor b) {
            return left.forward(a).mul(right.forward(b));
        }
    }

    /// Shared weights, calls of parts alone, and methods of other names.
    /// Equal layers without variables, one that leaves no trace, one object in two places, and stacks in stacks.
    @Test
    void everyLayerOfAStack() {
        Sequential inner =
                Sequential.of(
                        Linear.of(6, 4, RNG),
                        Activation.RELU,
                        Dropout.of(0.2, RNG),
                        new Identity());
        Sequential net =
                Sequential.of(
                        Conv2d.of(1, 3, 3, RNG),
                        Activation.RELU,
                        MaxPool2d.of(2),
                        Dropout.of(0, RNG),
                        Conv2d.of(3, 2, 2, RNG),
                        Activation.RELU,
                        MaxPool2d.of(2),
                        MaxPool2d.of(1),
                        Dropout.of(0.2, RNG),
                        new Flatten(),
                        Linear.of(18, 6, RNG),
                        inner,
                        new LeakyReLU());
        Map<String, String> wanted = new LinkedHashMap<>();
        Tensor x = Tensor.ones(5, 1, 16, 16);
        for (int i = 0; i < net.layers().size(); i++) {
            x = net.layers().get(i).forward(x);
            wanted.put("" + i, x.shape().toString());
        }
        for (int i = 0; i < 4; i++) {
            wanted.put("11." + i, "[5, 4]");
        }
        Map<String, String> found = new LinkedHashMap<>();
        for (String line : net.summary(Shape.of(5, 1, 16, 16).toArray()).lines().skip(2).toList()) {
            String[] words = line.strip().split("  +");
            if (words.length > 2) {
                found.put(words[0], words[2]);
            }
        }
        assertEquals(new TreeMap<>(wanted), new TreeMap<>(found));
    }

    private record Trap(Linear a, Dropout nothing, Linear b, Dropout half) implements Module {
        @Override
        public Tensor forward(Tensor x, Mode mode) {
            return half.forward(b.forward(nothing.forward(a.forward(x), mode)), mode);
        }
    }

    /// A shape may be missing, never wrong.
    @Test
    void aLayerWithoutATraceHasNoShapeOfAnother() {
        String table =
                new Trap(
                                Linear.of(4, 5, RNG),
                                Dropout.of(0, RNG),
                                Linear.of(5, 6, RNG),
                                Dropout.of(0.5, RNG))
                        .summary(2, 4);
        assertTrue(table.matches("(?s).*nothing +Dropout +0\n.*"), table);
    }

    @Test
    void otherCalls() {
        Pair p = new Pair(Linear.of(2, 4, RNG), Linear.of(3, 4, RNG));
        Tensor a = Tensor.symbol("a", DType.F32, 5, 2);
        Tensor b = Tensor.symbol("b", DType.F32, 1, 3);
        Tree tree = Tree.of(p).named();
        Calls both = Calls.of(tree, p, () -> p.forward(a, b));
        assertEquals(Set.of(Shape.of(5, 4)), both.outputs("left"));
        assertEquals(Set.of(Shape.of(1, 4)), both.outputs("right"));
        Calls parts = Calls.of(tree, p, () -> p.left.forward(a));
        assertEquals(Set.of(Shape.of(5, 4)), parts.outputs("left"));
        assertEquals(Set.of(), parts.outputs("right"));
        Linear l = Linear.of(3, 3, RNG);
        Sequential twice = Sequential.of(l, l);
        Calls shared =
                Calls.of(Tree.of(twice).named(), twice, () -> twice.forward(Tensor.ones(2, 3)));
        assertEquals(Set.of(Shape.of(2, 3)), shared.outputs("0"));
        Linear tied = new Linear(l.weight(), l.bias());
        Sequential two = Sequential.of(l, Activation.RELU, tied);
        Calls unknown = Calls.of(Tree.of(two).named(), two, () -> two.forward(Tensor.ones(2, 3)));
        assertEquals(Set.of(Shape.of(2, 3)), unknown.outputs("0")); // the stack says so
        Pair alike = new Pair(l, tied);
        Calls neither =
                Calls.of(
                        Tree.of(alike).named(), alike, () -> alike.left.forward(Tensor.ones(2, 3)));
        assertEquals(Set.of(), neither.outputs("left")); // which of the two it was nobody can tell
    }
}
