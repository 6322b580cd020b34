package dev.nacre.cpu.onednn;

import dev.nacre.cpu.onednn.Split.Part;
import dev.nacre.cpu.onednn.Split.Piece;
import dev.nacre.cpu.onednn.Split.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Divides the gradient of a convolution's weights.
///
/// It goes by output channels where these are many: then each piece has weights of its own, but first the channels of the
/// output's gradient must be put side by side. And it goes by images and rows where the weights are small, since each piece
/// then has a sum of its own, and these are added afterwards.
final class WeightsSplit {
    private static final long CHANNELS = 64;
    /// What the extra copies and sums may cost, as a part of the work.
    private static final double WORTH = 0.1;
    private static final int BIAS = 2;

    private final OneDnn library;
    private final Convolution spec;
    private final DataType type; // of partial sums
    private final double nanos;
    private final int outputGradient; // its place among the operands
    private long reserved; // partial memory

    private WeightsSplit(OneDnn library, Convolution spec, DataType type) {
        this.library = library;
        this.spec = spec;
        this.type = type;
        this.nanos = ConvolutionSplit.nanos(library, spec);
        this.outputGradient = spec.bias().isPresent() ? 3 : 2;
    }

    static Split of(OneDnn library, Convolution spec) {
        var type = spec.weights().type();
        // with few input channels, bf16 is implemented for a gradient of bf16 alone
        for (var partial : type == DataType.F32 ? List.of(type) : List.of(DataType.F32, type)) {
            var split = new WeightsSplit(library, spec, partial).divide();
            if (split.isPresent()) return split.get();
        }
        return Split.whole(library, spec);
    }

    private Optional<Split> divide() {
        int wanted = Split.pieces(nanos);
        var outputs = Split.ranges(spec.dst().dim(1), mostOutputs(wanted), CHANNELS);
        int sums = Math.min(Math.ceilDiv(wanted, outputs.size()), mostSums());
        var batches = Split.ranges(spec.src().dim(0), sums, 1);
        boolean single = batches.size() == spec.src().dim(0);
        for (var rows : ConvolutionSplit.rows(spec, single ? Math.ceilDiv(sums, batches.size()) : 1)) {
            try {
                reserved = 0;
                return Optional.of(divide(outputs, batches, rows));
            } catch (OneDnnException e) {
                continue; // a piece that is not implemented
            }
        }
        return Optional.empty();
    }

    private long mostOutputs(int wanted) {
        boolean groups = spec.weights().rank() > spec.src().rank();
        boolean channelsLast = spec.dst().stridesUnsafe()[1] == 1;
        double copyNanos = Split.nanosToMove(2.0 * spec.dst().bytes());
        return groups || !channelsLast || copyNanos > WORTH * nanos ? 1 : wanted;
    }

    private int mostSums() {
        double sumNanos = Split.nanosToMove(4.0 * Split.elements(spec.weights()) * type.bytes());
        return (int) Math.clamp(WORTH * nanos / sumNanos, 1, Split.MOST_PIECES);
    }

    private long reserve(long bytes) {
        long place = reserved;
        reserved += (bytes + 127) & -128;
        return place;
    }

    private Split divide(List<Range> outputs, List<Range> batches, List<Rows> rows) {
        var copies = new ArrayList<Piece>();
        var pieces = new ArrayList<Piece>();
        var sums = new ArrayList<Piece>();
        var moves = new ArrayList<Piece>();
        var direct = Optional.<MemoryDesc>empty();
        boolean mayBeDirect = spec.weights().isAny() && outputs.size() == 1 && type == spec.weights().type();
        var result = spec.weights().isStrided()
                ? spec.weights()
                : MemoryDesc.dense(spec.weights().type(), spec.weights().dims());
        for (var range : outputs) {
            var dst = Part.of(spec.dst());
            int dstBase = outputGradient;
            if (outputs.size() > 1) {
                var slice = dst.along(1, range);
                dst = Part.of(channelsLast(slice.desc()));
                dst = new Part(dst.desc(), reserve(dst.desc().bytes()));
                dstBase = Split.PARTIAL;
                copies.addAll(Split.move(
                        library, slice.desc(), outputGradient, slice.offset(), dst.desc(), dstBase, dst.offset()));
            }
            var columns = new Columns(range, dst, dstBase, batches, rows);
            pieces.addAll(columns.pieces);
            var chosen = columns.chosen();
            if (mayBeDirect || chosen.equals(result)) {
                direct = Optional.of(chosen);
                sums.addAll(columns.added(ConvolutionSplit.WEIGHTS, 0));
                continue;
            }
            long place = columns.pieces.size() == 1 ? columns.place(0) : reserve(chosen.bytes());
            sums.addAll(columns.added(Split.PARTIAL, place));
            int axis = spec.weights().rank() - spec.src().rank();
            var slice = Part.of(result).along(axis, outputs.size() == 1 ? all(result, axis) : range);
            moves.addAll(Split.move(
                    library, chosen, Split.PARTIAL, place, slice.desc(), ConvolutionSplit.WEIGHTS, slice.offset()));
        }
        var phases = new ArrayList<List<Piece>>();
        for (var phase : List.of(copies, pieces, sums, moves)) if (!phase.isEmpty()) phases.add(phase);
        return new Split(slots(direct.orElse(result)), phases, reserved);
    }

    private static Range all(MemoryDesc desc, int axis) {
        return new Range(0, desc.dim(axis));
    }

    private static MemoryDesc channelsLast(MemoryDesc image) {
        var dims = image.dims();
        var strides = new long[dims.length];
        strides[1] = 1;
        long step = dims[1];
        for (int axis = dims.length - 1; axis != 1; axis = axis == 2 ? 0 : axis == 0 ? 1 : axis - 1) {
            strides[axis] = step;
            step *= dims[axis];
        }
        return MemoryDesc.strided(image.type(), dims, strides);
    }

    private List<Slot> slots(MemoryDesc weights) {
        var slots = new ArrayList<Slot>();
        slots.add(new Slot(Slot.Role.SRC, spec.src()));
        slots.add(new Slot(Slot.Role.WEIGHTS, weights));
        spec.bias().ifPresent(b -> slots.add(new Slot(Slot.Role.BIAS, b)));
        slots.add(new Slot(Slot.Role.DST, spec.dst()));
        return slots;
    }

    /// The pieces for a range of output channels. If there is one piece only, it writes to its operands; otherwise each
    /// writes to memory of its own, to be added.
    private final class Columns {
        final List<Piece> pieces = new ArrayList<>();
        private final Range range;
        private final long start;
        private final long step;
        private final long biasStart;
        private final Optional<MemoryDesc> bias;
        private final Code first;

        Columns(Range range, Part dst, int dstBase, List<Range> batches, List<Rows> rows) {
            this.range = range;
            this.bias = spec.bias().map(b -> Part.of(b).along(0, range).desc());
            int count = batches.size() * rows.size();
            Optional<Code> chosen = Optional.empty();
            for (var batch : batches) {
                for (var some : rows) {
                    var src = ConvolutionSplit.cut(spec.src(), batch, some.input());
                    var part = ConvolutionSplit.cut(dst.desc(), batch, some.output());
                    var code = ConvolutionSplit.code(library, chosen, piece(src.desc(), part.desc(), some));
                    if (chosen.isEmpty()) chosen = Optional.of(code);
                    long[] offsets = bias.isPresent()
                            ? new long[] {src.offset(), 0, 0, dst.offset() + part.offset()}
                            : new long[] {src.offset(), 0, dst.offset() + part.offset()};
                    int[] bases = bias.isPresent()
                            ? new int[] {ConvolutionSplit.SRC, Split.PARTIAL, Split.PARTIAL, dstBase}
                            : new int[] {ConvolutionSplit.SRC, Split.PARTIAL, dstBase};
                    pieces.add(new Piece(code, bases, offsets));
                }
            }
            this.first = chosen.orElseThrow();
            this.step = Split.partialStep(type, chosen().bytes() / type.bytes());
            this.start = reserve(step * count);
            long biasStep = bias.map(b -> Split.partialStep(b.type(), b.dim(0))).orElse(0L);
            this.biasStart = reserve(biasStep * count);
            for (int i = 0; i < count; i++) {
                pieces.get(i).offsets()[ConvolutionSplit.WEIGHTS] = place(i);
                if (bias.isPresent()) pieces.get(i).offsets()[BIAS] = biasStart + i * biasStep;
            }
        }

        private Convolution piece(MemoryDesc src, MemoryDesc dst, Rows rows) {
            var dims = spec.weights().dims();
            if (dims.length == spec.src().rank()) dims[0] = range.size();
            var weights = spec.weights().isOpaque() ? spec.weights() : MemoryDesc.any(type, dims);
            var window = rows.window(spec.window());
            return new Convolution(spec.direction(), src, weights, bias, dst, window, spec.attributes());
        }

        MemoryDesc chosen() {
            return first.desc(Slot.Role.WEIGHTS);
        }

        /// Where the weights of a piece are in the partial memory.
        long place(int piece) {
            return start + piece * step;
        }

        /// Adds the pieces' weights into operand `base`, and their biases into the bias.
        List<Piece> added(int base, long to) {
            var sums = new ArrayList<Piece>();
            int count = pieces.size();
            long biasTo = spec.bias()
                    .map(b -> Part.of(b).along(0, range).offset())
                    .orElse(0L);
            if (count > 1) {
                long elements = chosen().bytes() / type.bytes();
                sums.addAll(Split.sums(library, type, count, start, elements, base, to));
                bias.ifPresent(b -> sums.addAll(
                        Split.sums(library, b.type(), count, biasStart, b.dim(0), BIAS, biasTo)));
                return sums;
            }
            pieces.getFirst().bases()[ConvolutionSplit.WEIGHTS] = base;
            pieces.getFirst().offsets()[ConvolutionSplit.WEIGHTS] = to;
            if (bias.isPresent()) {
                pieces.getFirst().bases()[BIAS] = BIAS;
                pieces.getFirst().offsets()[BIAS] = biasTo;
            }
            return sums;
        }
    }
}
