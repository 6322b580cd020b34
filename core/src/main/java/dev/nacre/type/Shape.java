package dev.nacre.type;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/// The sizes of a tensor along its axes, outermost first. A scalar has rank 0.
///
/// A size may be unknown until a function is called ([#ANY], [#unknown()]); see `Function.of` with symbols. Unknown sizes are negative numbers;
/// two of them are equal only if they are the same unknown. Where two different ones meet, the first is taken for the second, and the call checks that they are equal. The product of
/// unknown sizes is an unknown size too ([#product]), so that a batch of texts can be reshaped into one list of words.
public final class Shape {
    /// "Any size" in the declaration of a symbolic input.
    public static final long ANY = -1;

    public static final Shape SCALAR = new Shape(new long[0]);

    /// Unknown sizes are below: far from any number that somebody writes by mistake.
    private static final long UNKNOWN = -(1L << 40);

    private static final String PRINTED = "-109951\\d{7}";

    private static final AtomicLong UNKNOWNS = new AtomicLong(UNKNOWN);

    /// Unknown sizes that are products, by their factors, and the other way round.
    private static final Map<Shape, Long> PRODUCTS = new ConcurrentHashMap<>();

    private static final Map<Long, Shape> FACTORS = new ConcurrentHashMap<>();

    private final long[] sizes;
    private final int hash;

    private Shape(long[] sizes) {
        this.sizes = sizes;
        this.hash = Arrays.hashCode(sizes);
    }

    public static Shape of(long... sizes) {
        return sizes.length == 0 ? SCALAR : new Shape(sizes.clone());
    }

    /// A fresh unknown size, different from every other.
    public static long unknown() {
        return UNKNOWNS.decrementAndGet();
    }

    /// Whether a size is one that is known only when a function is called.
    public static boolean isUnknown(long size) {
        return size < UNKNOWN;
    }

    /// A size for people: `?` if it is unknown.
    public static String text(long size) {
        return isUnknown(size) ? "?" : Long.toString(size);
    }

    /// A message in which unknown sizes, however they got into it, read `?`.
    static String readable(String message) {
        return message == null || !message.contains("-109951")
                ? message
                : message.replaceAll(PRINTED, "?");
    }

    /// The product of sizes, some of which may be unknown: then so is the product, the same one for the same factors.
    public static long product(long... sizes) {
        Shape s = of(sizes);
        if (s.isKnown()) {
            return s.count();
        }
        Shape f = s.factors();
        long known = f.sizes[f.rank() - 1];
        if (known == 0 || known == 1 && f.rank() == 2) {
            return known == 0 ? 0 : f.sizes[0];
        }
        return PRODUCTS.computeIfAbsent(
                f,
                _ -> {
                    long id = unknown();
                    FACTORS.put(id, f);
                    return id;
                });
    }

    /// The product of all sizes; see [#product(long...)].
    public long product() {
        return product(sizes);
    }

    /// The unknown sizes whose product an unknown size is, and last a known factor.
    public static long[] factors(long size) {
        Shape f = FACTORS.get(size);
        return f == null ? new long[] {size, 1} : f.sizes.clone();
    }

    /// What a size is if unknown ones that are no products are what `known` gives for them; it maps known sizes to themselves.
    public static long bound(long size, LongUnaryOperator known) {
        Shape f = isUnknown(size) ? FACTORS.get(size) : null;
        return f == null
                ? known.applyAsLong(size)
                : product(LongStream.of(f.sizes).map(known).toArray());
    }

    public int rank() {
        return sizes.length;
    }

    /// Size along `axis`; negative axes count from the end.
    public long size(int axis) {
        return sizes[Axes.index("size", axis, sizes.length)];
    }

    /// Number of elements: the product of all sizes. Throws if a size is unknown.
    public long count() {
        long n = 1;
        boolean fits = true;
        boolean empty = false;
        for (long s : sizes) {
            if (s < 0) {
                throw new ShapeException(
                        "count: "
                                + this
                                + " has a size that is known only when the function is called");
            }
            fits &= Math.multiplyHigh(n, s) == 0 && n * s >= 0;
            empty |= s == 0;
            n *= s;
        }
        if (!fits && !empty) {
            throw new ShapeException(
                    "count: " + this + " has more elements than a 64-bit number can count");
        }
        return empty ? 0 : n;
    }

    /// Whether every size is known.
    public boolean isKnown() {
        for (long s : sizes) {
            if (s < 0) {
                return false;
            }
        }
        return true;
    }

    /// Whether a tensor of this shape, with elements of so many bytes, could be addressed: it may have 2⁶⁰ bytes at most, and no axis more elements than that, so that arithmetic on sizes and
    /// offsets does not overflow; nor may a size be a negative number that somebody wrote.
    public boolean isAddressable(int bytes) {
        long n = bytes;
        boolean empty = false;
        for (long s : sizes) {
            if (s > MOST || s < 0 && !isUnknown(s)) {
                return false;
            }
            empty |= s == 0;
            n = s > 0 ? times(n, s) : n;
        }
        return empty || n <= MOST;
    }

    private static final long MOST = 1L << 60;

    /// The product of two numbers that are not negative, or the greatest number if it is greater.
    public static long times(long a, long b) {
        return Math.multiplyHigh(a, b) == 0 && a * b >= 0 ? a * b : Long.MAX_VALUE;
    }

    /// The sum of two numbers that are not negative, or the greatest number if it is greater.
    public static long plus(long a, long b) {
        return a + b >= 0 ? a + b : Long.MAX_VALUE;
    }

    /// Number of unknown sizes whose product this shape's count is a multiple of, as one comparable value.
    private Shape factors() {
        long known = 1;
        boolean empty = false;
        long[] unknown = new long[0];
        for (long s : sizes) {
            if (s >= 0) {
                empty |= s == 0;
                known = times(known, s);
            } else {
                long[] of = factors(s);
                int n = unknown.length;
                unknown = Arrays.copyOf(unknown, n + of.length - 1);
                System.arraycopy(of, 0, unknown, n, of.length - 1);
                known = times(known, of[of.length - 1]);
            }
        }
        Arrays.sort(unknown);
        long[] f = Arrays.copyOf(unknown, unknown.length + 1);
        f[unknown.length] = empty ? 0 : known;
        return new Shape(f);
    }

    /// Whether both shapes hold the same number of elements, whatever the unknown sizes turn out to be.
    public boolean sameCount(Shape other) {
        return factors().equals(other.factors());
    }

    public long[] toArray() {
        return sizes.clone();
    }

    /// Unknown sizes replaced by what `known` gives for them; it maps known sizes to themselves.
    public Shape bind(LongUnaryOperator known) {
        return isKnown() ? this : of(LongStream.of(sizes).map(s -> bound(s, known)).toArray());
    }

    /// Sizes of the given axes removed.
    public Shape without(Axes axes) {
        long[] out = new long[sizes.length - axes.count()];
        for (int i = 0, j = 0; i < sizes.length; i++) {
            if (!axes.contains(i)) {
                out[j++] = sizes[i];
            }
        }
        return new Shape(out);
    }

    /// The size along one axis replaced.
    public Shape with(int axis, long size) {
        long[] out = sizes.clone();
        out[Axes.index("with", axis, sizes.length)] = size;
        return new Shape(out);
    }

    /// A new axis of the given size put before position `axis`.
    public Shape insert(int axis, long size) {
        long[] out = new long[sizes.length + 1];
        System.arraycopy(sizes, 0, out, 0, axis);
        out[axis] = size;
        System.arraycopy(sizes, axis, out, axis + 1, sizes.length - axis);
        return new Shape(out);
    }

    public Shape concat(Shape tail) {
        long[] out = Arrays.copyOf(sizes, sizes.length + tail.sizes.length);
        System.arraycopy(tail.sizes, 0, out, sizes.length, tail.sizes.length);
        return new Shape(out);
    }

    /// The sizes from axis `from` (inclusive) to `to` (exclusive).
    public Shape range(int from, int to) {
        return new Shape(Arrays.copyOfRange(sizes, from, to));
    }

    /// Distance in elements between neighbours along each axis when the last axis varies fastest.
    public long[] rowMajorStrides() {
        long[] strides = new long[sizes.length];
        long step = 1;
        for (int i = sizes.length - 1; i >= 0; i--) {
            strides[i] = step;
            step *= Math.max(1, sizes[i]);
        }
        return strides;
    }

    /// Whether the shapes are equal, or may turn out to be where unknown sizes stand against unknown ones.
    public boolean mayEqual(Shape other) {
        boolean fits = rank() == other.rank();
        for (int i = 0; fits && i < rank(); i++) {
            fits = mayEqual(sizes[i], other.sizes[i]);
        }
        return fits;
    }

    private static boolean mayEqual(long a, long b) {
        return a == b || a < 0 && b < 0;
    }

    /// NumPy's broadcasting: aligned at the last axis, sizes must be equal or one of them 1. Empty if they do not fit. Of two unknown sizes the result has that of
    /// `a`.
    public static java.util.Optional<Shape> broadcast(Shape a, Shape b) {
        if (a.equals(b)) {
            return java.util.Optional.of(a);
        }
        int rank = Math.max(a.rank(), b.rank());
        long[] out = new long[rank];
        for (int i = 1; i <= rank; i++) {
            long x = i <= a.rank() ? a.sizes[a.rank() - i] : 1;
            long y = i <= b.rank() ? b.sizes[b.rank() - i] : 1;
            if (!mayEqual(x, y) && x != 1 && y != 1) {
                return java.util.Optional.empty();
            }
            out[rank - i] = x == 1 ? y : x;
        }
        return java.util.Optional.of(new Shape(out));
    }

    @Override
    public boolean equals(Object o) {
        return o == this || o instanceof Shape s && s.hash == hash && Arrays.equals(sizes, s.sizes);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    /// `[128, 784]`; an unknown size prints as `?`.
    @Override
    public String toString() {
        return LongStream.of(sizes)
                .mapToObj(s -> s < 0 ? "?" : Long.toString(s))
                .collect(Collectors.joining(", ", "[", "]"));
    }
}
