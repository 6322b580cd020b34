package dev.nacre.cpu.onednn;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// A spec divided into pieces for the team, each compiled for one thread.
///
/// How a sum is divided depends on the spec and on the processor's instructions, but not on the number of threads, and it is put
/// together in a fixed order. So a result has the same bits on any number of threads, in any mix
/// of callers; and since oneDNN's own threads are never used, they never compete with the team's.
///
/// @param slots the operands, without scratchpad
/// @param phases pieces that may run at the same time, one list after the other
/// @param partialBytes memory for partial sums
record Split(List<Slot> slots, List<List<Piece>> phases, long partialBytes) {
    /// Instead of an operand's place: the memory for partial sums.
    static final int PARTIAL = -1;

    /// One piece. Its operand `i` is `offsets[i] + items[k][i]` bytes into the whole's operand `bases[i]`: it is run once for each `k`.
    record Piece(Code code, int[] bases, long[] offsets, long[][] items) {
        /// Run once.
        Piece(Code code, int[] bases, long[] offsets) {
            this(code, bases, offsets, new long[][] {new long[bases.length]});
        }

        /// Which of its operands is the result of a product or of a forward convolution; -1 if none is.
        int result() {
            return code.operands().stream().map(Slot::role).toList().indexOf(Slot.Role.DST);
        }

        /// How what it computes in one run lies. Of a layout that strides cannot express, all numbers, those that only fill it up too.
        MemoryDesc part() {
            var desc = code.operands().get(result()).desc();
            return desc.isStrided()
                    ? desc
                    : MemoryDesc.dense(desc.type(), desc.bytes() / desc.type().bytes());
        }

        /// The piece with what it has of one operand of the whole elsewhere.
        Piece rebased(int from, int to, long offset) {
            var bases = this.bases.clone();
            var offsets = this.offsets.clone();
            for (int i = 0; i < bases.length; i++) {
                if (bases[i] != from) continue;
                bases[i] = to;
                offsets[i] += offset;
            }
            return new Piece(code, bases, offsets, items);
        }
    }

    /// A part of an axis.
    record Range(long from, long to) {
        long size() {
            return to - from;
        }
    }

    /// A piece is worth its while from so much work on: each reads operands that its neighbours read too.
    private static final double PIECE_NANOS = 70_000;

    /// What the first division costs is less: handing out the pieces.
    private static final double FIRST_NANOS = 10_000;

    /// Enough to keep many cores busy to the end.
    static final int MOST_PIECES = 64;

    private static final double BYTES_PER_NANO = 12;

    /// A block of an opaque layout is never longer along an axis.
    private static final long BLOCK = 64;

    /// @param members how many threads the pieces are for
    static Split of(OneDnn library, Spec spec, int members) {
        checkPostOps(spec);
        checkSums(spec);
        return switch (spec) {
            case MatMul m -> MatMulSplit.of(library, m, members);
            case Convolution c -> ConvolutionSplit.of(library, c, members);
            case Pooling p -> PoolingSplit.of(library, p);
            case Reorder r -> reorder(library, aligned(r));
            case Sum s -> whole(library, s);
        };
    }

    /// oneDNN itself does not look, and would read outside of the operand.
    private static void checkPostOps(Spec spec) {
        var dst = destination(spec);
        for (var operand : postOpOperands(spec.attributes())) {
            boolean fits = operand.rank() == dst.rank() && !operand.isAny();
            for (int axis = 0; fits && axis < dst.rank(); axis++)
                fits = operand.dim(axis) == dst.dim(axis) || operand.dim(axis) == 1;
            if (!fits)
                throw new OneDnnException(
                        Status.INVALID_ARGUMENTS,
                        "post-op operand " + operand + " for " + dst + " of " + spec);
        }
    }

    private static MemoryDesc destination(Spec spec) {
        return switch (spec) {
            case MatMul m -> m.dst();
            case Convolution c -> c.dst();
            case Pooling p -> p.dst();
            case Reorder r -> r.dst();
            case Sum s -> s.dst();
        };
    }

    /// A sum of nothing is zero, but oneDNN would leave the result as it is.
    private static void checkSums(Spec spec) {
        boolean nothing =
                switch (spec) {
                    case MatMul m ->
                            !isEmpty(m.dst()) && (isEmpty(m.src()) || isEmpty(m.weights()));
                    case Convolution c ->
                            switch (c.direction()) {
                                case INFERENCE, FORWARD ->
                                        !isEmpty(c.dst())
                                                && (isEmpty(c.src()) || isEmpty(c.weights()));
                                case BACKWARD_DATA ->
                                        !isEmpty(c.src())
                                                && (isEmpty(c.dst()) || isEmpty(c.weights()));
                                case BACKWARD_WEIGHTS ->
                                        !isEmpty(c.weights())
                                                && (isEmpty(c.src()) || isEmpty(c.dst()));
                            };
                    case Pooling p -> !isEmpty(p.dst()) && isEmpty(p.src());
                    case Reorder r -> false;
                    case Sum s -> false;
                };
        if (nothing) throw new OneDnnException(Status.UNIMPLEMENTED, "a sum of nothing: " + spec);
    }

    /// Whether any of what it computes, packing and adding apart, is the plain reference code.
    boolean isReference() {
        return phases.stream()
                .flatMap(List::stream)
                .map(Piece::code)
                .filter(code ->
                        phases.size() == 1
                                || !(code.spec() instanceof Sum || code.spec() instanceof Reorder))
                .anyMatch(Code::isReference);
    }

    /// One piece.
    static Split whole(OneDnn library, Spec spec) {
        var code = library.code(spec);
        return new Split(code.operands(), List.of(List.of(straight(code))), 0);
    }

    /// A piece whose operands are the whole's.
    private static Piece straight(Code code) {
        int count = code.operands().size();
        return new Piece(code, IntStream.range(0, count).toArray(), new long[count]);
    }

    /// How many pieces some work is worth: a power of two, as numbers of cores often are.
    static int pieces(double nanos) {
        int pieces = 1;
        while (pieces < MOST_PIECES
                && nanos > 1.5 * pieces * (pieces == 1 ? FIRST_NANOS : PIECE_NANOS)) pieces *= 2;
        return pieces;
    }

    /// How long one core takes, roughly.
    static double nanos(OneDnn library, DataType type, MathMode math, double flops, double bytes) {
        boolean tiles = library.instructions().contains("amx");
        double perNano =
                switch (type) {
                    case F64 -> 50;
                    case F32, S32 -> math == MathMode.STRICT || !tiles ? 100 : 1000;
                    case F16, BF16 -> tiles ? 1500 : 200;
                    case S8, U8 -> tiles ? 3000 : 400;
                };
        return Math.max(flops / perNano, bytes / BYTES_PER_NANO);
    }

    static double nanosToMove(double bytes) {
        return bytes / BYTES_PER_NANO;
    }

    /// `0 … size` in at most `count` ranges, of multiples of `unit` but for the last.
    static List<Range> ranges(long size, long count, long unit) {
        if (count <= 1 || size <= unit) return List.of(new Range(0, size));
        long step = Math.ceilDiv(Math.ceilDiv(size, unit), count) * unit;
        var ranges = new ArrayList<Range>();
        for (long from = 0; from < size; from += step)
            ranges.add(new Range(from, Math.min(size, from + step)));
        return ranges;
    }

    /// Part of an operand that is broadcast along axes of size 1, and where it begins.
    record Part(MemoryDesc desc, long offset) {
        static Part of(MemoryDesc whole) {
            return new Part(whole, 0);
        }

        Part along(int axis, Range range) {
            if (desc.dim(axis) == 1 || range.size() == desc.dim(axis)) return this;
            return new Part(
                    desc.slice(axis, range.from(), range.to()),
                    offset + desc.offset(axis, range.from()));
        }
    }

    /// The attributes of a piece: post-op operands cut like the result.
    static Attributes cut(Attributes whole, List<Part> operands) {
        var left = operands.iterator();
        var ops =
                whole.postOps().stream()
                        .map(op ->
                                op instanceof PostOp.Binary b
                                        ? new PostOp.Binary(b.operator(), left.next().desc())
                                        : op)
                        .toList();
        return new Attributes(ops, whole.math());
    }

    static List<MemoryDesc> postOpOperands(Attributes attributes) {
        return attributes.postOps().stream()
                .flatMap(op ->
                        op instanceof PostOp.Binary b ? Stream.of(b.operand()) : Stream.empty())
                .toList();
    }

    static boolean allStrided(MemoryDesc... descs) {
        return Stream.of(descs).allMatch(MemoryDesc::isStrided);
    }

    static boolean allStrided(List<MemoryDesc> descs) {
        return descs.stream().allMatch(MemoryDesc::isStrided);
    }

    static long elements(MemoryDesc desc) {
        long product = 1;
        for (int axis = 0; axis < desc.rank(); axis++) product *= desc.dim(axis);
        return product;
    }

    static boolean isEmpty(MemoryDesc desc) {
        for (int axis = 0; axis < desc.rank(); axis++) if (desc.dim(axis) == 0) return true;
        return false;
    }

    /// Adds `count` neighbouring blocks of `elements` in the partial memory from `from` on, in order, into operand `base`.
    static List<Piece> sums(
            OneDnn library, DataType type, int count, long from, long elements, int base, long to) {
        long step = partialStep(type, elements);
        int pieces = pieces(nanosToMove((double) elements * type.bytes() * (count + 1)));
        var all = new ArrayList<Piece>();
        for (var range : ranges(elements, pieces, 1024)) {
            var part = MemoryDesc.dense(type, range.size());
            var bases = new int[count + 1];
            var offsets = new long[count + 1];
            for (int i = 0; i < count; i++) {
                bases[i] = PARTIAL;
                offsets[i] = from + i * step + range.from() * type.bytes();
            }
            bases[count] = base;
            offsets[count] = to + range.from() * type.bytes();
            all.add(
                    new Piece(
                            library.code(new Sum(Collections.nCopies(count, part), part)),
                            bases,
                            offsets));
        }
        return all;
    }

    /// The next place in the partial memory where something may begin.
    static long aligned(long bytes) {
        return (bytes + 127) & -128;
    }

    /// Bytes from one partial sum to the next.
    static long partialStep(DataType type, long elements) {
        return Math.ceilDiv(elements, 16) * 16 * type.bytes();
    }

    /// The pieces of a reorder between operands of something larger.
    static List<Piece> move(
            OneDnn library,
            MemoryDesc from,
            int fromBase,
            long fromOffset,
            MemoryDesc to,
            int toBase,
            long toOffset) {
        return reorder(library, Reorder.of(from, to)).phases().getFirst().stream()
                .map(p ->
                        new Piece(
                                p.code(),
                                new int[] {fromBase, toBase},
                                new long[] {
                                    fromOffset + p.offsets()[0], toOffset + p.offsets()[1]
                                }))
                .toList();
    }

    /// Packed weights of a batch have no more axes than their product needs.
    private static Reorder aligned(Reorder r) {
        int rank = Math.min(r.src().rank(), r.dst().rank());
        return new Reorder(r.src().last(rank), r.dst().last(rank), r.attributes());
    }

    private static Split reorder(OneDnn library, Reorder r) {
        if (r.src().isTiled() || r.dst().isTiled()) return reorderTiles(library, r);
        double bytes = Math.max(r.src().bytes(), r.dst().bytes()) * 2.0;
        int wanted = pieces(nanosToMove(bytes));
        boolean divisible =
                r.attributes().postOps().isEmpty() && !r.src().isAny() && !r.dst().isAny();
        if (wanted == 1 || !divisible || isEmpty(r.dst())) return whole(library, r);
        for (int axis = 0; axis < r.dst().rank(); axis++) {
            var pieces = reorderAlong(library, r, axis, wanted);
            if (pieces.size() > 1) return new Split(library.describe(r), List.of(pieces), 0);
        }
        return whole(library, r);
    }

    private static List<Piece> reorderAlong(OneDnn library, Reorder r, int axis, int wanted) {
        boolean blocks = r.src().isOpaque() || r.dst().isOpaque();
        var pieces = new ArrayList<Piece>();
        for (var range : ranges(r.dst().dim(axis), wanted, blocks ? BLOCK : 1)) {
            if (range.size() == r.dst().dim(axis)) return List.of();
            var src = part(library, r.src(), axis, range);
            var dst = part(library, r.dst(), axis, range);
            if (src.isEmpty() || dst.isEmpty()) return List.of();
            var code =
                    library.code(new Reorder(src.get().desc(), dst.get().desc(), r.attributes()));
            var offsets = new long[] {src.get().offset(), dst.get().offset()};
            pieces.add(new Piece(code, new int[] {0, 1}, offsets));
        }
        return pieces;
    }

    private static Optional<Part> part(OneDnn library, MemoryDesc whole, int axis, Range range) {
        if (whole.isStrided()) return Optional.of(Part.of(whole).along(axis, range));
        return library.part(whole, axis, range.from(), range.to()).map(Part::of);
    }

    private static Split reorderTiles(OneDnn library, Reorder r) {
        var tiled = r.dst().isTiled() ? r.dst() : r.src();
        var other = r.dst().isTiled() ? r.src() : r.dst();
        if (!other.isStrided())
            throw new IllegalArgumentException(
                    "a tiled layout can be reordered from or to a strided one only: " + r);
        int last = tiled.rank() - 1;
        var pieces = new ArrayList<Piece>();
        long column = 0;
        long place = 0;
        for (var tile : tiled.tiles()) {
            var part = Part.of(other).along(last, new Range(column, column + tile.dim(last)));
            boolean into = r.dst().isTiled();
            var code =
                    library.code(
                            into
                                    ? new Reorder(part.desc(), tile, r.attributes())
                                    : new Reorder(tile, part.desc(), r.attributes()));
            var offsets =
                    into ? new long[] {part.offset(), place} : new long[] {place, part.offset()};
            pieces.add(new Piece(code, new int[] {0, 1}, offsets));
            column += tile.dim(last);
            place += tile.room();
        }
        var slots = List.of(new Slot(Slot.Role.SRC, r.src()), new Slot(Slot.Role.DST, r.dst()));
        return new Split(slots, List.of(pieces), 0);
    }
}
