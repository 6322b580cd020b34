package dev.nacre.nn.metric;

import dev.nacre.Tensor;
import dev.nacre.type.DType;
import java.util.Optional;
import java.util.OptionalLong;

/// Which examples count, and the share of those that are right.
final class Counted {
    private Counted() {}

    /// True where an example counts.
    static Tensor of(Tensor classes, long ignored) {
        return classes.ne(Tensor.of(ignored));
    }

    /// How many there are.
    static Tensor number(Tensor classes, long ignored) {
        return of(classes, ignored).cast(DType.F32).sum();
    }

    /// Right or not, one by one.
    static Each each(Tensor right, Tensor classes, OptionalLong ignored) {
        return new Each(
                right.cast(DType.F32),
                ignored.isEmpty()
                        ? Optional.empty()
                        : Optional.of(of(classes, ignored.getAsLong())));
    }

    /// The fraction of right ones among those that count.
    static Tensor share(Tensor right, Tensor classes, OptionalLong ignored) {
        if (ignored.isEmpty()) {
            return right.cast(DType.F32).mean();
        }
        long k = ignored.getAsLong();
        return right.and(of(classes, k)).cast(DType.F32).sum().div(number(classes, k));
    }
}
