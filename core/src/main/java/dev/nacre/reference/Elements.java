package dev.nacre.reference;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Op;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;

/// Leaves without operands, and what goes element by element.
final class Elements {
    private Elements() {}

    static Array iota(Op.Iota op) {
        TensorType t = TensorType.of(op.dtype(), op.size());
        return op.dtype().isFloating() ? Array.doubles(t, i -> i) : Array.longs(t, i -> i);
    }

    static Array random(Op.RandomBits op, Array key) {
        TensorType t = new TensorType(DType.I32, op.shape());
        return Array.longs(t, i -> Philox.block(key.whole(0), key.whole(1), i / 4)[i % 4]);
    }

    static Array extent(Op.Extent op, Array x) {
        long n = 1;
        for (int i = 0; i < op.axes().count(); i++) {
            n *= x.shape().size(op.axes().get(i));
        }
        return Array.ofLongs(TensorType.of(op.dtype()), n);
    }

    static Array map(Unary f, Array x) {
        return switch (x.dtype().kind()) {
            case FLOATING -> Array.doubles(x.type(), i -> f.apply(x.number(i)));
            case INTEGER -> Array.longs(x.type(), i -> f.apply(x.whole(i)));
            case BOOL -> Array.longs(x.type(), i -> (long) f.apply(x.number(i)));
        };
    }

    static Array combine(Binary f, Array a, Array b) {
        TensorType t = f.isComparison() ? a.type().withDType(DType.BOOL) : a.type();
        if (!a.dtype().isFloating()) {
            return Array.longs(t, i -> f.apply(a.whole(i), b.whole(i)));
        }
        return f.isComparison()
                ? Array.longs(t, i -> (long) f.apply(a.number(i), b.number(i)))
                : Array.doubles(t, i -> f.apply(a.number(i), b.number(i)));
    }

    static Array select(Array condition, Array a, Array b) {
        return a.dtype().isFloating()
                ? Array.doubles(a.type(), i -> condition.whole(i) != 0 ? a.number(i) : b.number(i))
                : Array.longs(a.type(), i -> condition.whole(i) != 0 ? a.whole(i) : b.whole(i));
    }

    /// Whole numbers wrap among integer types; what is beyond the range of an integer type becomes its end, NaN becomes 0.
    static Array cast(Array x, DType dtype) {
        TensorType t = x.type().withDType(dtype);
        if (dtype.isFloating()) {
            return x.dtype().isFloating()
                    ? Array.doubles(t, x::number)
                    : Array.doubles(t, i -> Array.nearest(x.whole(i), dtype));
        }
        if (dtype == DType.BOOL) {
            return Array.longs(t, i -> x.number(i) != 0 ? 1 : 0);
        }
        return x.dtype().isFloating()
                ? Array.longs(t, i -> dtype.whole(x.number(i)))
                : Array.longs(t, x::whole);
    }
}
