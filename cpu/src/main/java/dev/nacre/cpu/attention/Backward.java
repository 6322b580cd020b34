package dev.nacre.cpu.attention;

import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.kernels.Room;
import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.BlockProducts;
import dev.nacre.cpu.onednn.Solo;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.util.List;
import java.util.Optional;

/// The gradients. A part is all queries by a span of the keys of one matrix: it sums up all gradients itself. Where keys are in several spans, each makes the queries' gradients due to it, and these are added up in order. So nothing depends on who computes what.
///
///     Pᵀ = e^(K·Qᵀ − logs)     dPᵀ = V·dOᵀ     dSᵀ = Pᵀ∘(dPᵀ − rows(dO∘O))·factor
///     dV += Pᵀ·dO              dK += dSᵀ·Q     dQ += dSᵀᵀ·K
///
/// Blocks are turned, a row for each key: so all left operands but one are read as they lie, and right operands, which oneDNN copies first, are mostly the queries of the block, fewer than keys.
final class Backward implements Step, Team.MemberWork {
    private final Geometry g;
    private final Matrices grad;
    private final Matrices out;
    private final Matrices logs;
    private final Optional<Matrices> dQuery;
    private final Optional<Matrices> dKey;
    private final Optional<Matrices> dValue;
    private final int spans;
    private final int span; // keys in one
    private final Optional<BlockLoop> addition;
    private final Member[] members;
    private long partial; // where the queries' gradients due to each span are

    /// @param spans into how many the keys of one matrix are divided, at most
    Backward(
            Geometry g,
            Matrices grad,
            Matrices out,
            Matrices logs,
            List<Optional<Matrices>> wanted,
            int spans) {
        this.g = g;
        this.grad = grad;
        this.out = out;
        this.logs = logs;
        this.dQuery = wanted.get(0);
        this.dKey = wanted.get(1);
        this.dValue = wanted.get(2);
        int blocks = Math.ceilDiv(g.key().rows(), g.columns());
        this.span = Math.ceilDiv(blocks, Math.min(spans, blocks)) * g.columns();
        this.spans = Math.ceilDiv(g.key().rows(), span);
        this.addition = this.spans > 1 ? dQuery.map(this::addition) : Optional.empty();
        this.members = new Member[Team.get().size()];
        for (int i = 0; i < members.length; i++) members[i] = new Member();
    }

    private long queries() {
        return (long) g.query().count() * g.query().rows() * g.query().columns();
    }

    /// Memory that it takes while it runs.
    long bytes() {
        return members.length * members[0].room.bytes()
                + (addition.isPresent() ? 4 * queries() * spans : 0);
    }

    private BlockLoop addition(Matrices to) {
        var sizes = to.view().sizes();
        var dense = new long[sizes.length];
        long step = 1;
        for (int i = sizes.length - 1; i >= 0; i--) {
            dense[i] = step;
            step *= sizes[i];
        }
        var b = new BlockLoop.Builder(sizes);
        int sum = b.load(DType.F32, dense);
        for (int i = 1; i < spans; i++) sum = b.apply(Binary.ADD, sum, b.load(DType.F32, dense));
        b.store(sum, to.view().dtype(), to.view().strides());
        return b.build();
    }

    @Override
    public void run(long[] addresses) {
        g.place(addresses);
        for (var m : List.of(grad, out, logs)) m.place(addresses);
        for (var m : List.of(dQuery, dKey, dValue)) m.ifPresent(x -> x.place(addresses));
        int parts = g.key().count() * spans;
        if (addition.isEmpty()) {
            Team.get().run(parts, this);
            return;
        }
        try (var scratch = Scratch.take(4 * queries() * spans)) {
            partial = scratch.address();
            Team.get().run(parts, this);
            for (int i = 0; i < spans; i++) addition.get().at(i, partial + 4 * queries() * i);
            addition.get().at(spans, dQuery.get().at(0, 0, 0)).run();
        }
    }

    @Override
    public void run(int part, int member) {
        members[member].run(part / spans, part % spans);
    }

    /// What one thread has of its own.
    private final class Member {
        private final Room room = new Room();
        private final long scores = room.take(4L * g.rows() * g.columns());
        private final long slopes = room.take(4L * g.rows() * g.columns());
        private final boolean narrow = g.type() != DType.F32;
        private final long weights = narrow ? room.take(2L * g.rows() * g.columns()) : scores;
        private final long changes = narrow ? room.take(2L * g.rows() * g.columns()) : slopes;
        private final long deltas = room.take(4L * g.query().rows());
        private final Optional<Gradient> ofQueries =
                dQuery.map(m ->
                        addition.isPresent()
                                ? Gradient.inPlace(m.columns(), m.columns())
                                : Gradient.of(m, room, g.query().rows()));
        private final Optional<Gradient> ofKeys = dKey.map(this::ofSpan);
        private final Optional<Gradient> ofValues = dValue.map(this::ofSpan);
        private final long pad;
        private final Block[][] blocks = new Block[2][g.columns() + 1];
        private final BlockLoop delta = delta();

        Member() {
            long most = 0;
            for (int i = 0; i < g.blocks(); i++) {
                int seen = g.visible(i);
                int kind = kind(i);
                for (int c : new int[] {Math.min(g.columns(), seen), seen % g.columns()}) {
                    if (c == 0) continue;
                    if (blocks[kind][c] == null) blocks[kind][c] = new Block(g.rowsOf(i), c);
                    most = Math.max(most, blocks[kind][c].scratchpadBytes());
                }
            }
            pad = room.take(most);
        }

        private Gradient ofSpan(Matrices to) {
            return Gradient.of(to, room, span, g.key().rows() - (spans - 1) * span);
        }

        private int kind(int block) {
            return g.rowsOf(block) == g.rows() ? 0 : 1;
        }

        private BlockLoop delta() {
            var b = new BlockLoop.Builder(out.rows(), out.columns());
            int x = b.load(out.view().dtype(), out.steps());
            int y = b.load(grad.view().dtype(), grad.steps());
            b.store(b.fold(Reduction.SUM, b.apply(Binary.MUL, x, y)), DType.F32, 1, 0);
            return b.build();
        }

        void run(int keys, int part) {
            int begin = part * span;
            int end = Math.min(g.key().rows(), begin + span);
            int seen = Math.clamp(g.visible(g.blocks() - 1), begin, end);
            try (var scratch = Scratch.take(room.bytes())) {
                long at = scratch.address();
                ofKeys.ifPresent(x -> x.begin(at, dKey.get().at(keys, begin, 0)));
                ofValues.ifPresent(x -> x.begin(at, dValue.get().at(keys, begin, 0)));
                for (int m = keys * g.group(); m < (keys + 1) * g.group(); m++)
                    run(at, m, begin, end, part);
                for (var x : List.of(ofKeys, ofValues))
                    if (x.isPresent()) {
                        x.get().clear(seen - begin, end - begin);
                        x.get().finish(end - begin);
                    }
            }
        }

        /// All queries of a matrix by the keys of a span. One block of keys is done after the other, so that what is summed up for it stays in the second cache; the last queries, which see the
        /// most keys, come first, and begin the sums.
        private void run(long at, int matrix, int begin, int end, int part) {
            int rows = g.query().rows();
            delta.at(0, out.at(matrix, 0, 0)).at(1, grad.at(matrix, 0, 0)).at(2, at + deltas).run();
            ofQueries.ifPresent(x -> x.begin(at, destination(matrix, part)));
            boolean anew = matrix % g.group() == 0;
            int blind = 0; // queries that see none of these keys
            for (int first = begin; first < end; first += g.columns()) {
                for (int i = g.blocks() - 1; i >= 0; i--) {
                    int c = Math.min(g.columns(), Math.min(end, g.visible(i)) - first);
                    if (c > 0)
                        blocks[kind(i)][c].run(
                                at, matrix, i, first, begin, anew && i == g.blocks() - 1);
                    else if (first == begin) blind = Math.max(blind, i * g.rows() + g.rowsOf(i));
                }
            }
            if (ofQueries.isEmpty()) return;
            ofQueries.get().clear(0, blind);
            ofQueries.get().finish(rows);
        }

        private long destination(int matrix, int part) {
            long size = (long) g.query().rows() * g.query().columns();
            return addition.isPresent()
                    ? partial + 4 * (queries() * part + matrix * size)
                    : dQuery.get().at(matrix, 0, 0);
        }

        /// Blocks of one size.
        private final class Block {
            private final Solo score;
            private final Solo slope;
            private final Optional<BlockProducts.Sum> query;
            private final Optional<BlockProducts.Sum> key;
            private final Optional<BlockProducts.Sum> value;
            private final BlockLoop all;
            private final BlockLoop diagonal;
            private final int c;

            Block(int r, int c) {
                this.c = c;
                var p = BlockProducts.matrix(g.type(), c, r, r);
                var slopes = BlockProducts.matrix(g.type(), r, grad.columns(), grad.rowStep());
                score = BlockProducts.product(g.keys(c), g.queries(r).transpose(0, 1), r, false);
                slope = BlockProducts.product(g.values(c), slopes.transpose(0, 1), r, false);
                query =
                        ofQueries.map(
                                x -> BlockProducts.Sum.of(p.transpose(0, 1), g.keys(c), x.step()));
                key = ofKeys.map(x -> BlockProducts.Sum.of(p, g.queries(r), x.step()));
                value = ofValues.map(x -> BlockProducts.Sum.of(p, slopes, x.step()));
                all = loop(r, c, false);
                diagonal = g.what().causal() ? loop(r, c, true) : all;
            }

            long scratchpadBytes() {
                long most = Math.max(score.scratchpadBytes(), slope.scratchpadBytes());
                for (var p : List.of(query, key, value))
                    most = Math.max(most, p.map(BlockProducts.Sum::scratchpadBytes).orElse(0L));
                return most;
            }

            private BlockLoop loop(int r, int c, boolean diagonal) {
                var b = new BlockLoop.Builder(c, r);
                var s = g.scores(b, r, true, diagonal);
                int p = s.weights(b.load(DType.F32, 0, logs.steps()[0]));
                int slope = b.load(DType.F32, r, 1);
                int change = b.apply(Binary.SUB, slope, b.load(DType.F32, 0, 1));
                int ds = b.apply(Binary.MUL, p, change);
                if (diagonal || g.what().masked()) { // the slope of what is hidden may be infinite
                    int none = b.number(0);
                    ds = b.choose(b.apply(Binary.EQ, p, none), none, ds);
                }
                double factor = g.what().factor(g.query().columns());
                b.store(p, g.type(), r, 1);
                b.store(b.apply(Binary.MUL, ds, b.number(factor)), g.type(), r, 1);
                return b.build();
            }

            /// @param anew whether these are the first queries that the keys meet
            void run(long at, int matrix, int i, int first, int begin, boolean anew) {
                int row = i * g.rows();
                int keys = matrix / g.group();
                boolean cut = g.isDiagonal(i, first, c);
                long q = g.query().at(matrix, row, 0);
                long k = g.key().at(keys, first, 0);
                long dOut = grad.at(matrix, row, 0);
                score.run(k, q, at + scores, at + pad);
                slope.run(g.value().at(keys, first, 0), dOut, at + slopes, at + pad);
                var loop = cut ? diagonal : all;
                int next = g.place(loop, at + scores, matrix, row, first, true, cut);
                loop.at(next, logs.at(matrix, row, 0))
                        .at(next + 1, at + slopes)
                        .at(next + 2, at + deltas + 4L * row)
                        .at(next + 3, at + weights)
                        .at(next + 4, at + changes)
                        .run();
                long p = at + weights;
                long ds = at + changes;
                long space = at + pad;
                if (value.isPresent())
                    value.get().run(anew, p, dOut, ofValues.get().at(first - begin), space);
                if (key.isPresent())
                    key.get().run(anew, ds, q, ofKeys.get().at(first - begin), space);
                if (query.isPresent())
                    query.get().run(first == begin, ds, k, ofQueries.get().at(row), space);
            }
        }
    }
}
