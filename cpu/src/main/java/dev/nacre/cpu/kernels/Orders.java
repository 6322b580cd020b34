package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Ordered;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.ir.Op;
import java.util.Arrays;

/// What all kernels along one axis share: its lines.
final class Orders {
    private Orders() {}

    static Step of(Ordered kernel) {
        var in = kernel.in();
        var out = kernel.out();
        return switch (kernel.op()) {
            case Op.ArgSort sort -> ArgSort.of(in.getFirst(), out, sort.axis(), sort.descending());
            case Op.ArgReduce reduce ->
                    ArgReduce.of(in.getFirst(), out, reduce.axis(), reduce.largest());
            case Op.Recurrence r -> Recurrence.of(in.get(0), in.get(1), out, r.axis(), r.reverse());
            default -> throw new IllegalArgumentException("not along one axis: " + kernel.name());
        };
    }

    /// The axes of several views without one.
    static Nest lines(int axis, View... views) {
        var steps = new long[views.length][];
        for (int i = 0; i < views.length; i++) steps[i] = without(Views.steps(views[i]), axis);
        return Nest.of(without(views[0].sizes(), axis), steps);
    }

    private static long[] without(long[] all, int axis) {
        var rest = Arrays.copyOf(all, all.length - 1);
        System.arraycopy(all, axis + 1, rest, axis, rest.length - axis);
        return rest;
    }
}
