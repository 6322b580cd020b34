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
    private static final long LEAST_ROWS = 4;
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
        int wanted = Split.pieces(split.nanos);
        try {
            return switch (spec.direction()) {
                case INFERENCE, FORWARD, BACKWARD_DATA -> split.images(wanted);
                case BACKWARD_WEIGHTS -> split.weights(wanted);
            };
        } catch (OneDnnException e) {
            return Split.whole(library, spec); // a piece that is not implemented
        }
    }

    private static double elements(MemoryDesc desc) {
        double product = 1;
        for (int axis = 0; axis < desc.rank(); axis++) product *= desc.dim(axis);
        return product;
    }

    private long kernelRows() {
        return spec.weights().dim(spec.weights().rank() - spec.src().rank() + 2);
    }

    private List<Range> batches(int wanted) {
        return Split.ranges(spec.src().dim(0), wanted, 1);
    }

    /// Into which rows each image goes, when there are fewer images than pieces wanted.
    private List<Rows> rows(int wanted, int batches) {
        var whole = List.of(Rows.all(spec.src(), spec.dst(), spec.window()));
        boolean data = spec.direction() == Direction.BACKWARD_DATA;
        var cut = data ? spec.src() : spec.dst();
        long count = Math.min(Math.ceilDiv(wanted, batches), cut.dim(Rows.AXIS) / LEAST_ROWS);
        boolean single = batches == spec.src().dim(0);
        if (count < 2 || !single || !Rows.areOutermost(spec.src()) || !Rows.areOutermost(spec.dst())) return whole;
        var rows = new ArrayList<Rows>();
        long unit = data ? spec.window().strides().getFirst() : 1;
        for (var range : Split.ranges(cut.dim(Rows.AXIS), count, unit)) {
            var some = data
                    ? Rows.ofInput(range, spec.dst().dim(Rows.AXIS), kernelRows(), spec.window())
                    : Rows.ofOutput(range, spec.src().dim(Rows.AXIS), kernelRows(), spec.window());
            if (some.isEmpty()) return whole;
            rows.add(some.get());
        }
        return rows;
    }

    private Split images(int wanted) {
        var batches = batches(wanted);
        var rows = rows(wanted, batches.size());
        if (batches.size() * rows.size() == 1) return Split.whole(library, spec);
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
                if (code.isReference() && !first.get().isReference()) return Split.whole(library, spec);
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
        return library.code(choose ? piece : piece.weights(first.get().desc(Slot.Role.WEIGHTS)));
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

    private Split weights(int wanted) {
        double sumNanos = Split.nanosToMove(elements(spec.weights()) * 4);
        int most = Math.clamp((long) (WORTH_OF_SUMMING * nanos / sumNanos), 1, wanted);
        var batches = batches(most);
        var rows = rows(most, batches.size());
        if (batches.size() * rows.size() == 1) return Split.whole(library, spec);
        try {
            return summed(batches, rows, DataType.F32);
        } catch (OneDnnException e) {
            if (spec.weights().type() == DataType.F32) throw e;
            return summed(batches, rows, spec.weights().type()); // bf16 alone is implemented for few input channels
        }
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
                if (code.isReference()) return Split.whole(library, spec);
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
