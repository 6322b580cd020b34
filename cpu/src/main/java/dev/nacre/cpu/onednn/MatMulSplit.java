package dev.nacre.cpu.onednn;

import dev.nacre.cpu.onednn.Split.Part;
import dev.nacre.cpu.onednn.Split.Piece;
import dev.nacre.cpu.onednn.Split.Range;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/// Divides a matrix product by its [items][Items], by the axes of its result, and a long inner axis when the result is too small to divide.
final class MatMulSplit {
    private static final long ROWS = 16;
    private static final long COLUMNS = 64;

    /// Narrow strips of wide, unpacked weights are read at a fraction of the speed.
    private static final long COLUMNS_OF_STRIDED = 128;

    /// Of packed weights each range of rows reads all, so pieces are few and large; so many are enough for most machines.
    private static final long PIECES_OF_PACKED = 8;

    /// Pieces for each member of the team, so that one that is held up does not hold up all. Fewer have larger operands in common, which each brings into the form it computes with.
    private static final int PIECES_OF_MEMBER = 8;

    private static final int TURNED_PIECES_OF_MEMBER = 4;

    /// Bytes of a source that is turned beforehand: what is in the caches when the pieces read it. Each call has memory for it.
    private static final long MOST_TURNED = 1 << 20;

    private static final long INNER = 2048;

    /// Of the inner axis in a last, thin layer.
    private static final long LAST = 64;

    /// What adding may cost, as a part of the work.
    private static final double WORTH = 0.1;

    private final OneDnn library;
    private final MatMul asked;
    private final MatMul spec; // for one item
    private final long[][] items;
    private final int rank;
    private final List<MemoryDesc> operands;
    private final double nanos;
    private final int members;

    private MatMulSplit(OneDnn library, MatMul asked, Items items, int members) {
        this.library = library;
        this.asked = asked;
        this.spec = items.each();
        this.items = items.offsets();
        this.members = members;
        this.rank = spec.dst().rank();
        this.operands = Split.postOpOperands(spec.attributes());
        double results = Split.elements(spec.dst());
        double flops = 2 * results * inner();
        double bytes =
                spec.src().bytes()
                        + (double) Split.elements(spec.weights()) * spec.weights().type().bytes()
                        + spec.dst().bytes();
        this.nanos =
                this.items.length
                        * Split.nanos(
                                library, spec.src().type(), spec.attributes().math(), flops, bytes);
    }

    static Split of(OneDnn library, MatMul asked, int members) {
        var spec =
                new MatMul(
                        dense(asked.src()),
                        asked.weights(),
                        asked.bias(),
                        dense(asked.dst()),
                        asked.attributes());
        if (Split.isEmpty(spec.src()) || Split.isEmpty(spec.weights()) || Split.isEmpty(spec.dst()))
            return Split.whole(library, spec);
        if (!isRegular(spec))
            throw new OneDnnException(Status.UNIMPLEMENTED, "operands of such layouts: " + spec);
        var split = new MatMulSplit(library, spec, Items.of(spec), members);
        return split.isTurnedFirst() ? split.turned() : split.divide();
    }

    private static boolean isRegular(MatMul m) {
        int rank = m.dst().rank();
        return Split.allStrided(m.src(), m.dst())
                && m.src().rank() >= 2
                && m.src().rank() == rank
                && (m.weights().rank() == rank || m.weights().isOpaque())
                && m.bias().map(b -> b.isStrided() && b.rank() == rank).orElse(true)
                && Split.allStrided(Split.postOpOperands(m.attributes()));
    }

    private static MemoryDesc dense(MemoryDesc desc) {
        return desc.isAny() ? MemoryDesc.dense(desc.type(), desc.dims()) : desc;
    }

    private long rows() {
        return spec.dst().dim(rank - 2);
    }

    private long columns() {
        return spec.dst().dim(rank - 1);
    }

    private long inner() {
        return spec.src().dim(rank - 1);
    }

    private boolean weightsAreBatched() {
        for (int axis = 0; axis < rank - 2; axis++) if (spec.weights().dim(axis) != 1) return true;
        return false;
    }

    /// Whether the source is column-major, so that each range of columns would turn its rows anew, and turning it once costs little.
    private boolean isTurnedFirst() {
        long bytes = Split.elements(spec.src()) * spec.src().type().bytes();
        return items.length == 1
                && spec.src().isMatrix()
                && isTurned()
                && rows() % ROWS == 0
                && inner() % ROWS == 0
                && spec.src().type() == DataType.F32
                && bytes <= MOST_TURNED
                && Split.pieces(nanos) > 1
                && Split.nanosToMove(2.0 * bytes) < WORTH * nanos;
    }

    /// The product with its source turned to row-major first.
    private Split turned() {
        var dense = MemoryDesc.dense(spec.src().type(), spec.src().dims());
        var then =
                of(
                        library,
                        new MatMul(
                                dense, spec.weights(), spec.bias(), spec.dst(), spec.attributes()),
                        members);
        long place = Split.aligned(then.partialBytes());
        var phases = new ArrayList<List<Piece>>();
        phases.add(Split.move(library, spec.src(), 0, 0, dense, Split.PARTIAL, place));
        for (var phase : then.phases())
            phases.add(phase.stream().map(p -> p.rebased(0, Split.PARTIAL, place)).toList());
        var slots =
                slots(then.slots().stream().map(Slot::role).toList(), then.slots().get(1).desc());
        return new Split(slots, phases, place + dense.bytes());
    }

    /// How a sum is divided does not depend on the team, lest its bits do. How the result is may: each of its elements is summed up in the same order in a piece of any size.
    private Split divide() {
        int wanted = Split.pieces(nanos);
        var tiled = spec.weights().isTiled();
        if (!tiled && Split.pieces(nanos / items.length / batch()) == 1) return ofCalls(wanted);
        int groups = Math.min(wanted, items.length);
        var axes = axes(wanted / groups);
        int layers = layers(wanted / groups / count(axes));
        if (layers > 1) return layered(axes, layers);
        wanted = Math.min(wanted, enough());
        groups = Math.min(wanted, items.length);
        axes = axes(wanted / groups);
        try {
            return flat(axes, groups, library::code);
        } catch (OneDnnException e) {
            if (tiled || groups * count(axes) == 1) throw e;
            return flat(axes(1), 1, library::code);
        }
    }

    /// Small matrices are not compiled for if there is another way ([Gemm]). Whether they are depends on the matrices alone, and none is divided, lest bits depend on the team.
    private Split ofCalls(int wanted) {
        int groups = Math.min(wanted, items.length);
        return flat(
                axes(wanted / groups, _ -> new int[] {1, 1}),
                groups,
                each -> library.gemm(each).orElseGet(() -> library.code(each)));
    }

    /// Matrices that one call has of its own.
    private long batch() {
        long batch = 1;
        for (int axis = 0; axis < rank - 2; axis++) batch *= spec.dst().dim(axis);
        return batch;
    }

    /// Pieces that keep the team busy.
    private int enough() {
        return members * (isTurned() ? TURNED_PIECES_OF_MEMBER : PIECES_OF_MEMBER);
    }

    private static int count(List<List<Range>> axes) {
        return axes.stream().mapToInt(List::size).reduce(1, (a, b) -> a * b);
    }

    /// The ranges of each axis of the result, for about as many pieces as wanted.
    private List<List<Range>> axes(int wanted) {
        return axes(wanted, this::grid);
    }

    /// @param grid into how many ranges of rows and of columns a matrix goes that is to be so many pieces
    private List<List<Range>> axes(int wanted, IntFunction<int[]> grid) {
        var axes = new ArrayList<List<Range>>();
        int left = wanted;
        for (int axis = 0; axis < rank - 2; axis++) {
            boolean divisible = spec.weights().isStrided() || !weightsAreBatched();
            var ranges = Split.ranges(spec.dst().dim(axis), divisible ? left : 1, 1);
            left = Math.ceilDiv(left, ranges.size());
            axes.add(ranges);
        }
        var counts = grid.apply(left);
        axes.add(Split.ranges(rows(), counts[0], ROWS));
        axes.add(
                spec.weights().isTiled()
                        ? tileRanges()
                        : Split.ranges(columns(), counts[1], columnUnit()));
        return axes;
    }

    /// How many ranges of rows and of columns: about as many pieces as wanted, fewer of packed weights, with the least copying of operands, which
    /// each range of rows does with all of the weights, and each range of columns with all of the source.
    private int[] grid(int wanted) {
        long mostRows = Math.max(1, rows() / (2 * ROWS));
        boolean wide = spec.weights().isStrided() && !isTransposed() && rows() >= COLUMNS;
        long mostColumns =
                spec.weights().isOpaque()
                        ? 1
                        : Math.max(1, columns() / (wide ? COLUMNS_OF_STRIDED : COLUMNS));
        double weightCost = weightCost();
        double srcCost = !isTurned() ? 1 : spec.src().type() == DataType.F32 ? 24 : 12;
        long most = Math.min(wanted, mostRows * mostColumns);
        boolean packed = !spec.weights().isStrided();
        long fewest = fewest(most);
        var best = new int[] {1, 1};
        double least = Double.MAX_VALUE;
        for (int m = 1; m <= Math.min(most, mostRows); m++) {
            int n = (int) Math.min(Math.ceilDiv(most, m), mostColumns);
            int last = packed ? (int) Math.ceilDiv(fewest, m) : n;
            for (; n >= last && (long) m * n >= fewest; n--) {
                double even = even(rows(), m, ROWS) * even(columns(), n, columnUnit());
                double cost =
                        (columns() * weightCost * m + rows() * srcCost * n) / Math.pow(even, 3);
                if (cost >= least) continue;
                least = cost;
                best = new int[] {m, n};
            }
        }
        return best;
    }

    /// Ranges of columns begin at whole vectors, and at whole blocks where that leaves no rest.
    private long columnUnit() {
        return spec.weights().isStrided() && columns() % COLUMNS != 0 ? ROWS : COLUMNS;
    }

    /// How many pieces are enough where so many are possible. Weights that lie transposed are turned once for each range of rows, which costs more than a few pieces less.
    private long fewest(long most) {
        if (!spec.weights().isStrided())
            return Math.min(most, Math.max(PIECES_OF_PACKED, most / 4));
        return isTransposed() ? Math.ceilDiv(most, 2) : Math.ceilDiv(3 * most, 4);
    }

    /// Whether the source is column-major: turning it costs twice to eight times what packing weights does, for each element.
    private boolean isTurned() {
        return spec.src().stridesUnsafe()[rank - 1] != 1;
    }

    private boolean isTransposed() {
        var strides = spec.weights().stridesUnsafe();
        return strides[rank - 2] == 1 && strides[rank - 1] != 1;
    }

    /// What bringing weights into the form that is computed with costs, against reading them.
    private double weightCost() {
        if (!spec.weights().isStrided()) return 1;
        return isTransposed() || spec.weights().type() != DataType.F32 ? 6 : 3;
    }

    /// How much of the time all pieces are busy when an axis is divided so.
    private static double even(long size, long count, long unit) {
        var ranges = Split.ranges(size, count, unit);
        return (double) size / (ranges.getFirst().size() * Math.max(count, ranges.size()));
    }

    private List<Range> tileRanges() {
        var ranges = new ArrayList<Range>();
        long from = 0;
        for (var tile : spec.weights().tiles()) {
            ranges.add(new Range(from, from + tile.dim(rank - 1)));
            from += tile.dim(rank - 1);
        }
        return ranges;
    }

    /// Into how many the inner axis goes when that many pieces are still wanted.
    private int layers(int wanted) {
        boolean plain =
                items.length == 1
                        && spec.weights().isStrided()
                        && (spec.dst().type() == DataType.F32 || !isBare())
                        && Split.elements(spec.dst()) == rows() * columns();
        if (!plain || wanted < 2) return 1;
        double sumNanos = Split.nanosToMove(8.0 * rows() * columns());
        long most = Math.min(inner() / INNER, (long) (WORTH * nanos / sumNanos));
        return Math.clamp(most, 1, wanted);
    }

    private static List<List<Range>> product(List<List<Range>> axes) {
        List<List<Range>> all = List.of(List.of());
        for (var ranges : axes) {
            var longer = new ArrayList<List<Range>>();
            for (var prefix : all) {
                for (var range : ranges) {
                    var next = new ArrayList<>(prefix);
                    next.add(range);
                    longer.add(next);
                }
            }
            all = longer;
        }
        return all;
    }

    /// The part of an operand that a cell of the result's grid needs; `rows` and `columns` say which of the last axes it
    /// shares with the result.
    private Part cut(MemoryDesc operand, List<Range> cell, boolean rows, boolean columns) {
        var part = Part.of(operand);
        for (int axis = 0; axis < rank - 2; axis++) part = part.along(axis, cell.get(axis));
        if (rows) part = part.along(rank - 2, cell.get(rank - 2));
        if (columns) part = part.along(rank - 1, cell.get(rank - 1));
        return part;
    }

    /// @param groups into how many the items go
    /// @param compiled the code of a piece
    private Split flat(List<List<Range>> axes, int groups, Function<MatMul, Code> compiled) {
        var columns = axes.getLast();
        long firstRows = axes.get(rank - 2).getFirst().size();
        Map<Range, MemoryDesc> chosen = new HashMap<>();
        var pieces = new ArrayList<Piece>();
        List<Slot.Role> roles = List.of();
        for (var cell : product(axes)) {
            var column = cell.getLast();
            var src = cut(spec.src(), cell, true, false);
            var dst = cut(spec.dst(), cell, true, true);
            var bias = spec.bias().map(b -> cut(b, cell, true, true));
            var extra = operands.stream().map(o -> cut(o, cell, true, true)).toList();
            var like =
                    spec.weights().isAny() && cell.get(rank - 2).size() != firstRows
                            ? Part.of(chosen.get(column))
                            : weights(cell, columns);
            var piece =
                    new MatMul(
                            src.desc(),
                            like.desc(),
                            bias.map(Part::desc),
                            dst.desc(),
                            Split.cut(spec.attributes(), extra));
            var inner = Items.of(piece); // fewer rows can be thin
            var code = compiled.apply(inner.each());
            chosen.putIfAbsent(column, code.desc(Slot.Role.WEIGHTS));
            long place = like.offset();
            if (!spec.weights().isStrided() && columns.size() > 1)
                for (var before : columns.subList(0, columns.indexOf(column)))
                    place += chosen.get(before).room();
            var offsets = new ArrayList<>(List.of(src.offset(), place));
            bias.ifPresent(b -> offsets.add(b.offset()));
            offsets.add(dst.offset());
            extra.forEach(e -> offsets.add(e.offset()));
            var bases = IntStream.range(0, offsets.size()).toArray();
            var places = offsets.stream().mapToLong(Long::longValue).toArray();
            for (var group : Split.ranges(items.length, groups, 1))
                pieces.add(
                        new Piece(
                                code,
                                bases.clone(),
                                places,
                                inner.times(
                                        Arrays.copyOfRange(
                                                items, (int) group.from(), (int) group.to()))));
            roles = code.operands().stream().map(Slot::role).toList();
        }
        var weights = spec.weights();
        if (weights.isAny()) {
            var tiles = columns.stream().map(chosen::get).toList();
            weights = tiles.size() == 1 ? tiles.getFirst() : MemoryDesc.tiled(tiles);
        }
        return new Split(slots(roles, weights), List.of(pieces), 0);
    }

    private Part weights(List<Range> cell, List<Range> columns) {
        var weights = spec.weights();
        if (weights.isStrided()) return cut(weights, cell, false, true);
        if (weights.isTiled()) return Part.of(weights.tiles().get(columns.indexOf(cell.getLast())));
        if (weights.isOpaque()) return Part.of(weights);
        var dims = weights.dims();
        dims[rank - 1] = cell.getLast().size();
        return Part.of(MemoryDesc.any(weights.type(), dims));
    }

    private List<Slot> slots(List<Slot.Role> roles, MemoryDesc weights) {
        boolean chosen = asked.weights().isAny();
        var descs = new ArrayList<>(List.of(asked.src(), chosen ? weights : asked.weights()));
        asked.bias().ifPresent(descs::add);
        descs.add(asked.dst());
        descs.addAll(Split.postOpOperands(asked.attributes()));
        var slots = new ArrayList<Slot>();
        for (int i = 0; i < descs.size(); i++) slots.add(new Slot(roles.get(i), descs.get(i)));
        return slots;
    }

    private boolean isBare() {
        return spec.attributes().postOps().isEmpty() && spec.bias().isEmpty();
    }

    /// The inner axis divided too: each layer makes a whole result of its own, and then the layers are added. Where more than a sum follows, a thin last layer adds
    /// the others to its own and does it.
    private Split layered(List<List<Range>> axes, int layers) {
        long step = Split.partialStep(DataType.F32, rows() * columns());
        var whole = MemoryDesc.dense(DataType.F32, spec.dst().dims());
        long end = isBare() ? inner() : inner() - LAST;
        var inner = Split.ranges(end, layers, LAST);
        var pieces = new ArrayList<Piece>();
        for (int layer = 0; layer < inner.size(); layer++) {
            for (var cell : product(axes)) {
                var part = layer(cell, inner.get(layer));
                var dst = cut(whole, cell, true, true);
                var code =
                        code(
                                new MatMul(
                                        part.src.desc(),
                                        part.weights.desc(),
                                        Optional.empty(),
                                        dst.desc(),
                                        Attributes.NONE.math(spec.attributes().math())));
                var offsets =
                        new long[] {
                            part.src.offset(), part.weights.offset(), layer * step + dst.offset()
                        };
                pieces.add(new Piece(code, new int[] {0, 1, Split.PARTIAL}, offsets));
            }
        }
        var last = isBare() ? sums(inner.size(), step) : last(axes, inner.size(), step);
        return new Split(
                slots(roles(), spec.weights()), List.of(pieces, last), inner.size() * step);
    }

    private Code code(MatMul matrices) {
        return library.code(Items.of(matrices).each());
    }

    private record Layer(Part src, Part weights) {}

    private Layer layer(List<Range> cell, Range inner) {
        return new Layer(
                cut(spec.src(), cell, true, false).along(rank - 1, inner),
                cut(spec.weights(), cell, false, true).along(rank - 2, inner));
    }

    private List<Slot.Role> roles() {
        var roles = new ArrayList<>(List.of(Slot.Role.SRC, Slot.Role.WEIGHTS));
        if (spec.bias().isPresent()) roles.add(Slot.Role.BIAS);
        roles.add(Slot.Role.DST);
        roles.addAll(Collections.nCopies(operands.size(), Slot.Role.POST_OP));
        return roles;
    }

    private List<Piece> last(List<List<Range>> axes, int layers, long step) {
        var whole = MemoryDesc.dense(DataType.F32, spec.dst().dims());
        var pieces = new ArrayList<Piece>();
        for (var cell : product(axes)) {
            var part = layer(cell, new Range(inner() - LAST, inner()));
            var bias = spec.bias().map(b -> cut(b, cell, true, true));
            var dst = cut(spec.dst(), cell, true, true);
            var sum = cut(whole, cell, true, true);
            var extra = operands.stream().map(o -> cut(o, cell, true, true)).toList();
            var ops = new ArrayList<PostOp>();
            for (int i = 0; i < layers; i++)
                ops.add(new PostOp.Binary(PostOp.Operator.ADD, sum.desc()));
            ops.addAll(Split.cut(spec.attributes(), extra).postOps());
            var code =
                    code(
                            new MatMul(
                                    part.src.desc(),
                                    part.weights.desc(),
                                    bias.map(Part::desc),
                                    dst.desc(),
                                    new Attributes(ops, spec.attributes().math())));
            var places = new ArrayList<>(List.of(part.src.offset(), part.weights.offset()));
            bias.ifPresent(b -> places.add(b.offset()));
            places.add(dst.offset());
            int own = places.size();
            for (int i = 0; i < layers; i++) places.add(i * step + sum.offset());
            extra.forEach(e -> places.add(e.offset()));
            var bases = new int[places.size()];
            for (int i = 0; i < bases.length; i++)
                bases[i] = i < own ? i : i < own + layers ? Split.PARTIAL : i - layers;
            pieces.add(
                    new Piece(code, bases, places.stream().mapToLong(Long::longValue).toArray()));
        }
        return pieces;
    }

    private List<Piece> sums(int layers, long step) {
        if (spec.dst().equals(MemoryDesc.dense(DataType.F32, spec.dst().dims())))
            return Split.sums(library, DataType.F32, layers, 0, rows() * columns(), 2, 0);
        var layer = MemoryDesc.dense(DataType.F32, spec.dst().dims());
        var code = library.code(new Sum(Collections.nCopies(layers, layer), spec.dst()));
        var bases = new int[layers + 1];
        var offsets = new long[layers + 1];
        for (int i = 0; i < layers; i++) {
            bases[i] = Split.PARTIAL;
            offsets[i] = i * step;
        }
        bases[layers] = 2;
        return List.of(new Piece(code, bases, offsets));
    }
}
