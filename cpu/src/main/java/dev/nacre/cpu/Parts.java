package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Kernel.Activation;
import dev.nacre.compile.Kernel.Epilogue;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Binary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// A product or convolution in two parts, where what computes it cannot do all of its epilogue.
///
/// @param kernel the first of it
/// @param loop does the rest to its result in place
record Parts(Kernel.Product kernel, Loop loop) {
    /// For what knows of no addend.
    static Optional<Parts> withoutAddend(Kernel.Product p) {
        Epilogue e = p.epilogue();
        return e.addend()
                .map(v ->
                        new Parts(
                                p.with(new Epilogue(e.bias(), Optional.empty())),
                                loop(e.addend(), e.activation(), p.out())));
    }

    /// For what takes the larger of the result and 0, of which NaN is neither.
    static Optional<Parts> withoutRelu(Kernel.Product p) {
        Epilogue e = p.epilogue();
        return e.activation()
                .filter(a -> a == Activation.RELU)
                .map(a ->
                        new Parts(
                                p.with(new Epilogue(e.bias(), e.addend(), Optional.empty())),
                                loop(Optional.empty(), e.activation(), inRow(p.out()))));
    }

    /// What oneDNN computes of a product.
    static Kernel.Product ofOneDnn(Kernel.Product p) {
        return withoutRelu(p).map(Parts::kernel).orElse(p);
    }

    /// The elements of a view one after the other as they lie, if there are no gaps: the axes of images do not lie in their order.
    private static View inRow(View v) {
        int[] axes =
                IntStream.range(0, v.rank())
                        .filter(a -> v.sizes()[a] != 1)
                        .boxed()
                        .sorted(Comparator.comparingLong(a -> v.strides()[a]))
                        .mapToInt(a -> a)
                        .toArray();
        long count = 1;
        for (int a : axes) {
            if (v.strides()[a] != count) {
                return v;
            }
            count *= v.sizes()[a];
        }
        return new View(v.buffer(), v.dtype(), v.offset(), new long[] {count}, new long[] {1});
    }

    private static Loop loop(Optional<View> addend, Optional<Activation> activation, View out) {
        DType t = out.dtype().arithmetic();
        List<Instr> code = new ArrayList<>();
        List<View> views = new ArrayList<>(List.of(out));
        code.add(new Instr.Load(0, out.dtype()));
        code.add(new Instr.Convert(t, 0));
        addend.ifPresent(v -> {
            code.add(new Instr.Load(1, out.dtype()));
            code.add(new Instr.Convert(t, 2));
            code.add(new Instr.Apply2(Binary.ADD, t, 1, 3));
            views.add(v);
        });
        activation.ifPresent(a -> code.add(new Instr.Apply1(a.function(), t, code.size() - 1)));
        code.add(new Instr.Convert(out.dtype(), code.size() - 1));
        code.add(new Instr.Store(views.size(), out.dtype(), code.size() - 1));
        views.add(out);
        Program program = new Program(code, List.of());
        return new Loop(program, List.of(new Loop.Instance(out.sizes(), views))).withAccesses();
    }
}
