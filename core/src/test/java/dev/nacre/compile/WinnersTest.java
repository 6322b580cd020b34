package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.autodiff.Reverse;
import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Symbol;
import dev.nacre.ir.Window;
import dev.nacre.reference.Array;
import dev.nacre.reference.Interpreter;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/// Gradients through max pooling, as they are and as the pass leaves them, in the interpreter.
class WinnersTest {
    private static final TensorType IMAGES = TensorType.of(DType.F64, 2, 3, 7, 6);

    private final Node x = Symbol.node("x", IMAGES);

    /// Whole numbers of both signs and zeros, so that windows have equal elements, and some NaN.
    private static final Array NUMBERS = numbers();

    private static Array numbers() {
        SplittableRandom random = new SplittableRandom(3);
        double[] values = new double[(int) IMAGES.shape().count()];
        Arrays.setAll(values, i -> i % 37 == 5 ? Double.NaN : random.nextInt(-4, 4));
        return Array.of(IMAGES, values);
    }

    /// The gradients to x and to a bias per channel of a sum that weighs all pooled numbers differently.
    private List<Node> gradients(Node relu, Window w) {
        Node pooled = relu.maxPool(List.of(w, w));
        Node weights = pooled.iota(pooled.shape().count(), DType.F64).reshape(pooled.shape());
        Node loss = pooled.mul(weights).sum();
        Node dx = Reverse.gradients(List.of(loss), List.of(loss.onesLike()), List.of(x)).getFirst();
        return List.of(dx, dx.sum(0, 2, 3));
    }

    private static void same(List<Node> before, List<Node> after) {
        assertEquals(
                Interpreter.evaluate(before, _ -> NUMBERS),
                Interpreter.evaluate(after, _ -> NUMBERS));
    }

    private static long count(List<Node> roots, TensorType type, Predicate<Op> what) {
        return Graph.topological(roots).stream()
                .filter(n -> what.test(n.op()) && n.inputs().stream().anyMatch(i -> is(i, type)))
                .count();
    }

    private static boolean is(Node n, TensorType type) {
        return n.shape().equals(type.shape());
    }

    private static boolean isSum(Op op) {
        return op instanceof Op.Reduce r && r.kind() == Reduction.SUM;
    }

    @Test
    void masksAndSumsAreTakenOfThePooledImage() {
        for (Window w : List.of(Window.of(2).stride(2), Window.of(3).stride(2), Window.of(2))) {
            List<Node> before = gradients(x.relu(), w);
            List<Node> after = Winners.run(before);
            same(before, after);
            assertEquals(1, count(before, IMAGES, Op.Select.class::isInstance));
            assertEquals(0, count(after, IMAGES, Op.Select.class::isInstance));
            assertEquals(1, count(before, IMAGES, WinnersTest::isSum));
            assertEquals(0, count(after, IMAGES, WinnersTest::isSum));
        }
    }

    /// A window with nothing but padding keeps its gradient, so the sums differ; masks do not.
    @Test
    void sumsOfPaddedImagesStay() {
        List<Node> before = gradients(x.relu(), Window.of(2).stride(2).padding(1, 2));
        List<Node> after = Winners.run(before);
        same(before, after);
        assertEquals(0, count(after, IMAGES, Op.Select.class::isInstance));
        assertEquals(1, count(after, IMAGES, WinnersTest::isSum));
    }

    /// Where another value decides, or the whole gradient is wanted too.
    @Test
    void otherMasksStay() {
        Node other = x.mul(x).relu();
        Node pooled = x.maxPool(List.of(Window.of(2), Window.of(2)));
        Node loss = pooled.sum();
        Node dx = Reverse.gradients(List.of(loss), List.of(loss.onesLike()), List.of(x)).getFirst();
        List<Node> elsewhere = List.of(other.gt(0).where(dx, dx.zerosLike()));
        same(elsewhere, Winners.run(elsewhere));
        assertEquals(1, count(Winners.run(elsewhere), IMAGES, Op.Select.class::isInstance));
        List<Node> twice = List.of(x.gt(0).where(dx, dx.zerosLike()), dx);
        same(twice, Winners.run(twice));
        assertEquals(1, count(Winners.run(twice), IMAGES, Op.Select.class::isInstance));
        List<Node> filled = List.of(x.gt(0).where(dx, dx.onesLike()));
        same(filled, Winners.run(filled));
        assertEquals(1, count(Winners.run(filled), IMAGES, Op.Select.class::isInstance));
    }

    /// Sums along some axes of an image are no sums of the pooled one.
    @Test
    void sumsAlongOneAxisStay() {
        Node dx = gradients(x, Window.of(2).stride(2)).getFirst();
        List<Node> rows = List.of(dx.sum(3));
        same(rows, Winners.run(rows));
        assertEquals(1, count(Winners.run(rows), IMAGES, WinnersTest::isSum));
        List<Node> all = List.of(dx.sum());
        same(all, Winners.run(all));
        assertEquals(0, count(Winners.run(all), IMAGES, WinnersTest::isSum));
    }
}
