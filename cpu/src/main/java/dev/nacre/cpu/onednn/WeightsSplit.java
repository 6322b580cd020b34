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
    private final List<Piece> copies = new ArrayList<>();
    private final List<Piece> pieces = new ArrayList<>();
    private final List<Piece> sums = new ArrayList<>();
    private final List<Piece> moves = new ArrayList<>();

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
        for (var rows :
                ConvolutionSplit.rows(spec, single ? Math.ceilDiv(sums, batches.size()) : 1)) {
            try {
                return Optional.of(
                        new WeightsSplit(library, spec, type).divide(outputs, batches, rows));
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
        if (groups || !channelsLast || spec.weights().isOpaque() || copyNanos > WORTH * nanos)
            return 1;
        double againNanos =
                Split.nanosToMove(4.0 * spec.src().bytes()); // every piece prepares the input anew
        return Math.clamp((long) (2 * WORTH * nanos / againNanos), 1, wanted);
    }

    private int mostSums() {
        double sumNanos = Split.nanosToMove(4.0 * Split.elements(spec.weights()) * type.bytes());
        double cheap = WORTH * nanos / sumNanos;
        double few =
                Math.min(4, 2.5 * cheap); // the first few halve the time, so they may cost more
        return (int) Math.clamp(Math.max(cheap, few), 1, Split.MOST_PIECES);
    }

    private long reserve(long bytes) {
        long place = reserved;
        reserved += Split.aligned(bytes);
        return place;
    }

    private Split divide(List<Range> outputs, List<Range> batches, List<Rows> rows) {
        boolean mayBeDirect =
                spec.weights().isAny() && outputs.size() == 1 && type == spec.weights().type();
        var weights =
                spec.weights().isAny()
                        ? MemoryDesc.dense(spec.weights().type(), spec.weights().dims())
                        : spec.weights();
        for (var range : outputs) {
            var dst = Part.of(spec.dst());
            int dstBase = outputGradient;
            if (outputs.size() > 1) {
                var slice = dst.along(1, range);
                var copy = MemoryDesc.channelsLast(slice.desc().type(), slice.desc().dims());
                dst = new Part(copy, reserve(copy.bytes()));
                dstBase = Split.PARTIAL;
                copies.addAll(
                        Split.move(
                                library,
                                slice.desc(),
                                outputGradient,
                                slice.offset(),
                                copy,
                                dstBase,
                                dst.offset()));
            }
            var columns = new Columns(range, dst, dstBase, batches, rows);
            pieces.addAll(columns.pieces);
            if (mayBeDirect) weights = columns.chosen();
            columns.finish(
                    outputs.size() == 1 ? Part.of(weights) : Part.of(weights).along(0, range));
        }
        var phases = new ArrayList<List<Piece>>();
        for (var phase : List.of(copies, pieces, sums, moves))
            if (!phase.isEmpty()) phases.add(List.copyOf(phase));
        return new Split(slots(weights), phases, reserved);
    }

    private List<Slot> slots(MemoryDesc weights) {
        var slots = new ArrayList<Slot>();
        slots.add(new Slot(Slot.Role.SRC, spec.src()));
        slots.add(new Slot(Slot.Role.WEIGHTS, weights));
        spec.bias().ifPresent(b -> slots.add(new Slot(Slot.Role.BIAS, b)));
        slots.add(new Slot(Slot.Role.DST, spec.dst()));
        return slots;
    }

    /// The pieces for a range of output channels. Each has weights and biases of its own.
    private final class Columns {
        final List<Piece> pieces = new ArrayList<>();
        private final Range range;
        private final Optional<MemoryDesc> bias;
        private final Code first;

        Columns(Range range, Part dst, int dstBase, List<Range> batches, List<Rows> rows) {
            this.range = range;
            // oneDNN wants the bias in the type of the weights
            this.bias =
                    spec.bias()
                            .map(b -> type == spec.weights().type() ? b.type() : type)
                            .map(t -> MemoryDesc.dense(t, range.size()));
            Optional<Code> chosen = Optional.empty();
            for (var batch : batches) {
                for (var some : rows) {
                    var src = ConvolutionSplit.cut(spec.src(), batch, some.input());
                    var part = ConvolutionSplit.cut(dst.desc(), batch, some.output());
                    var code =
                            ConvolutionSplit.code(
                                    library, chosen, piece(src.desc(), part.desc(), some));
                    if (chosen.isEmpty()) chosen = Optional.of(code);
                    var bases = new int[outputGradient + 1];
                    var offsets = new long[outputGradient + 1];
                    offsets[ConvolutionSplit.SRC] = src.offset();
                    bases[outputGradient] = dstBase;
                    offsets[outputGradient] = dst.offset() + part.offset();
                    pieces.add(new Piece(code, bases, offsets));
                }
            }
            this.first = chosen.orElseThrow();
        }

        private Convolution piece(MemoryDesc src, MemoryDesc dst, Rows rows) {
            var dims = spec.weights().dims();
            if (dims.length == spec.src().rank()) dims[0] = range.size();
            var weights = spec.weights().isOpaque() ? spec.weights() : MemoryDesc.any(type, dims);
            var window = rows.window(spec.window());
            return new Convolution(
                    spec.direction(), src, weights, bias, dst, window, spec.attributes());
        }

        MemoryDesc chosen() {
            return first.desc(Slot.Role.WEIGHTS);
        }

        /// Brings what the pieces make into the whole's operands.
        void finish(Part weights) {
            finish(ConvolutionSplit.WEIGHTS, chosen(), weights);
            bias.ifPresent(b -> finish(BIAS, b, Part.of(spec.bias().get()).along(0, range)));
        }

        private void finish(int operand, MemoryDesc made, Part wanted) {
            boolean same = made.equals(wanted.desc());
            if (pieces.size() == 1) {
                if (same) point(0, operand, operand, wanted.offset());
                else move(operand, made, own(0, operand, made), wanted);
                return;
            }
            long step = Split.partialStep(made.type(), made.bytes() / made.type().bytes());
            long start = reserve(step * pieces.size());
            for (int i = 0; i < pieces.size(); i++)
                point(i, operand, Split.PARTIAL, start + i * step);
            long sum = same ? wanted.offset() : reserve(made.bytes());
            sums.addAll(
                    Split.sums(
                            library,
                            made.type(),
                            pieces.size(),
                            start,
                            made.bytes() / made.type().bytes(),
                            same ? operand : Split.PARTIAL,
                            sum));
            if (!same) move(operand, made, sum, wanted);
        }

        private long own(int piece, int operand, MemoryDesc made) {
            long place = reserve(made.bytes());
            point(piece, operand, Split.PARTIAL, place);
            return place;
        }

        private void point(int piece, int operand, int base, long offset) {
            pieces.get(piece).bases()[operand] = base;
            pieces.get(piece).offsets()[operand] = offset;
        }

        private void move(int operand, MemoryDesc made, long place, Part wanted) {
            moves.addAll(
                    Split.move(
                            library,
                            made,
                            Split.PARTIAL,
                            place,
                            wanted.desc(),
                            operand,
                            wanted.offset()));
        }
    }
}
