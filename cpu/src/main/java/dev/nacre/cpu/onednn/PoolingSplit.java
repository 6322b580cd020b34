package dev.nacre.cpu.onednn;

import dev.nacre.cpu.onednn.Split.Part;
import dev.nacre.cpu.onednn.Split.Piece;
import dev.nacre.cpu.onednn.Split.Range;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// Divides a pooling by images, and when there are too few of them, by channels if these are outermost in memory, or
/// forward by rows if those are.
final class PoolingSplit {
    private static final long CHANNELS = 16;
    private static final long LEAST_ROWS = 4;
    private static final int CHANNEL = 1;

    /// What a piece covers.
    private record Cell(Range batch, Range channels, Rows rows) {
        Part of(MemoryDesc image, boolean input) {
            return Part.of(image)
                    .along(0, batch)
                    .along(CHANNEL, channels)
                    .along(Rows.AXIS, input ? rows.input() : rows.output());
        }
    }

    private PoolingSplit() {}

    static Split of(OneDnn library, Pooling asked) {
        var spec = closed(asked);
        var operands = Split.postOpOperands(spec.attributes());
        boolean regular =
                Split.allStrided(spec.src(), spec.dst())
                        && spec.src().rank() > Rows.AXIS
                        && spec.src().rank() == spec.dst().rank()
                        && Split.allStrided(operands)
                        && !Split.isEmpty(spec.src())
                        && !Split.isEmpty(spec.dst());
        int wanted =
                Split.pieces(Split.nanosToMove((double) spec.src().bytes() + spec.dst().bytes()));
        if (!regular || wanted == 1) return Split.whole(library, spec);
        var slots = library.describe(spec);
        var workspace =
                slots.stream()
                        .filter(s -> s.role() == Slot.Role.WORKSPACE)
                        .map(Slot::desc)
                        .findFirst();
        boolean cuttable =
                workspace.map(w -> w.isStrided() && w.rank() == spec.dst().rank()).orElse(true);
        if (!cuttable) return Split.whole(library, spec);
        try {
            var cells = cells(spec, wanted);
            var pieces = new ArrayList<Piece>();
            for (var cell : cells) {
                var piece = piece(library, spec, operands, workspace, cell);
                if (piece.isEmpty()) return Split.whole(library, spec);
                pieces.add(piece.get());
            }
            return new Split(slots, List.of(pieces), 0);
        } catch (OneDnnException e) {
            return Split.whole(library, spec); // a piece that is not implemented
        }
    }

    /// An image that is left open is channels-last, unless the other is not.
    private static Pooling closed(Pooling p) {
        var src = p.src().isAny() ? like(p.src(), p.dst()) : p.src();
        var dst = p.dst().isAny() ? like(p.dst(), src) : p.dst();
        return new Pooling(
                p.direction(), p.mode(), src, dst, p.kernel(), p.window(), p.attributes());
    }

    private static MemoryDesc like(MemoryDesc open, MemoryDesc other) {
        return other.isStrided() && other.stridesUnsafe()[1] != 1
                ? MemoryDesc.dense(open.type(), open.dims())
                : MemoryDesc.channelsLast(open.type(), open.dims());
    }

    private static List<Cell> cells(Pooling spec, int wanted) {
        var batches = Split.ranges(spec.src().dim(0), wanted, 1);
        long more = batches.size() == spec.src().dim(0) ? Math.ceilDiv(wanted, batches.size()) : 1;
        var channels = List.of(new Range(0, spec.src().dim(CHANNEL)));
        var rows = List.of(Rows.all(spec.src(), spec.dst(), spec.window()));
        if (more > 1 && channelsAreOutermost(spec.src()) && channelsAreOutermost(spec.dst()))
            channels = Split.ranges(spec.src().dim(CHANNEL), more, CHANNELS);
        else if (more > 1 && Rows.areOutermost(spec.src()) && Rows.areOutermost(spec.dst()))
            rows = rows(spec, more);
        var cells = new ArrayList<Cell>();
        for (var batch : batches)
            for (var some : channels) for (var row : rows) cells.add(new Cell(batch, some, row));
        return cells;
    }

    private static List<Rows> rows(Pooling spec, long wanted) {
        var whole = List.of(Rows.all(spec.src(), spec.dst(), spec.window()));
        if (spec.direction() == Direction.BACKWARD_DATA)
            return whole; // neighbours would add to the same rows
        long outputs = spec.dst().dim(Rows.AXIS);
        var rows = new ArrayList<Rows>();
        for (var range : Split.ranges(outputs, Math.min(wanted, outputs / LEAST_ROWS), 1)) {
            var some =
                    Rows.ofOutput(
                            range,
                            spec.src().dim(Rows.AXIS),
                            spec.kernel().getFirst(),
                            spec.window());
            if (some.isEmpty()) return whole;
            rows.add(some.get());
        }
        return rows;
    }

    private static boolean channelsAreOutermost(MemoryDesc image) {
        var strides = image.stridesUnsafe();
        for (int axis = 2; axis < image.rank(); axis++)
            if (image.dim(axis) > 1 && strides[axis] > strides[CHANNEL]) return false;
        return true;
    }

    private static Optional<Piece> piece(
            OneDnn library,
            Pooling spec,
            List<MemoryDesc> operands,
            Optional<MemoryDesc> workspace,
            Cell cell) {
        var src = cell.of(spec.src(), true);
        var dst = cell.of(spec.dst(), false);
        var extra = operands.stream().map(o -> cell.of(o, false)).toList();
        var space = workspace.map(w -> cell.of(w, false));
        var code =
                library.code(
                        new Pooling(
                                spec.direction(),
                                spec.mode(),
                                src.desc(),
                                dst.desc(),
                                spec.kernel(),
                                cell.rows().window(spec.window()),
                                Split.cut(spec.attributes(), extra)));
        for (var slot : code.operands())
            if (slot.role() == Slot.Role.WORKSPACE
                    && !sameLayout(slot.desc(), space.orElseThrow().desc()))
                return Optional.empty();
        var offsets = new ArrayList<>(List.of(src.offset(), dst.offset()));
        space.ifPresent(s -> offsets.add(s.offset()));
        extra.forEach(e -> offsets.add(e.offset()));
        if (offsets.size() != code.operands().size()) return Optional.empty();
        return Optional.of(
                new Piece(
                        code,
                        IntStream.range(0, offsets.size()).toArray(),
                        offsets.stream().mapToLong(Long::longValue).toArray()));
    }

    /// The same but for strides that nobody takes a step of.
    private static boolean sameLayout(MemoryDesc a, MemoryDesc b) {
        if (!a.isStrided()
                || a.type() != b.type()
                || !Arrays.equals(a.dimsUnsafe(), b.dimsUnsafe())) return false;
        for (int axis = 0; axis < a.rank(); axis++)
            if (a.dim(axis) > 1 && a.stridesUnsafe()[axis] != b.stridesUnsafe()[axis]) return false;
        return true;
    }
}
