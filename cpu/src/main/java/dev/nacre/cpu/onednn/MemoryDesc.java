package dev.nacre.cpu.onednn;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// How a tensor lies in memory: element type, size of each axis, and layout. A value.
///
/// The layout is one of four:
///
/// - **strided**: element `[i, j, …]` is at `i·strides[0] + j·strides[1] + …`, counted in elements;
/// - **any**: not decided. In a [Spec] it lets the implementation choose; the choice is in the primitive's [Slot]s;
/// - **opaque**: one that an implementation chose and strides cannot express (blocks, padding). Use it to make a [Reorder]
///   into it, and to reserve its [bytes][#bytes()];
/// - **tiled**: the same, for a matrix product whose columns are computed apart: one layout after the other.
public final class MemoryDesc {
    /// The most axes oneDNN knows.
    public static final int MAX_RANK = 12;

    private static final long[] NO_STRIDES = {};
    private static final byte[] NO_BLOB = {};

    private final DataType type;
    private final long[] dims;
    private final long[] strides; // empty unless strided
    private final byte[] blob; // oneDNN's own form, empty unless opaque
    private final List<MemoryDesc> tiles; // neighbours along the last axis, empty unless tiled
    private final long bytes;

    private MemoryDesc(
            DataType type,
            long[] dims,
            long[] strides,
            byte[] blob,
            List<MemoryDesc> tiles,
            long bytes) {
        this.type = Objects.requireNonNull(type, "type");
        this.dims = dims;
        this.strides = strides;
        this.blob = blob;
        this.tiles = tiles;
        this.bytes = bytes;
    }

    /// Row-major, without gaps.
    public static MemoryDesc dense(DataType type, long... dims) {
        var strides = new long[dims.length];
        long step = 1;
        for (int axis = dims.length - 1; axis >= 0; axis--) {
            strides[axis] = step;
            step *= Math.max(1, dims[axis]);
        }
        return strided(type, dims, strides);
    }

    /// An image `[batch, channels, spatial…]` whose channels are neighbours in memory, without gaps: the layout in which
    /// convolutions are fast.
    public static MemoryDesc channelsLast(DataType type, long... dims) {
        var strides = new long[dims.length];
        long step = 1;
        for (int i = 0; i < dims.length; i++) {
            int axis =
                    i == 0
                            ? Math.min(1, dims.length - 1)
                            : i == dims.length - 1 ? 0 : dims.length - i;
            strides[axis] = step;
            step *= Math.max(1, dims[axis]);
        }
        return strided(type, dims, strides);
    }

    /// With the given strides, in elements.
    public static MemoryDesc strided(DataType type, long[] dims, long[] strides) {
        check(dims);
        if (strides.length != dims.length)
            throw new IllegalArgumentException(
                    strides.length
                            + " strides for "
                            + dims.length
                            + " axes: "
                            + Arrays.toString(strides));
        long last = 0;
        boolean empty = false;
        for (int axis = 0; axis < dims.length; axis++) {
            if (strides[axis] < 0)
                throw new IllegalArgumentException("negative stride: " + Arrays.toString(strides));
            if (dims[axis] == 0) empty = true;
            last += Math.max(0, dims[axis] - 1) * strides[axis];
        }
        return strided(type, dims.clone(), strides.clone(), empty ? 0 : (last + 1) * type.bytes());
    }

    /// With the layout left open.
    public static MemoryDesc any(DataType type, long... dims) {
        check(dims);
        return new MemoryDesc(type, dims.clone(), NO_STRIDES, NO_BLOB, List.of(), 0);
    }

    private static MemoryDesc strided(DataType type, long[] dims, long[] strides, long bytes) {
        return new MemoryDesc(type, dims, strides, NO_BLOB, List.of(), bytes);
    }

    static MemoryDesc opaque(DataType type, long[] dims, byte[] blob, long bytes) {
        return new MemoryDesc(type, dims, NO_STRIDES, blob, List.of(), bytes);
    }

    /// Tiles along the last axis, one behind the other in memory.
    static MemoryDesc tiled(List<MemoryDesc> tiles) {
        var dims = tiles.getFirst().dims();
        dims[dims.length - 1] = tiles.stream().mapToLong(t -> t.dim(t.rank() - 1)).sum();
        long bytes = tiles.stream().mapToLong(MemoryDesc::room).sum();
        return new MemoryDesc(
                tiles.getFirst().type, dims, NO_STRIDES, NO_BLOB, List.copyOf(tiles), bytes);
    }

    /// Its bytes, rounded up so that what follows is aligned.
    long room() {
        return (bytes + 127) & -128;
    }

    private static void check(long[] dims) {
        if (dims.length == 0 || dims.length > MAX_RANK)
            throw new IllegalArgumentException("1 to " + MAX_RANK + " axes, not " + dims.length);
        for (long dim : dims)
            if (dim < 0)
                throw new IllegalArgumentException("negative size: " + Arrays.toString(dims));
    }

    /// Two axes exchanged in meaning, not in memory: the transpose of a strided description.
    public MemoryDesc transpose(int a, int b) {
        if (!isStrided())
            throw new IllegalStateException("only a strided layout can be transposed: " + this);
        var newDims = dims.clone();
        var newStrides = strides.clone();
        newDims[a] = dims[b];
        newDims[b] = dims[a];
        newStrides[a] = strides[b];
        newStrides[b] = strides[a];
        return strided(type, newDims, newStrides, bytes);
    }

    /// The last axes of a strided description, if those before have size 1; else the same.
    MemoryDesc last(int axes) {
        int from = rank() - axes;
        for (int axis = 0; axis < from; axis++) if (dims[axis] != 1) return this;
        if (from == 0 || !isStrided()) return this;
        return strided(
                type,
                Arrays.copyOfRange(dims, from, rank()),
                Arrays.copyOfRange(strides, from, rank()));
    }

    /// A part of a strided description along one axis. It begins [so many bytes][#offset(int, long)] further on.
    MemoryDesc slice(int axis, long from, long to) {
        var newDims = dims.clone();
        newDims[axis] = to - from;
        return strided(type, newDims, strides);
    }

    /// Where element `index` of an axis begins.
    long offset(int axis, long index) {
        return index * strides[axis] * type.bytes();
    }

    /// The same axes and type with the layout left open.
    public MemoryDesc any() {
        return any(type, dims);
    }

    public DataType type() {
        return type;
    }

    public int rank() {
        return dims.length;
    }

    /// The size of each axis.
    public long[] dims() {
        return dims.clone();
    }

    public long dim(int axis) {
        return dims[axis];
    }

    public boolean isStrided() {
        return strides.length != 0;
    }

    public boolean isAny() {
        return strides.length == 0 && blob.length == 0 && tiles.isEmpty();
    }

    /// Whether it is opaque or tiled.
    public boolean isOpaque() {
        return blob.length != 0 || isTiled();
    }

    /// Whether all axes but the last two have size 1.
    public boolean isMatrix() {
        for (int axis = 0; axis < dims.length - 2; axis++) if (dims[axis] != 1) return false;
        return dims.length >= 2;
    }

    boolean isTiled() {
        return !tiles.isEmpty();
    }

    List<MemoryDesc> tiles() {
        return tiles;
    }

    /// The strides in elements, of a strided layout.
    public Optional<long[]> strides() {
        return isStrided() ? Optional.of(strides.clone()) : Optional.empty();
    }

    /// Bytes from the first element to the end of the last; 0 while the layout is open.
    public long bytes() {
        return bytes;
    }

    long[] dimsUnsafe() {
        return dims;
    }

    long[] stridesUnsafe() {
        return strides;
    }

    byte[] blobUnsafe() {
        return blob;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MemoryDesc that
                && type == that.type
                && Arrays.equals(dims, that.dims)
                && Arrays.equals(strides, that.strides)
                && Arrays.equals(blob, that.blob)
                && tiles.equals(that.tiles);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * type.hashCode() + Arrays.hashCode(dims)) + Arrays.hashCode(strides);
    }

    /// Such as `f32[32, 100] strides [100, 1]`, `f32[32, 100] any` or `f32[32, 100] opaque`.
    @Override
    public String toString() {
        var layout =
                isStrided()
                        ? " strides " + Arrays.toString(strides)
                        : isAny()
                                ? " any"
                                : isTiled() ? " in " + tiles.size() + " tiles" : " opaque";
        return type.name().toLowerCase(java.util.Locale.ROOT) + Arrays.toString(dims) + layout;
    }
}
