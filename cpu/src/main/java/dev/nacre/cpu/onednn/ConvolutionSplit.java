package dev.nacre.cpu.onednn;

import dev.nacre.cpu.onednn.Split.Part;
import dev.nacre.cpu.onednn.Split.Piece;
import dev.nacre.cpu.onednn.Split.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Divides a convolution by images, and channels-last images by rows when there are too few of them. The gradient of the
/// weights is a sum over both, so there each piece has a sum of its own, and then these are added.
final class ConvolutionSplit {
    /// Fewer rows are not worth the rows that neighbours read twice.
    private static final long LEAST_ROWS = 2;
    private static final double WORTH_OF_SUMMING = 0.15;

    private final OneDnn library;
    private final Convolution spec;
    private final List<MemoryDesc> operands;
    private final double nanos;

    private ConvolutionSplit(OneDnn library, Convolution spec) {
        this.library = library;
        this.spec = spec;
        this.operands = Split.postOpOperands(spec.attributes());
        double taps = elements(spec.weights()) / (double) spec.dst().dim(1); // of one output element
        double flops = 2 * elements(spec.dst()) * taps;
        double bytes = spec.src().bytes() + spec.dst().bytes();
        this.nanos = Split.nanos(library, spec.src().type(), spec.attributes().math(), flops, bytes);
    }

    static Split of(OneDnn library, Convolution spec) {
        int rank = spec.src().rank();
        boolean regular = Split.allStrided(spec.src(), spec.dst())
                && !spec.weights().isTiled()
                && rank == spec.dst().rank()
                && (spec.weights().rank() == rank || spec.weights().rank() == rank + 1)
                && spec.bias().map(MemoryDesc::isStrided).orElse(true)
                && Split.allStrided(Split.postOpOperands(spec.attributes()))
                && !Split.isEmpty(spec.src())
                && !Split.isEmpty(spec.weights())
                && !Split.isEmpty(spec.dst());
        if (!regular) return Split.whole(library, spec);
        var split = new ConvolutionSplit(library, spec);
        return split.divide().orElseGet(() -> Split.whole(library, spec));
    }

    /// The first division whose pieces are all implemented: evenly into rows, unevenly, by images alone.
    private Optional<Split> divide() {
        boolean sum = spec.direction() == Direction.BACKWARD_WEIGHTS;
        int wanted = sum ? mostSums() : Split.pieces(nanos);
        var batches = Split.ranges(spec.src().dim(0), wanted, 1);
        var whole = List.of(Rows.all(spec.src(), spec.dst(), spec.window()));
        for (var rows : List.of(rows(wanted, batches.size(), true), rows(wanted, batches.size(), false), whole)) {
            if (rows.isEmpty() || batches.size() * rows.size() == 1) continue;
            var split = sum ? sums(batches, rows) : images(batches, rows);
            if (split.isPresent()) return split;
        }
        return Optional.empty();
    }

    private static double elements(MemoryDesc desc) {
        double product = 1;
        for (int axis = 0; axis < desc.rank(); axis++) product *= desc.dim(axis);
        return product;
    }

    private long kernelRows() {
        return spec.weights().dim(spec.weights().rank() - spec.src().rank() + 2);
    }

    /// Into which rows each image goes, when there are fewer images than pieces wanted; nothing if that cannot be done.
    /// Pieces of one size are the same code, and sure to agree on the layout of the weights.
    private List<Rows> rows(int wanted, int batches, boolean even) {
        boolean data = spec.direction() == Direction.BACKWARD_DATA;
        long unit = data ? spec.window().strides().getFirst() : 1;
        long size = (data ? spec.src() : spec.dst()).dim(Rows.AXIS);
        long count = Math.min(Math.ceilDiv(wanted, batches), size / Math.max(LEAST_ROWS, unit));
        boolean single = batches == spec.src().dim(0);
        if (count < 2 || !single || !Rows.areOutermost(spec.src()) || !Rows.areOutermost(spec.dst())) return List.of();
        if (even) count = divisor(size, unit, count);
        var rows = new ArrayList<Rows>();
        for (var range : Split.ranges(size, count, unit)) {
            var some = data
                    ? Rows.ofInput(range, spec.dst().dim(Rows.AXIS), kernelRows(), spec.window())
                    : Rows.ofOutput(range, spec.src().dim(Rows.AXIS), kernelRows(), spec.window());
            if (some.isEmpty()) return List.of();
            rows.add(some.get());
        }
        return rows;
    }

    /// The number nearest to `count`, between half and twice of it, of equal parts; 1 if there is none.
    private static long divisor(long size, long unit, long count) {
        for (long d = 0; d <= count; d++) {
            if (count - d > count / 2 && size % ((count - d) * unit) == 0) return count - d;
            if (size / (count + d) >= LEAST_ROWS && size % ((count + d) * unit) == 0) return count + d;
        }
        return 1;
    }

    private Optional<Split> images(List<Range> batches, List<Rows> rows) {
        try {
            return Optional.of(imagesOrFail(batches, rows));
        } catch (OneDnnException e) {
            return Optional.empty(); // a piece that is not implemented
        }
    }

    private Split imagesOrFail(List<Range> batches, List<Rows> rows) {
        var pieces = new ArrayList<Piece>();
        Optional<Code> first = Optional.empty();
        for (var batch : batches) {
            for (var some : rows) {
                var src = cut(spec.src(), batch, some.input());
                var dst = cut(spec.dst(), batch, some.output());
                var extra = operands.stream()
                        .map(o -> cut(o, batch, some.output()))
                        .toList();
                var code = code(first, new Convolution(
                        spec.direction(),
                        src.desc(),
                        spec.weights(),
                        spec.bias(),
                        dst.desc(),
                        some.window(spec.window()),
                        Split.cut(spec.attributes(), extra)));
                if (first.isEmpty()) first = Optional.of(code);
                var offsets = new ArrayList<>(List.of(src.offset(), 0L));
                if (code.operands().get(2).role() == Slot.Role.BIAS) offsets.add(0L);
                offsets.add(dst.offset());
                extra.forEach(e -> offsets.add(e.offset()));
                var bases = java.util.stream.IntStream.range(0, offsets.size()).toArray();
                pieces.add(new Piece(code, bases, array(offsets)));
            }
        }
        return new Split(slots(first.orElseThrow(), first.get().desc(Slot.Role.WEIGHTS)), List.of(pieces), 0);
    }

    /// Code for a piece. All pieces have the layout of weights that the first one chose.
    private Code code(Optional<Code> first, Convolution piece) {
        boolean choose = first.isEmpty() || !piece.weights().isAny() || piece.equals(first.get().spec());
        var code = library.code(choose ? piece : piece.weights(first.get().desc(Slot.Role.WEIGHTS)));
        if (code.isReference() && first.isPresent() && !first.get().isReference())
            throw new OneDnnException(Status.UNIMPLEMENTED, "at speed, " + code);
        return code;
    }

    private static Part cut(MemoryDesc image, Range batch, Range rows) {
        return Part.of(image).along(0, batch).along(Rows.AXIS, rows);
    }

    private static long[] array(List<Long> values) {
        return values.stream().mapToLong(Long::longValue).toArray();
    }

    /// The whole's operands: those of a piece, with the whole's descriptions.
    private List<Slot> slots(Code piece, MemoryDesc weights) {
        var extra = operands.iterator();
        var slots = new ArrayList<Slot>();
        for (var slot : piece.operands()) {
            slots.add(new Slot(
                    slot.role(),
                    switch (slot.role()) {
                        case SRC -> spec.src();
                        case DST -> spec.dst();
                        case WEIGHTS -> weights;
                        case BIAS -> spec.bias().orElseThrow();
                        case POST_OP -> extra.next();
                        case WORKSPACE, SCRATCHPAD -> throw new IllegalStateException(slot.toString());
                    }));
        }
        return slots;
    }

    // the gradient of the weights

    private int mostSums() {
        double sumNanos = Split.nanosToMove(elements(spec.weights()) * 4);
        return Math.clamp((long) (WORTH_OF_SUMMING * nanos / sumNanos), 1, Split.pieces(nanos));
    }

    private Optional<Split> sums(List<Range> batches, List<Rows> rows) {
        var type = spec.weights().type();
        // with few input channels, bf16 is implemented for a gradient of bf16 alone
        for (var partial : type == DataType.F32 ? List.of(type) : List.of(DataType.F32, type)) {
            try {
                return Optional.of(summed(batches, rows, partial));
            } catch (OneDnnException e) {
                continue;
            }
        }
        return Optional.empty();
    }

    private Split summed(List<Range> batches, List<Rows> rows, DataType type) {
        int count = batches.size() * rows.size();
        var open = MemoryDesc.any(type, spec.weights().dims());
        var pieces = new ArrayList<Piece>();
        Optional<Code> first = Optional.empty();
        long step = 0;
        long biasStep = spec.bias().map(b -> Split.partialStep(b.type(), b.dim(0))).orElse(0L);
        for (var batch : batches) {
            for (var some : rows) {
                var src = cut(spec.src(), batch, some.input());
                var dst = cut(spec.dst(), batch, some.output());
                var code = code(first, new Convolution(
                        spec.direction(),
                        src.desc(),
                        open,
                        spec.bias(),
                        dst.desc(),
                        some.window(spec.window()),
                        spec.attributes()));
                if (first.isEmpty()) first = Optional.of(code);
                var chosen = code.desc(Slot.Role.WEIGHTS);
                step = Split.partialStep(type, chosen.bytes() / type.bytes());
                long place = pieces.size() * step;
                long biasPlace = count * step + pieces.size() * biasStep;
                pieces.add(
                        spec.bias().isPresent()
                                ? new Piece(
                                        code,
                                        new int[] {0, Split.PARTIAL, Split.PARTIAL, 3},
                                        new long[] {src.offset(), place, biasPlace, dst.offset()})
                                : new Piece(
                                        code,
                                        new int[] {0, Split.PARTIAL, 2},
                                        new long[] {src.offset(), place, dst.offset()}));
            }
        }
        return added(pieces, first.orElseThrow(), step, biasStep);
    }

    /// The partial sums added into the operand if it may have their layout, else put into its own afterwards.
    private Split added(List<Piece> pieces, Code piece, long step, long biasStep) {
        int count = pieces.size();
        var partial = piece.desc(Slot.Role.WEIGHTS);
        boolean direct = spec.weights().isAny() && partial.type() == spec.weights().type();
        var weights = direct
                ? partial
                : spec.weights().isAny()
                        ? MemoryDesc.dense(spec.weights().type(), spec.weights().dims())
                        : spec.weights();
        long end = count * (step + biasStep);
        var sums = new ArrayList<>(Split.sums(
                library,
                partial.type(),
                count,
                0,
                partial.bytes() / partial.type().bytes(),
                direct ? 1 : Split.PARTIAL,
                direct ? 0 : end));
        spec.bias().ifPresent(b -> sums.addAll(
                Split.sums(library, b.type(), count, count * step, b.dim(0), 2, 0)));
        var phases = new ArrayList<List<Piece>>(List.of(pieces, sums));
        if (!direct) {
            var put = Split.of(library, Reorder.of(partial, weights)).phases().getFirst();
            phases.add(put.stream()
                    .map(p -> new Piece(
                            p.code(),
                            new int[] {Split.PARTIAL, 1},
                            new long[] {end + p.offsets()[0], p.offsets()[1]}))
                    .toList());
        }
        return new Split(slots(piece, weights), phases, direct ? end : end + step);
    }
}
