package dev.nacre.reference;

import dev.nacre.ir.Op;
import dev.nacre.ir.Window;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.List;

/// Matrix products and convolutions.
final class Products {
    private Products() {}

    static Array contract(Array a, Array b, DType dtype) {
        int r = a.shape().rank();
        long inner = a.shape().size(r - 1);
        TensorType t = new TensorType(dtype, a.shape().with(r - 1, b.shape().size(r - 1)));
        double[] sums = new double[Math.toIntExact(t.shape().count())];
        long[] wholes = new long[sums.length];
        for (int i = 0; i < sums.length; i++) {
            long[] at = Places.at(t.shape(), i);
            for (long k = 0; k < inner; k++) {
                int pa = Places.flat(a.shape(), Places.with(at, r - 1, k));
                int pb = Places.flat(b.shape(), Places.with(at, r - 2, k));
                if (a.dtype().isFloating()) {
                    sums[i] += a.number(pa) * b.number(pb);
                } else {
                    wholes[i] += a.whole(pa) * b.whole(pb);
                }
            }
        }
        return a.dtype().isFloating() ? Array.of(t, sums) : Array.ofLongs(t, wholes);
    }

    /// All three kinds visit every triple of data element, kernel element and output element that belong together.
    static Array convolve(Op.Convolve op, Array a, Array b) {
        boolean forward = op.kind() == Op.Convolve.Kind.FORWARD;
        boolean toData = op.kind() == Op.Convolve.Kind.DATA;
        Shape data = toData ? op.result() : a.shape();
        Shape kernel = op.kind() == Op.Convolve.Kind.KERNEL ? op.result() : b.shape();
        Shape output = forward ? op.result() : toData ? a.shape() : b.shape();
        double[] sums = new double[Math.toIntExact(op.result().count())];
        long perGroup = output.size(1) / op.groups();
        int taps = Math.toIntExact(kernel.range(1, kernel.rank()).count());
        for (int o = 0; o < output.count(); o++) {
            long[] to = Places.at(output, o);
            for (int i = 0; i < taps; i++) {
                int k = Math.toIntExact(to[1]) * taps + i;
                long[] tap = Places.at(kernel, k);
                long[] from = from(op.windows(), to, tap);
                from[1] = to[1] / perGroup * kernel.size(1) + tap[1];
                if (!inside(from, data)) {
                    continue;
                }
                int d = Places.flat(data, from);
                switch (op.kind()) {
                    case FORWARD -> sums[o] += a.number(d) * b.number(k);
                    case DATA -> sums[d] += a.number(o) * b.number(k);
                    case KERNEL -> sums[k] += a.number(d) * b.number(o);
                }
            }
        }
        return Array.of(a.type().withShape(op.result()), sums);
    }

    /// Where in the data an output position looks through one element of the kernel; the channel is left open.
    private static long[] from(List<Window> windows, long[] output, long[] tap) {
        long[] from = output.clone();
        for (int i = 0; i < windows.size(); i++) {
            Window w = windows.get(i);
            from[2 + i] = output[2 + i] * w.stride() + tap[2 + i] * w.dilation() - w.before();
        }
        return from;
    }

    private static boolean inside(long[] at, Shape shape) {
        for (int i = 2; i < at.length; i++) {
            if (at[i] < 0 || at[i] >= shape.size(i)) {
                return false;
            }
        }
        return true;
    }
}
