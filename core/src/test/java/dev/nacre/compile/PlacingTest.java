package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.ir.Attention;
import dev.nacre.ir.Composite;
import dev.nacre.type.Axes;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlacingTest {
    private final List<Scheduler.Buffer> buffers = new ArrayList<>();

    private View dense(long... sizes) {
        TensorType type = TensorType.of(DType.F32, sizes);
        buffers.add(new Scheduler.Buffer(DType.F32, type.shape().count()));
        return View.dense(buffers.size() - 1, type);
    }

    private final View q = dense(2, 3, 8, 4); // given
    private final View a = dense(2, 3, 8, 4);
    private final View joined = dense(2, 8, 12);
    private final View place =
            new View(
                    joined.buffer(),
                    DType.F32,
                    0,
                    new long[] {2, 8, 3, 4},
                    new long[] {96, 12, 4, 1});

    private static Kernel attention(View q, View out) {
        return new Kernel.Call(Attention.FULL, List.of(q, q, q), List.of(0), List.of(out));
    }

    private static View turned(View v) {
        return v.permute(Axes.of("turned", 4, 0, 2, 1, 3));
    }

    private List<Kernel> run(List<Kernel> kernels, View... roots) {
        var s = new Scheduler.Schedule(List.of(), buffers, kernels, List.of(roots));
        return Placing.run(s, 1).kernels();
    }

    private final Kernel makes = attention(q, a);
    private final Kernel copies = Group.copy(turned(a), place);

    @Test
    void aResultGoesWhereItWouldBeCopied() {
        Kernel user = attention(joined, dense(2, 8, 12));
        assertEquals(List.of(attention(q, turned(place)), user), run(List.of(makes, copies, user)));
    }

    @Test
    void otherReadersFindItThere() {
        Kernel reader =
                new Kernel.Call(
                        new Composite.Derivative(Attention.FULL, 0, List.of(0)),
                        List.of(q, q, q, a),
                        List.of(0),
                        List.of(dense(2, 3, 8, 4)));
        List<Kernel> out = run(List.of(makes, copies, reader));
        assertEquals(2, out.size());
        assertEquals(turned(place), out.getLast().reads().getLast());
    }

    @Test
    void partsOfOneBufferAreAllWrittenThere() {
        View b = dense(2, 3, 8, 4);
        View both = dense(2, 8, 24);
        View first =
                new View(
                        both.buffer(),
                        DType.F32,
                        0,
                        new long[] {2, 8, 3, 4},
                        new long[] {192, 24, 4, 1});
        Kernel two = new Kernel.Call(Attention.FULL, List.of(q), List.of(0, 1), List.of(a, b));
        assertEquals(
                List.of(
                        new Kernel.Call(
                                Attention.FULL,
                                List.of(q),
                                List.of(0, 1),
                                List.of(turned(first), turned(first.on(both.buffer(), 12))))),
                run(
                        List.of(
                                two,
                                Group.copy(turned(a), first),
                                Group.copy(turned(b), first.on(both.buffer(), 12)))));
    }

    /// A reader of other axes, a result, columns that would be rows, a place that somebody has to do with before, and makers that are not composites' kernels.
    @Test
    void whatMustStayIsCopied() {
        View flat = new View(a.buffer(), DType.F32, 0, new long[] {a.count()}, new long[] {1});
        Kernel reads = Group.copy(flat, dense(a.count()));
        assertEquals(List.of(makes, copies, reads), run(List.of(makes, copies, reads)));
        assertEquals(List.of(makes, copies), run(List.of(makes, copies), a));
        Kernel columns = Group.copy(a.permute(Axes.of("turned", 4, 0, 1, 3, 2)), dense(2, 3, 4, 8));
        assertEquals(List.of(makes, columns), run(List.of(makes, columns)));
        Kernel fills = attention(q, joined.on(joined.buffer(), 0));
        assertEquals(List.of(makes, fills, copies), run(List.of(makes, fills, copies)));
        Kernel product = new Kernel.Contraction(q, q, Kernel.Epilogue.NONE, a);
        assertEquals(List.of(product, copies), run(List.of(product, copies)));
    }
}
