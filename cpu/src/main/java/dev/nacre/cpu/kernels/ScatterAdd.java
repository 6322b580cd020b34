package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Indexed;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Binary;
import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// `out = base`, then `out[…, index[…, i, …], …] += source[…, i, …]` in the order of `i`.
///
/// Threads share out another axis than the indexed one, so that no two add to one element. 16-bit types are summed in
/// f32 and rounded once, and where many rows meet in few, all floating types in f64. A row of floats, such as an embedding's, is added by a fused loop.
final class ScatterAdd implements Step {
    /// Elements that are worth a part of their own.
    private static final long WORTH = 16_384;

    /// Neighbours that a part has at least along the axis shared out, so that it fills its cache lines.
    private static final long NEIGHBOURS = 64;

    /// So many terms of a sum on average are too many to be added in f32 one after the other.
    private static final long MANY = 64;

    /// Elements of a row from which on a loop over it is worth a call.
    private static final long LEAST_ROW = 8;

    private final View base;
    private final View out;
    private final boolean inPlace;
    private final boolean widens;
    private final Indices all;
    private final List<Piece> pieces;

    /// What one part does, and the loop over a row if it is worth one.
    private record Piece(Indices indices, Optional<BlockLoop> row) {
        static Piece of(Indices indices) {
            var type = indices.other().dtype();
            return new Piece(
                    indices,
                    type.isFloating() && indices.rows().count() >= LEAST_ROW
                            ? Optional.of(row(indices))
                            : Optional.empty());
        }

        private static BlockLoop row(Indices indices) {
            var rows = indices.rows();
            var type = indices.other().dtype();
            var sum = indices.indexed().dtype();
            var to = elements(rows.steps()[0], sum);
            var loop = new BlockLoop.Builder(rows.sizes());
            int before = loop.load(sum, to);
            int more = loop.convert(loop.load(type, elements(rows.steps()[1], type)), sum);
            loop.store(loop.apply(Binary.ADD, before, more), sum, to);
            return loop.build();
        }

        private static long[] elements(long[] steps, DType type) {
            return Arrays.stream(steps).map(s -> s / type.bytes()).toArray();
        }

        void add(long from, long to) {
            row.orElseThrow().at(0, to).at(1, from).at(2, to).run();
        }
    }

    private ScatterAdd(Indexed kernel) {
        this.base = kernel.base().orElseThrow();
        this.out = kernel.out();
        this.inPlace = base.equals(out);
        var sum = sumType(kernel);
        this.widens = sum != out.dtype();
        var target = widens ? View.dense(out.buffer(), TensorType.of(sum, out.sizes())) : out;
        this.all =
                Indices.of(kernel.name(), kernel.axis(), target, kernel.index(), kernel.source());
        this.pieces = pieces(all).stream().map(Piece::of).toList();
    }

    /// For one call at a time.
    static Step of(Indexed kernel) {
        return new ScatterAdd(kernel);
    }

    private static DType sumType(Indexed kernel) {
        var type = kernel.out().dtype();
        if (!type.isFloating()) return type;
        long terms = kernel.index().sizes()[kernel.axis()];
        return terms > MANY * kernel.out().sizes()[kernel.axis()] ? DType.F64 : type.arithmetic();
    }

    private static List<Indices> pieces(Indices all) {
        var sizes = all.index().sizes();
        int longest = -1;
        for (int i = 0; i < sizes.length; i++)
            if (i != all.axis() && (longest < 0 || sizes[i] > sizes[longest])) longest = i;
        if (longest < 0) return List.of(all);
        long n = sizes[longest];
        long most = Team.get().size(); // each looks at all indices if the axis is not one of theirs
        long count = Math.clamp(Math.min(n / NEIGHBOURS, all.index().count() / WORTH), 1, most);
        var pieces = new ArrayList<Indices>();
        for (long i = 0; i < count; i++) {
            long from = n * i / count;
            long size = n * (i + 1) / count - from;
            pieces.add(
                    Indices.of(
                            all.name(),
                            all.axis(),
                            part(all.indexed(), longest, from, size),
                            part(all.index(), longest, from, size),
                            part(all.other(), longest, from, size)));
        }
        return pieces;
    }

    private static View part(View v, int axis, long from, long size) {
        var sizes = v.sizes().clone();
        sizes[axis] = size;
        return new View(
                v.buffer(), v.dtype(), v.offset() + from * v.strides()[axis], sizes, v.strides());
    }

    @Override
    public void run(long[] addresses) {
        all.check(addresses);
        if (!widens) {
            if (!inPlace) move(base, base, addresses[base.buffer()], out, addresses[out.buffer()]);
            scatter(addresses, addresses[out.buffer()]);
            return;
        }
        try (var sums = Scratch.take(out.count() * all.indexed().dtype().bytes())) {
            move(base, base, addresses[base.buffer()], all.indexed(), sums.address());
            scatter(addresses, sums.address());
            move(out, all.indexed(), sums.address(), out, addresses[out.buffer()]);
        }
    }

    private void scatter(long[] addresses, long to) {
        Team.get()
                .run(
                        pieces.size(),
                        part -> {
                            var piece = pieces.get(part);
                            var indices = piece.indices();
                            var points = indices.points();
                            long target = to + Views.base(indices.indexed());
                            long index = indices.index().address(addresses);
                            long source = indices.other().address(addresses);
                            for (long i = 0, n = points.count(), run; i < n; i += run) {
                                run = points.run(i, n - i);
                                long first = index + points.offset(1, i);
                                add(
                                        piece,
                                        target + points.offset(0, i),
                                        first,
                                        source + points.offset(2, i),
                                        run);
                            }
                        });
    }

    private static void add(Piece piece, long to, long index, long from, long n) {
        var indices = piece.indices();
        var points = indices.points();
        var rows = indices.rows();
        var type = indices.other().dtype();
        var sum = indices.indexed().dtype();
        long toStep = points.step(0);
        long indexStep = points.step(1);
        long fromStep = points.step(2);
        long axisStep = indices.axisStep();
        long count = rows.count();
        long limit = indices.limit();
        boolean wide = indices.isWide();
        boolean loops = piece.row().isPresent();
        for (long j = 0; j < n; j++, to += toStep, index += indexStep, from += fromStep) {
            long at = wide ? Memory.i64(index) : Memory.i32(index);
            if (at < 0 || at >= limit)
                throw new IllegalStateException("the index changed while it was in use");
            long target = to + at * axisStep;
            if (loops) piece.add(from, target);
            else
                for (long k = 0; k < count; k++)
                    add(type, from + rows.offset(1, k), sum, target + rows.offset(0, k));
        }
    }

    /// Adds one element to a sum.
    private static void add(DType type, long from, DType sum, long to) {
        switch (sum) {
            case F32 -> Memory.f32(to, Memory.f32(to) + (float) Memory.real(type, from));
            case F64 -> Memory.f64(to, Memory.f64(to) + Memory.real(type, from));
            default -> Memory.whole(type, to, Memory.whole(type, to) + Memory.whole(type, from));
        }
    }

    /// Copies a view, converting between a type and that of its sums if they differ. All three have the same sizes.
    private static void move(View like, View from, long fromAddress, View to, long toAddress) {
        var nest = Nest.of(like.sizes(), Views.steps(from), Views.steps(to));
        long source = fromAddress + Views.base(from);
        long target = toAddress + Views.base(to);
        long n = nest.count();
        Team.get()
                .run(
                        Math.toIntExact(Math.ceilDiv(n, WORTH)),
                        part -> {
                            long end = Math.min(n, (part + 1) * WORTH);
                            for (long i = part * WORTH, run; i < end; i += run) {
                                run = nest.run(i, end - i);
                                long at = source + nest.offset(0, i);
                                long put = target + nest.offset(1, i);
                                if (from.dtype() == to.dtype())
                                    Memory.copy(
                                            from.dtype().bytes(),
                                            at,
                                            nest.step(0),
                                            put,
                                            nest.step(1),
                                            run);
                                else if (to.dtype().bytes() > from.dtype().bytes())
                                    Accumulator.valueOf(to.dtype().name())
                                            .read(
                                                    from.dtype(),
                                                    at,
                                                    nest.step(0),
                                                    put,
                                                    nest.step(1),
                                                    (int) run);
                                else
                                    for (long j = 0; j < run; j++)
                                        Memory.real(
                                                to.dtype(),
                                                put + j * nest.step(1),
                                                Memory.real(from.dtype(), at + j * nest.step(0)));
                            }
                        });
    }
}
