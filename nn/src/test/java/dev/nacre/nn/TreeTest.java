package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.NacreException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TreeTest {
    private static Linear linear() {
        return Linear.of(2, 3, Rng.seed(0));
    }

    private record Attention(Linear query, Linear keyValue) implements Module {}

    private record Block(
            Attention attn, Optional<LayerNorm> norm, int heads, String label, double[] table)
            implements Module {}

    private record Gpt(
            Embedding tokens,
            List<Block> blocks,
            Map<String, Linear> heads,
            Linear[] tail,
            @Key("lm_head") Linear out,
            @Key("") Sequential extra)
            implements Module {}

    private static Block block(boolean norm) {
        return new Block(
                new Attention(linear(), linear().withoutBias()),
                norm ? Optional.of(LayerNorm.of(3)) : Optional.empty(),
                4,
                "x",
                new double[] {1});
    }

    private static Gpt gpt() {
        Map<String, Linear> heads = new LinkedHashMap<>();
        heads.put("z", linear());
        heads.put("a", linear().withoutBias());
        return new Gpt(
                Embedding.of(5, 2, Rng.seed(0)),
                List.of(block(true), block(false)),
                heads,
                new Linear[] {linear().withoutBias()},
                linear().withoutBias(),
                Sequential.of(Activation.RELU, linear()));
    }

    @Test
    void keys() {
        Gpt net = gpt();
        assertEquals(
                List.of(
                        "tokens.weight",
                        "blocks.0.attn.query.weight",
                        "blocks.0.attn.query.bias",
                        "blocks.0.attn.key_value.weight",
                        "blocks.0.norm.weight",
                        "blocks.0.norm.bias",
                        "blocks.1.attn.query.weight",
                        "blocks.1.attn.query.bias",
                        "blocks.1.attn.key_value.weight",
                        "heads.z.weight",
                        "heads.z.bias",
                        "heads.a.weight",
                        "tail.0.weight",
                        "lm_head.weight",
                        "1.weight",
                        "1.bias"),
                List.copyOf(net.state().keySet()));
        assertEquals(
                "parameter blocks.0.attn.key_value.weight",
                net.blocks().getFirst().attn().keyValue().weight().origin());
        assertEquals(16, net.parameters().size());
        assertEquals(10 + 2 * (9 + 6) + 6 + 9 + 6 + 6 + 6 + 9, net.parameterCount());
        net.blocks().getFirst().attn().parameters();
        assertEquals(
                "parameter blocks.0.attn.key_value.weight",
                net.blocks().getFirst().attn().keyValue().weight().origin());
    }

    private record Pair(Linear a, Optional<Linear> b) {}

    private record Shared(@Key("") Pair pair, Pair unnamed) implements Module {}

    /// The parts of a record that is no module are below its name, or the owner's where its key is empty.
    @Test
    void partsOfARecord() {
        Pair pair = new Pair(linear(), Optional.of(linear().withoutBias()));
        Pair other = new Pair(linear(), Optional.empty());
        assertEquals(
                List.of("a.weight", "a.bias", "b.weight", "unnamed.a.weight", "unnamed.a.bias"),
                List.copyOf(new Shared(pair, other).state().keySet()));
    }

    /// A final class with fields, one of them inherited.
    private static class Base {
        final Linear first = linear();
    }

    private static final class Derived extends Base implements Module {
        private final List<Module> layersOfMine = List.of(BatchNorm1d.of(3));
        @NotPart static final Linear NOT_A_PART = linear();
    }

    @Test
    void classesWithFields() {
        assertEquals(
                List.of(
                        "first.weight",
                        "first.bias",
                        "layers_of_mine.0.weight",
                        "layers_of_mine.0.bias",
                        "layers_of_mine.0.running_mean",
                        "layers_of_mine.0.running_var",
                        "layers_of_mine.0.num_batches_tracked"),
                List.copyOf(new Derived().state().keySet()));
        assertEquals(4, new Derived().parameters().size());
    }

    private record Tied(Embedding in, Linear out) implements Module {}

    @Test
    void tiedWeightsAreOneParameter() {
        Embedding in = Embedding.of(3, 2, Rng.seed(0));
        Tied net = new Tied(in, new Linear(in.weight(), Optional.empty()));
        assertEquals(List.of(in.weight()), net.parameters());
        assertEquals(List.of("in.weight"), List.copyOf(net.state().keySet()));
        for (Map<String, Tensor> state :
                List.of(
                        Map.of("in.weight", Tensor.ones(3, 2)),
                        Map.of("out.weight", Tensor.ones(3, 2)),
                        Map.of("in.weight", Tensor.ones(3, 2), "out.weight", Tensor.ones(3, 2)))) {
            in.weight().set(Tensor.zeros(3, 2));
            net.load(state);
            assertEquals(6, in.weight().sum().item());
        }
    }

    private record Doubled(@Key("") Linear a, @Key("") Linear b) implements Module {}

    private static final class Loop implements Module {
        Module self = this;
    }

    private static final class Missing implements Module {
        Linear later;
    }

    @Test
    void treesThatAreWrong() {
        assertEquals(
                "tree: two variables of Doubled have the key 'weight'\n  hint: give one of them another name with @Key",
                assertThrows(NacreException.class, () -> new Doubled(linear(), linear()).state())
                        .getMessage());
        assertEquals(
                "tree: Loop 'self' contains itself\n"
                        + "  hint: mark a reference to the owner with @NotPart",
                assertThrows(NacreException.class, () -> new Loop().state()).getMessage());
        assertEquals(
                "tree: 'later' of Missing is null\n  hint: use an Optional for a part that may be missing",
                assertThrows(NacreException.class, () -> new Missing().state()).getMessage());
    }

    @Test
    void loadConvertsFloatingTypes() {
        Linear l = linear();
        Variable w = l.weight();
        l.load(
                Map.of(
                        "weight",
                        Tensor.ones(dev.nacre.type.DType.F16, 3, 2),
                        "bias",
                        Tensor.ones(dev.nacre.type.DType.F64, 3)));
        assertSame(w, l.weight());
        assertEquals(6, w.sum().item());
    }

    @Test
    void summary() {
        assertEquals(
                """
                Sequential
                  layer  type         variables                                                                                       parameters
                  0      Linear       weight f32[3, 2], bias f32[3]                                                                            9
                  1      BatchNorm1d  weight f32[3], bias f32[3], running_mean f32[3], running_var f32[3], num_batches_tracked i64[]           6
                  2      Activation                                                                                                            0
                  15 parameters, 7 other numbers
                """,
                Sequential.of(linear(), BatchNorm1d.of(3), Activation.RELU).summary());
    }
}
