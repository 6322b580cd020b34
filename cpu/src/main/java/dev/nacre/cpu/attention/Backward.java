package dev.nacre.cpu.attention;

import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.kernels.Room;
import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.Solo;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// The gradients. A part is all queries by a span of the keys of one matrix: it sums up all gradients in memory of its own. Where keys are in several spans, each makes the queries' gradients due to it, and these are added up in order. So nothing depends on who computes what.
///
///     P = e^(S − logs)     dP = dO·Vᵀ     dS = P∘(dP − rows(dO∘O))·factor
///     dV += Pᵀ·dO          dK += dSᵀ·Q    dQ += dS·K
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
        private final long ofQueries = room.take(4L * g.query().rows() * g.query().columns());
        private final long ofKeys = room.take(4L * span * g.key().columns());
        private final long ofValues = room.take(4L * span * g.value().columns());
        private final long pad;
        private final Block[][] blocks = new Block[2][g.columns() + 1];
        private final BlockLoop delta = delta();
        private final BlockLoop queryStore = queryStore();
        private final BlockLoop[] keyStores = spanStores(dKey);
        private final BlockLoop[] valueStores = spanStores(dValue);

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

        /// A gradient summed up in f32, to where it belongs.
        private BlockLoop store(int rows, DType type, long[] steps, int columns) {
            var b = new BlockLoop.Builder(rows, columns);
            b.store(b.load(DType.F32, columns, 1), type, steps);
            return b.build();
        }

        private BlockLoop queryStore() {
            int n = g.query().columns();
            int r = g.query().rows();
            return addition.isPresent() || dQuery.isEmpty()
                    ? store(r, DType.F32, new long[] {n, 1}, n)
                    : store(r, dQuery.get().view().dtype(), dQuery.get().steps(), n);
        }

        /// For whole spans, and for the last one.
        private BlockLoop[] spanStores(Optional<Matrices> to) {
            int last = g.key().rows() - (spans - 1) * span;
            return to.stream()
                    .flatMap(m ->
                            IntStream.of(span, last)
                                    .mapToObj(n ->
                                            store(n, m.view().dtype(), m.steps(), m.columns())))
                    .toArray(BlockLoop[]::new);
        }

        void run(int keys, int part) {
            int begin = part * span;
            int end = Math.min(g.key().rows(), begin + span);
            try (var scratch = Scratch.take(room.bytes())) {
                long at = scratch.address();
                scratch.clear(ofKeys, 4L * (end - begin) * g.key().columns());
                scratch.clear(ofValues, 4L * (end - begin) * g.value().columns());
                for (int m = keys * g.group(); m < (keys + 1) * g.group(); m++)
                    run(scratch, m, begin, end, part);
                int kind = end - begin == span ? 0 : 1;
                dKey.ifPresent(
                        m -> keyStores[kind].at(0, at + ofKeys).at(1, m.at(keys, begin, 0)).run());
                dValue.ifPresent(m ->
                        valueStores[kind].at(0, at + ofValues).at(1, m.at(keys, begin, 0)).run());
            }
        }

        /// All queries of a matrix by the keys of a span. One block of keys is done after the other, so that what is summed up for it stays in the second cache.
        private void run(Scratch scratch, int matrix, int begin, int end, int part) {
            long at = scratch.address();
            scratch.clear(ofQueries, 4L * g.query().rows() * g.query().columns());
            delta.at(0, out.at(matrix, 0, 0)).at(1, grad.at(matrix, 0, 0)).at(2, at + deltas).run();
            for (int first = begin; first < end; first += g.columns()) {
                for (int i = 0; i < g.blocks(); i++) {
                    int c = Math.min(g.columns(), Math.min(end, g.visible(i)) - first);
                    if (c > 0) blocks[kind(i)][c].run(at, matrix, i, first, begin);
                }
            }
            if (dQuery.isEmpty()) return;
            long to =
                    addition.isPresent()
                            ? partial
                                    + 4 * queries() * part
                                    + 4L * matrix * g.query().rows() * g.query().columns()
                            : dQuery.get().at(matrix, 0, 0);
            queryStore.at(0, at + ofQueries).at(1, to).run();
        }

        /// Blocks of one size.
        private final class Block {
            private final Solo score;
            private final Solo slope;
            private final Optional<Solo> query;
            private final Optional<Solo> key;
            private final Optional<Solo> value;
            private final BlockLoop all;
            private final BlockLoop diagonal;
            private final int c;

            Block(int r, int c) {
                this.c = c;
                var p = Products.matrix(g.type(), r, c, c);
                var slopes = Products.matrix(g.type(), r, grad.columns(), grad.rowStep());
                long keyStep = g.key().columns();
                long valueStep = g.value().columns();
                score = Products.product(g.queries(r), g.keys(c).transpose(0, 1), c, false);
                slope = Products.product(slopes, g.values(c).transpose(0, 1), c, false);
                query = dQuery.map(_ -> Products.product(p, g.keys(c), keyStep, true));
                key =
                        dKey.map(_ ->
                                Products.product(p.transpose(0, 1), g.queries(r), keyStep, true));
                value =
                        dValue.map(
                                _ -> Products.product(p.transpose(0, 1), slopes, valueStep, true));
                all = loop(r, c, false);
                diagonal = g.what().causal() ? loop(r, c, true) : all;
            }

            long scratchpadBytes() {
                long most = Math.max(score.scratchpadBytes(), slope.scratchpadBytes());
                for (var p : List.of(query, key, value))
                    most = Math.max(most, p.map(Solo::scratchpadBytes).orElse(0L));
                return most;
            }

            private BlockLoop loop(int r, int c, boolean diagonal) {
                var b = new BlockLoop.Builder(r, c);
                int s = g.scores(b, c, diagonal);
                int p =
                        b.apply(
                                Unary.EXP,
                                b.apply(Binary.SUB, s, b.load(DType.F32, logs.steps()[0], 0)));
                int slope = b.load(DType.F32, c, 1);
                int change = b.apply(Binary.SUB, slope, b.load(DType.F32, 1, 0));
                int ds = b.apply(Binary.MUL, p, change);
                double factor = g.what().factor(g.query().columns());
                b.store(p, g.type(), c, 1);
                b.store(b.apply(Binary.MUL, ds, b.number(factor)), g.type(), c, 1);
                return b.build();
            }

            void run(long at, int matrix, int i, int first, int begin) {
                long row = (long) i * g.rows();
                int keys = matrix / g.group();
                boolean cut = g.isDiagonal(i, first, c);
                long q = g.query().at(matrix, row, 0);
                long k = g.key().at(keys, first, 0);
                long dOut = grad.at(matrix, row, 0);
                score.run(q, k, at + scores, at + pad);
                slope.run(dOut, g.value().at(keys, first, 0), at + slopes, at + pad);
                var loop = cut ? diagonal : all;
                int next = g.place(loop, at + scores, matrix, row, first, cut);
                loop.at(next, logs.at(matrix, row, 0))
                        .at(next + 1, at + slopes)
                        .at(next + 2, at + deltas + 4 * row)
                        .at(next + 3, at + weights)
                        .at(next + 4, at + changes)
                        .run();
                long p = at + weights;
                long ds = at + changes;
                long toQueries = at + ofQueries + 4 * row * g.query().columns();
                long toKeys = at + ofKeys + 4L * (first - begin) * g.key().columns();
                long toValues = at + ofValues + 4L * (first - begin) * g.value().columns();
                if (value.isPresent()) value.get().run(p, dOut, toValues, at + pad);
                if (key.isPresent()) key.get().run(ds, q, toKeys, at + pad);
                if (query.isPresent()) query.get().run(ds, k, toQueries, at + pad);
            }
        }
    }
}
