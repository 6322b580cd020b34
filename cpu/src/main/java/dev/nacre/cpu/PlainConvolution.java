package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Memory;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.cpu.loops.LoopRunner;
import dev.nacre.ir.Op;
import dev.nacre.ir.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/// Convolutions in the form in which kernels take them.
final class PlainConvolution {
    private PlainConvolution() {}

    /// With windows whose numbers are no larger than they need be: a stride that leads no further than behind the image, a dilation that separates no taps.
    static Kernel.Product bounded(Kernel.Product p) {
        if (!(p instanceof Kernel.Convolution c)) {
            return p;
        }
        View data = c.op().kind() == Op.Convolve.Kind.DATA ? c.out() : c.a();
        List<Window> windows = new ArrayList<>();
        for (int i = 0; i < c.op().windows().size(); i++) {
            windows.add(bounded(c.op().windows().get(i), data.sizes()[2 + i]));
        }
        Op.Convolve op = c.op();
        return windows.equals(op.windows())
                ? c
                : new Kernel.Convolution(
                        new Op.Convolve(op.kind(), windows, op.groups(), op.result()),
                        c.a(),
                        c.b(),
                        c.epilogue(),
                        c.out());
    }

    private static Window bounded(Window w, long n) {
        long dilation = w.size() == 1 ? 1 : w.dilation();
        Window dense = w.dilation(dilation);
        long room = n + w.before() + w.after() - dense.reach();
        return room < 0 ? dense : dense.stride(Math.min(w.stride(), room + 1));
    }

    /// With copies of operands that repeat an element along an axis: a library's copies do not know such.
    ///
    /// @param then how the convolution is computed after that
    static Supplier<Step> unrepeated(
            Kernel.Convolution c, Function<Kernel.Convolution, Supplier<Step>> then) {
        List<View> from = new ArrayList<>();
        List<View> to = new ArrayList<>();
        int free =
                c.reads().stream().mapToInt(View::buffer).reduce(c.out().buffer(), Math::max) + 1;
        for (View v : List.of(c.a(), c.b())) {
            if (!OneDnnKernels.isInjective(v)) {
                from.add(v);
                to.add(channelsLast(free + to.size(), v));
            }
        }
        if (from.isEmpty()) {
            return then.apply(c);
        }
        List<LoopRunner> copies = new ArrayList<>();
        for (int i = 0; i < to.size(); i++) {
            copies.add(LoopRunner.of(copy(from.get(i), to.get(i))));
        }
        View a = from.contains(c.a()) ? to.get(from.indexOf(c.a())) : c.a();
        View b = from.contains(c.b()) ? to.get(from.lastIndexOf(c.b())) : c.b();
        Supplier<Step> rest =
                then.apply(new Kernel.Convolution(c.op(), a, b, c.epilogue(), c.out()));
        return () -> {
            var memory =
                    to.stream()
                            .map(v ->
                                    Memory.allocate(
                                            v.count() * v.dtype().bytes(), "a repeated operand"))
                            .toList();
            var runs = copies.stream().map(LoopRunner::newRun).toList();
            Step step = rest.get();
            long[] more = new long[free + to.size()];
            return addresses -> {
                System.arraycopy(addresses, 0, more, 0, free);
                for (int i = 0; i < runs.size(); i++) {
                    more[free + i] = Memory.address(memory.get(i));
                    runs.get(i).run(more);
                }
                step.run(more);
            };
        };
    }

    private static Loop copy(View from, View to) {
        List<Instr> code =
                List.of(new Instr.Load(0, from.dtype()), new Instr.Store(1, to.dtype(), 0));
        var instance = new Loop.Instance(from.sizes(), List.of(from, to));
        return new Loop(new Program(code, List.of()), List.of(instance)).withAccesses();
    }

    private static View channelsLast(int buffer, View like) {
        long[] n = like.sizes();
        long[] strides = new long[n.length];
        long step = 1;
        for (int i = 0; i < n.length; i++) {
            int axis = i == 0 ? 1 : i == n.length - 1 ? 0 : n.length - i;
            strides[axis] = step;
            step *= n[axis];
        }
        return new View(buffer, like.dtype(), 0, n, strides);
    }
}
