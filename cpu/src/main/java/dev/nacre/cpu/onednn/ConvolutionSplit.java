package dev.nacre.cpu.onednn;

import dev.nacre.cpu.onednn.Split.Part;
import dev.nacre.cpu.onednn.Split.Piece;
import dev.nacre.cpu.onednn.Split.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// Divides a convolution, or the gradient of its input, by images, and channels-last images by rows when there are too few.
/// Weights that the spec wants strided are packed first, each time, as the layouts that compute fast are others.
final class ConvolutionSplit {
    /// Fewer rows are not worth the rows that neighbours read twice.
    private static final long LEAST_ROWS = 2;

    /// How much longer than with the best number of pieces it may take with more of them: they divide the work even where a member is held up.
    private static final double WORTH = 1.25;

    static final int SRC = 0;
    static final int WEIGHTS = 1;

    private final OneDnn library;
    private final Convolution spec;
    private final List<MemoryDesc> operands;
    private final int members;

    private ConvolutionSplit(OneDnn library, Convolution spec, int members) {
        this.library = library;
        this.spec = spec;
        this.members = members;
        this.operands = Split.postOpOperands(spec.attributes());
    }

    static Split of(OneDnn library, Convolution asked, int members) {
        // an image that is left open is channels-last: as fast as any, and divisible
        var spec = asked.images(channelsLast(asked.src()), channelsLast(asked.dst()));
        var split = ofClosed(library, spec, members);
        if (spec.equals(asked) || !split.isReference()) return split;
        var open = Split.whole(library, asked);
        return open.isReference() ? split : open;
    }

    private static Split ofClosed(OneDnn library, Convolution spec, int members) {
        int rank = spec.src().rank();
        boolean regular =
                Split.allStrided(spec.src(), spec.dst())
                        && !spec.weights().isTiled()
                        && rank > Rows.AXIS
                        && rank == spec.dst().rank()
                        && (spec.weights().rank() == rank || spec.weights().rank() == rank + 1)
                        && spec.bias().map(b -> b.isStrided() && b.rank() == 1).orElse(true)
                        && Split.allStrided(Split.postOpOperands(spec.attributes()))
                        && !Split.isEmpty(spec.src())
                        && !Split.isEmpty(spec.weights())
                        && !Split.isEmpty(spec.dst());
        if (!regular) return Split.whole(library, spec);
        if (spec.direction() == Direction.BACKWARD_WEIGHTS) return WeightsSplit.of(library, spec);
        return new ConvolutionSplit(library, spec, members).divide();
    }

    private static MemoryDesc channelsLast(MemoryDesc image) {
        return image.isAny() ? MemoryDesc.channelsLast(image.type(), image.dims()) : image;
    }

    /// How long one core takes, roughly.
    static double nanos(OneDnn library, Convolution spec) {
        double taps =
                Split.elements(spec.weights())
                        / (double) spec.dst().dim(1); // of one output element
        double flops = 2.0 * Split.elements(spec.dst()) * taps;
        double bytes = (double) spec.src().bytes() + spec.dst().bytes();
        return Split.nanos(library, spec.src().type(), spec.attributes().math(), flops, bytes);
    }

    /// The divisions into rows to try when so many pieces an image are wanted: equal ones, unequal ones, none. Pieces of
    /// one size are the same code, and sure to agree on the layout of the weights.
    static List<List<Rows>> rows(Convolution spec, int wanted) {
        var all = new ArrayList<List<Rows>>();
        long unit = unit(spec);
        long size = size(spec);
        long count = most(spec, wanted);
        if (count > 1) {
            cut(spec, size, divisor(size, unit, count), unit).ifPresent(all::add);
            cut(spec, size, count, unit).ifPresent(all::add);
        }
        all.add(List.of(Rows.all(spec.src(), spec.dst(), spec.window())));
        return all;
    }

    /// Rows are cut at multiples of it.
    private static long unit(Convolution spec) {
        return spec.direction() == Direction.BACKWARD_DATA ? spec.window().strides().getFirst() : 1;
    }

    /// Rows of an image of the result.
    private static long size(Convolution spec) {
        return (spec.direction() == Direction.BACKWARD_DATA ? spec.src() : spec.dst())
                .dim(Rows.AXIS);
    }

    /// Into how many pieces an image may go, if so many are wanted.
    private static long most(Convolution spec, int wanted) {
        return Rows.areOutermost(spec.src()) && Rows.areOutermost(spec.dst())
                ? Math.min(wanted, size(spec) / Math.max(LEAST_ROWS, unit(spec)))
                : 1;
    }

    private static Optional<List<Rows>> cut(Convolution spec, long size, long count, long unit) {
        int kernelAxis = spec.weights().rank() - spec.src().rank() + Rows.AXIS;
        long kernel = spec.weights().dim(kernelAxis);
        var rows = new ArrayList<Rows>();
        for (var range : Split.ranges(size, count, unit)) {
            var some =
                    spec.direction() == Direction.BACKWARD_DATA
                            ? Rows.ofInput(range, spec.dst().dim(Rows.AXIS), kernel, spec.window())
                            : Rows.ofOutput(
                                    range, spec.src().dim(Rows.AXIS), kernel, spec.window());
            if (some.isEmpty()) return Optional.empty();
            rows.add(some.get());
        }
        return rows.size() > 1 ? Optional.of(rows) : Optional.empty();
    }

    /// The number nearest to `count`, between half and twice of it, of equal parts; 1 if there is none.
    private static long divisor(long size, long unit, long count) {
        for (long d = 0; d <= count; d++) {
            if (count - d > count / 2 && size % ((count - d) * unit) == 0) return count - d;
            if (size / (count + d) >= LEAST_ROWS && size % ((count + d) * unit) == 0)
                return count + d;
        }
        return 1;
    }

    private Split divide() {
        int wanted = Split.pieces(nanos(library, spec));
        var batches = Split.ranges(spec.src().dim(0), wanted, 1);
        boolean single = batches.size() == spec.src().dim(0);
        int each = single ? Math.ceilDiv(wanted, batches.size()) : 1;
        var all = new ArrayList<>(rows(spec, each));
        long even = each > 1 ? even(each, batches.size()) : 1;
        if (even > 1) cut(spec, size(spec), even, unit(spec)).ifPresent(all::addFirst);
        else all.addFirst(all.getLast()); // undivided
        for (var rows : all) {
            try {
                return images(batches, rows);
            } catch (OneDnnException e) {
                continue; // a piece that is not implemented
            }
        }
        return Split.whole(library, spec);
    }

    /// Into how many pieces an image goes: the most that keep all members busy to the end. Rows that are left over when each has had its share cost as much as a whole share.
    private long even(int wanted, int images) {
        var times = new long[(int) most(spec, wanted) + 1];
        long best = Long.MAX_VALUE;
        for (int count = 1; count < times.length; count++) {
            var ranges = Split.ranges(size(spec), count, unit(spec));
            int turns = Math.ceilDiv(images * ranges.size(), members);
            times[count] = turns * ranges.getFirst().size();
            best = Math.min(best, times[count]);
        }
        int count = times.length - 1;
        while (count > 1 && times[count] > WORTH * best) count--;
        return count;
    }

    private Split images(List<Range> batches, List<Rows> rows) {
        var pieces = new ArrayList<Piece>();
        var open = spec.weights().isStrided() ? spec.weights().any() : spec.weights();
        Optional<Code> first = Optional.empty();
        for (var batch : batches) {
            for (var some : rows) {
                var src = cut(spec.src(), batch, some.input());
                var dst = cut(spec.dst(), batch, some.output());
                var extra = operands.stream().map(o -> cut(o, batch, some.output())).toList();
                var code =
                        code(
                                library,
                                first,
                                new Convolution(
                                        spec.direction(),
                                        src.desc(),
                                        open,
                                        spec.bias(),
                                        dst.desc(),
                                        some.window(spec.window()),
                                        Split.cut(spec.attributes(), extra)));
                if (first.isEmpty()) first = Optional.of(code);
                var offsets = new ArrayList<>(List.of(src.offset(), 0L));
                if (code.operands().get(2).role() == Slot.Role.BIAS) offsets.add(0L);
                offsets.add(dst.offset());
                extra.forEach(e -> offsets.add(e.offset()));
                var bases = IntStream.range(0, offsets.size()).toArray();
                pieces.add(
                        new Piece(
                                code,
                                bases,
                                offsets.stream().mapToLong(Long::longValue).toArray()));
            }
        }
        var packed = first.orElseThrow().desc(Slot.Role.WEIGHTS);
        if (!spec.weights().isStrided() || packed.equals(spec.weights()))
            return new Split(slots(first.get(), packed), List.of(pieces), 0);
        for (var piece : pieces) piece.bases()[WEIGHTS] = Split.PARTIAL;
        var pack = Split.move(library, spec.weights(), WEIGHTS, 0, packed, Split.PARTIAL, 0);
        return new Split(slots(first.get(), spec.weights()), List.of(pack, pieces), packed.room());
    }

    /// Code for a piece. All pieces have the layout of weights that the first one chose.
    ///
    /// @throws OneDnnException if there is none, or only the slow reference code
    static Code code(OneDnn library, Optional<Code> first, Convolution piece) {
        boolean choose =
                first.isEmpty() || !piece.weights().isAny() || piece.equals(first.get().spec());
        var code =
                library.code(choose ? piece : piece.weights(first.get().desc(Slot.Role.WEIGHTS)));
        if (code.isReference() && first.isPresent() && !first.get().isReference())
            throw new OneDnnException(Status.UNIMPLEMENTED, "at speed, " + code);
        return code;
    }

    static Part cut(MemoryDesc image, Range batch, Range rows) {
        return Part.of(image).along(0, batch).along(Rows.AXIS, rows);
    }

    /// The whole's operands: those of a piece, with the whole's descriptions.
    private List<Slot> slots(Code piece, MemoryDesc weights) {
        var extra = operands.iterator();
        var slots = new ArrayList<Slot>();
        for (var slot : piece.operands()) {
            slots.add(
                    new Slot(
                            slot.role(),
                            switch (slot.role()) {
                                case SRC -> spec.src();
                                case DST -> spec.dst();
                                case WEIGHTS -> weights;
                                case BIAS -> spec.bias().orElseThrow();
                                case POST_OP -> extra.next();
                                case WORKSPACE, SCRATCHPAD ->
                                        throw new IllegalStateException(slot.toString());
                            }));
        }
        return slots;
    }
}
