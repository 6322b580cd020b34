package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.Function.Update;
import dev.nacre.compile.Kernel;
import dev.nacre.compile.Plan;
import dev.nacre.type.DType;
import dev.nacre.type.ValueException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// A step that fails because an index is out of range has changed no variable.
class FailedStepTest {
    private static final int N = 5000;

    private final Variable a = Variable.of("a", Tensor.arange(N).cast(DType.F32));
    private final Variable b = Variable.of("b", Tensor.arange(N).cast(DType.F32).mul(2));
    private final Variable table = Variable.of("table", Tensor.arange(N).cast(DType.F32).mul(3));
    private final Tensor index = Tensor.symbol("index", DType.I64, N);

    /// Read like this, the variables are not shared with an expression, so that updates overwrite them.
    private final Function values = Function.ofMany(_ -> List.of(a.mul(1), b.mul(1), table.mul(1)));

    /// Calls with good indices and with one out of range, and compares with what the updates are to give.
    private void check(List<Tensor> outputs, Update... updates) {
        Function f = Function.of(List.of(index), outputs, updates);
        List<Tensor> news = Arrays.stream(updates).map(Update::value).toList();
        Function expected = Function.of(List.of(index), news);
        Tensor good = Tensor.arange(N).flip().realize();
        Tensor bad = Tensor.arange(N).add(1).realize();
        f.call(good); // from now on variables have memory of their own
        for (int round = 0; round < 2; round++) {
            List<Tensor> before = values.call();
            assertThrows(ValueException.class, () -> f.call(bad));
            assertSame(before, values.call());
            List<Tensor> after = expected.call(good);
            f.call(good);
            List<Variable> variables = Arrays.stream(updates).map(Update::variable).toList();
            assertSame(
                    after,
                    Function.ofMany(_ -> variables.stream().map(v -> v.mul(1)).toList()).call());
        }
    }

    private static void assertSame(List<Tensor> expected, List<Tensor> actual) {
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i).toFloatArray(), actual.get(i).toFloatArray());
        }
    }

    @Test
    void updatesBeforeTheFailingKernel() {
        Tensor read = table.take(index, 0);
        check(List.of(), a.to(a.add(1)), b.to(b.cumsum(0).add(read)), table.to(table.sub(1)));
    }

    /// An update that could come before the failing kernel comes after it, and needs no copy.
    @Test
    void updatesComeLast() {
        Tensor product = table.reshape(N, 1).matmul(table.slice(0, 1, 2).reshape(1, 1)).reshape(N);
        Update[] updates = {a.to(product), b.to(b.add(table.take(index, 0)))};
        Function f = Function.of(List.of(index), List.of(), updates);
        Plan plan = f.plan(Tensor.arange(N));
        List<String> names = plan.kernels().stream().map(Kernel::name).toList();
        assertEquals(List.of("gather", "matmul", "loop"), names, plan::explain);
        check(List.of(), updates);
    }

    /// What reads an updated value cannot come before it.
    @Test
    void failureThatDependsOnAnUpdate() {
        Tensor next = a.add(1);
        check(List.of(next.take(index, 0)), a.to(next), b.to(b.mul(2)));
        check(List.of(), a.to(next), b.to(next.cumsum(0).take(index, 0)));
    }

    /// The failing kernel writes the update itself.
    @Test
    void scatterAsUpdate() {
        check(List.of(), a.to(a.zerosLike().scatterAdd(0, index, b)));
        check(List.of(), a.to(a.scatterAdd(0, index, b)), b.to(b.add(1)));
        check(List.of(), a.to(table.take(index, 0)));
    }
}
