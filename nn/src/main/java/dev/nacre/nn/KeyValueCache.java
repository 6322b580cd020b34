package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.Problem;

/// The keys and values of one attention layer for the positions it has seen, so that a model that continues a text computes each position once. Its size is fixed, so one plan
/// serves all steps; a function that appends updates it in place.
///
/// @param keys `[n, heads, capacity, width]`
/// @param values of the same shape
/// @param length number of positions that are filled, i64
public record KeyValueCache(Variable keys, Variable values, Variable length) {
    /// Room for `capacity` positions of `n` texts.
    public static KeyValueCache of(long n, long heads, long capacity, long width) {
        Problem.in("cache")
                .atLeast("n", n, 0)
                .atLeast("heads", heads, 1)
                .atLeast("capacity", capacity, 1)
                .atLeast("width", width, 1)
                .throwShape();
        return new KeyValueCache(
                Layers.statistic("keys", Tensor.zeros(n, heads, capacity, width)),
                Layers.statistic("values", Tensor.zeros(n, heads, capacity, width)),
                Layers.counter("length"));
    }

    public long capacity() {
        return keys.size(2);
    }

    /// Forgets everything.
    public void clear() {
        length.set(length.zerosLike());
    }

    /// What a layer attends to: all positions of the cache, and which of them each new query sees.
    ///
    /// @param keys `[n, heads, capacity, width]`
    /// @param visible `[time, capacity]`
    record Extended(Tensor keys, Tensor values, Tensor visible) {}

    /// Puts the keys and values of the next positions, `[n, heads, time, width]`, behind those that are there. What does not fit makes everything NaN.
    Extended append(Tensor nextKeys, Tensor nextValues) {
        Problem.in("cache")
                .require(
                        nextKeys.rank() == 4
                                && nextKeys.shape().with(2, 0).equals(keys.shape().with(2, 0))
                                && nextValues.shape().equals(nextKeys.shape()),
                        "keys and values must be [n, heads, time, width] as the cache")
                .require(
                        nextKeys.rank() != 4 || nextKeys.size(2) <= capacity(),
                        "there is room for " + capacity() + " positions only")
                .operand("keys", nextKeys.type(), nextKeys::origin)
                .operand("cache", keys.type(), keys::origin)
                .throwShape();
        long time = nextKeys.size(2);
        Tensor begin = length;
        Tensor place = Tensor.arange(capacity());
        Tensor number = place.sub(begin);
        Tensor isNew = number.ge(0).and(number.lt(time)).unsqueeze(1);
        Tensor index = number.maximum(0).minimum(time - 1);
        Tensor fits = begin.add(time).le(capacity());
        Tensor nan = Tensor.full(Double.NaN, DType.F32);
        Tensor isFilled = number.lt(0).unsqueeze(1);
        Tensor none = Tensor.zeros(DType.F32); // what a slot held before may be anything
        Tensor oldKeys = isFilled.where(keys, none);
        Tensor oldValues = isFilled.where(values, none);
        Tensor k = fits.where(isNew.where(nextKeys.take(index, 2), oldKeys), nan);
        Tensor v = fits.where(isNew.where(nextValues.take(index, 2), oldValues), nan);
        Tensor visible = place.le(begin.add(Tensor.arange(time)).unsqueeze(1));
        keys.set(k);
        values.set(v);
        length.set(begin.add(time));
        return new Extended(k, v, visible);
    }
}
