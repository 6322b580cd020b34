package dev.nacre.reference;

import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.ir.Symbol;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Stream;

/// Graphs on given numbers.
final class Graphs {
    private Graphs() {}

    /// The value of a function of arrays.
    static Array run(Function<List<Node>, Node> f, Array... operands) {
        List<Node> leaves = Arrays.stream(operands).map(x -> Symbol.node("x", x.type())).toList();
        Map<Source, Array> values = new IdentityHashMap<>();
        for (int i = 0; i < operands.length; i++) {
            values.put(((Op.Leaf) leaves.get(i).op()).source(), operands[i]);
        }
        return Interpreter.evaluate(List.of(f.apply(leaves)), values::get).get(0);
    }

    static Array run1(Function<Node, Node> f, Array x) {
        return run(in -> f.apply(in.get(0)), x);
    }

    static Array f64(long[] sizes, double... values) {
        return Array.of(TensorType.of(DType.F64, sizes), values);
    }

    static Array vector(double... values) {
        return f64(new long[] {values.length}, values);
    }

    static Array wholes(DType dtype, long... values) {
        return Array.ofLongs(TensorType.of(dtype, values.length), values);
    }

    static Array random(long seed, long... sizes) {
        SplittableRandom random = new SplittableRandom(seed);
        int n = (int) Arrays.stream(sizes).reduce(1, (a, b) -> a * b);
        return f64(
                sizes,
                Stream.generate(() -> random.nextDouble(-1, 1))
                        .limit(n)
                        .mapToDouble(d -> d)
                        .toArray());
    }

    /// `0, 1, 2, …` in a shape.
    static Array counted(long... sizes) {
        double[] x = new double[(int) Arrays.stream(sizes).reduce(1, (a, b) -> a * b)];
        Arrays.setAll(x, i -> i);
        return f64(sizes, x);
    }

    static int[] sizes(Array x) {
        return Arrays.stream(x.shape().toArray()).mapToInt(s -> (int) s).toArray();
    }
}
