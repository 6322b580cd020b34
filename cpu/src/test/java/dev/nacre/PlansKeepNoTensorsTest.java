package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.type.DType;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A plan is compiled from the very graph that it is for; of that graph's tensors it keeps none.
class PlansKeepNoTensorsTest {
    enum Form {
        LOOP(x -> x.sin().sum()),
        PRODUCT(x -> x.reshape(7, 11).matmul(x.reshape(11, 7)).sum()),
        ORDERED(x -> x.argmax(0)),
        DERIVATIVE(x -> {
            Variable w = Variable.of("w", Tensor.ones(77));
            x.mul(w).square().sum().backward();
            return w.grad().orElseThrow();
        }),
        UPDATE(x -> {
            Variable w = Variable.of("w", Tensor.ones(77));
            Variable.update(List.of(w), () -> w.set(w.sub(x.mul(0.25))));
            return w.detach();
        });

        private final Function<Tensor, Tensor> of;

        Form(Function<Tensor, Tensor> of) {
            this.of = of;
        }
    }

    private static WeakReference<Object> computed(Form form) {
        Tensor x = Tensor.arange(77).cast(DType.F32).realize();
        form.of.apply(x).realize();
        return new WeakReference<>(x.node());
    }

    @ParameterizedTest
    @EnumSource(Form.class)
    void whatWasComputedWithIsLetGo(Form form) throws InterruptedException {
        long before = Engine.compiled();
        WeakReference<Object> leaf = computed(form);
        assertTrue(Engine.compiled() > before, "a plan was kept");
        for (int i = 0; i < 50 && !leaf.refersTo(null); i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertTrue(leaf.refersTo(null));
    }
}
