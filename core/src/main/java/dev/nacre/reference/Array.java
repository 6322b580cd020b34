package dev.nacre.reference;

import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntToLongFunction;

/// Numbers with a type, densely in row-major order: what the [Interpreter] computes with. Floating types are kept as doubles, integers and bools as longs; every
/// number is one that the element type can hold. Immutable.
public final class Array {
    private static final double[] NO_DOUBLES = {};
    private static final long[] NO_LONGS = {};

    private final TensorType type;
    private final double[] doubles;
    private final long[] longs;

    private Array(TensorType type, double[] doubles, long[] longs) {
        this.type = type;
        this.doubles = doubles;
        this.longs = longs;
        int given = type.dtype().isFloating() ? doubles.length : longs.length;
        if (given != type.shape().count()) {
            throw new IllegalArgumentException(type + " does not have " + given + " elements");
        }
    }

    /// An array of any type; each number is rounded to the element type ([DType#round]).
    public static Array of(TensorType type, double... values) {
        return type.dtype().isFloating()
                ? doubles(type, i -> values[i], values.length)
                : longs(type, i -> type.dtype().whole(values[i]), values.length);
    }

    /// An array of any type; each number is wrapped or rounded to the element type.
    public static Array ofLongs(TensorType type, long... values) {
        return type.dtype().isFloating()
                ? doubles(type, i -> nearest(values[i], type.dtype()), values.length)
                : longs(type, i -> values[i], values.length);
    }

    /// A floating array, element by element, each rounded to the type.
    static Array doubles(TensorType type, IntToDoubleFunction value) {
        return doubles(type, value, Math.toIntExact(type.shape().count()));
    }

    private static Array doubles(TensorType type, IntToDoubleFunction value, int count) {
        double[] out = new double[count];
        Arrays.setAll(out, i -> type.dtype().round(value.applyAsDouble(i)));
        return new Array(type, out, NO_LONGS);
    }

    /// An integer or bool array, element by element, each wrapped to the type.
    static Array longs(TensorType type, IntToLongFunction value) {
        return longs(type, value, Math.toIntExact(type.shape().count()));
    }

    private static Array longs(TensorType type, IntToLongFunction value, int count) {
        long[] out = new long[count];
        Arrays.setAll(out, i -> type.dtype().wrap(value.applyAsLong(i)));
        return new Array(type, NO_DOUBLES, out);
    }

    /// The floating number nearest to a whole one, rounded once.
    static double nearest(long value, DType dtype) {
        return dtype.nearest(value);
    }

    public TensorType type() {
        return type;
    }

    public DType dtype() {
        return type.dtype();
    }

    public Shape shape() {
        return type.shape();
    }

    public int count() {
        return dtype().isFloating() ? doubles.length : longs.length;
    }

    /// Element `i` in row-major order, as a double.
    public double number(int i) {
        return dtype().isFloating() ? doubles[i] : longs[i];
    }

    /// Element `i` in row-major order of an integer or bool array.
    public long whole(int i) {
        return longs[i];
    }

    /// All elements as doubles.
    public double[] toDoubles() {
        return dtype().isFloating()
                ? doubles.clone()
                : Arrays.stream(longs).asDoubleStream().toArray();
    }

    /// All elements of an integer or bool array.
    public long[] toLongs() {
        if (dtype().isFloating()) {
            throw new IllegalStateException(type + " is not an integer array");
        }
        return longs.clone();
    }

    /// The elements at the given places, as an array of another shape.
    Array pick(Shape shape, int[] places) {
        TensorType t = type.withShape(shape);
        return dtype().isFloating()
                ? new Array(
                        t, Arrays.stream(places).mapToDouble(p -> doubles[p]).toArray(), NO_LONGS)
                : new Array(
                        t, NO_DOUBLES, Arrays.stream(places).mapToLong(p -> longs[p]).toArray());
    }

    /// The same type and the same numbers bit for bit, all NaNs being equal.
    @Override
    public boolean equals(Object o) {
        return o instanceof Array a
                && a.type.equals(type)
                && Arrays.equals(a.doubles, doubles)
                && Arrays.equals(a.longs, longs);
    }

    @Override
    public int hashCode() {
        return 31 * type.hashCode() + Arrays.hashCode(doubles) + Arrays.hashCode(longs);
    }

    @Override
    public String toString() {
        return type
                + " "
                + (dtype().isFloating() ? Arrays.toString(doubles) : Arrays.toString(longs));
    }
}
