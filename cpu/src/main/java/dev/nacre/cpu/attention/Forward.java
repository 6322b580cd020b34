package dev.nacre.cpu.attention;

import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.kernels.Room;
import dev.nacre.cpu.kernels.Scratch;
import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.BlockProducts;
import dev.nacre.cpu.onednn.Solo;
import dev.nacre.ir.Attention;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;

/// The result and the logarithm of each row's sum. A part is one block of queries: it goes through the keys it sees with a running maximum and sum, so its result does not depend on who
/// computes it.
///
///     S = Q·Kᵀ        m' = max(m, max S)      P = e^(S − m')
///     a = e^(m − m')  s' = a·s + sum P        O' = a·O + P·V       in the end O/s and m + ln s
final class Forward implements Step, Team.MemberWork {
    private final Geometry g;
    private final Matrices out;
    private final Matrices logs;
    private final Member[] members;

    Forward(Geometry g, Matrices out, Matrices logs) {
        this.g = g;
        this.out = out;
        this.logs = logs;
        this.members = new Member[Team.get().size()];
        for (int i = 0; i < members.length; i++) members[i] = new Member();
    }

    /// Memory that it takes while it runs.
    long bytes() {
        return members.length * members[0].room.bytes();
    }

    @Override
    public void run(long[] addresses) {
        g.place(addresses);
        out.place(addresses);
        logs.place(addresses);
        Team.get().run(g.query().count() * g.blocks(), this);
    }

    @Override
    public void run(int part, int member) {
        members[member].run(part / g.blocks(), part % g.blocks());
    }

    /// What one thread has of its own.
    private final class Member {
        private final Room room = new Room();
        private final long scores = room.take(4L * g.rows() * g.columns());
        private final long weights = room.take(4L * g.rows() * g.columns());
        private final long sums = room.take(4L * g.rows() * out.columns());
        private final long[] largest = {room.take(4L * g.rows()), room.take(4L * g.rows())};
        private final long[] total = {room.take(4L * g.rows()), room.take(4L * g.rows())};
        private final long shrink = room.take(4L * g.rows());
        private final long pad;
        private final Block[][] blocks = new Block[2][g.columns() + 1];
        private final BlockLoop[] scale = new BlockLoop[2];
        private final BlockLoop[] finish = new BlockLoop[2];

        Member() {
            long most = 0;
            for (int i = 0; i < g.blocks(); i++)
                for (int c :
                        new int[] {Math.min(g.columns(), g.visible(i)), g.visible(i) % g.columns()})
                    most = Math.max(most, c == 0 ? 0 : block(i, c).scratchpadBytes());
            pad = room.take(most);
        }

        /// 0 for blocks that are full, 1 for the last one if it is not.
        private int kind(int block) {
            return g.rowsOf(block) == g.rows() ? 0 : 1;
        }

        private Block block(int i, int c) {
            var row = blocks[kind(i)];
            if (row[c] == null) row[c] = new Block(g.rowsOf(i), c);
            int r = g.rowsOf(i);
            if (scale[kind(i)] == null) {
                scale[kind(i)] = scale(r);
                finish[kind(i)] = finish(r);
            }
            return row[c];
        }

        void run(int matrix, int i) {
            try (var scratch = Scratch.take(room.bytes())) {
                long at = scratch.address();
                int kind = kind(i);
                int seen = g.visible(i);
                int turn = 0;
                for (int first = 0; first < seen; first += g.columns(), turn ^= 1) {
                    int c = Math.min(g.columns(), seen - first);
                    block(i, c).run(at, matrix, i, first, turn);
                }
                finish[kind]
                        .at(0, at + sums)
                        .at(1, at + total[turn])
                        .at(2, at + largest[turn])
                        .at(3, out.at(matrix, (long) i * g.rows(), 0))
                        .at(4, logs.at(matrix, (long) i * g.rows(), 0))
                        .run();
            }
        }

        /// `O ← a·O`.
        private BlockLoop scale(int r) {
            var b = new BlockLoop.Builder(r, out.columns());
            int sum = b.load(DType.F32, out.columns(), 1);
            b.store(b.apply(Binary.MUL, sum, b.load(DType.F32, 1, 0)), DType.F32, out.columns(), 1);
            return b.build();
        }

        private BlockLoop finish(int r) {
            var b = new BlockLoop.Builder(r, out.columns());
            int sum = b.load(DType.F32, out.columns(), 1);
            int total = b.apply(Binary.MAX, b.load(DType.F32, 1, 0), b.number(Attention.LEAST_SUM));
            int largest = b.load(DType.F32, 1, 0);
            int scale = b.apply(Unary.RECIPROCAL, total);
            b.store(b.apply(Binary.MUL, sum, scale), out.view().dtype(), out.steps());
            int log = b.apply(Binary.ADD, largest, b.apply(Unary.LOG, total));
            b.store(log, DType.F32, logs.steps()[0], 0);
            return b.build();
        }

        /// Blocks of one size.
        private final class Block {
            private final Solo score;
            private final Solo begin;
            private final Solo add;
            private final BlockLoop[] loops = new BlockLoop[4];
            private final int kind;
            private final int r;
            private final int c;

            Block(int r, int c) {
                var p = BlockProducts.matrix(g.type(), r, c, c);
                this.r = r;
                this.c = c;
                kind = r == g.rows() ? 0 : 1;
                score = BlockProducts.product(g.queries(r), g.keys(c).transpose(0, 1), c, false);
                begin = BlockProducts.product(p, g.values(c), out.columns(), false);
                add = BlockProducts.product(p, g.values(c), out.columns(), true);
            }

            long scratchpadBytes() {
                return Math.max(
                        score.scratchpadBytes(),
                        Math.max(begin.scratchpadBytes(), add.scratchpadBytes()));
            }

            private BlockLoop loop(boolean first, boolean diagonal) {
                int i = (first ? 2 : 0) + (diagonal ? 1 : 0);
                if (loops[i] == null) loops[i] = write(first, diagonal);
                return loops[i];
            }

            /// @param first whether these are the first keys, with nothing before them
            private BlockLoop write(boolean first, boolean diagonal) {
                var b = new BlockLoop.Builder(r, c);
                var s = g.scores(b, c, false, diagonal);
                int old = first ? b.number(Attention.LOWEST) : b.load(DType.F32, 1, 0);
                int largest = b.apply(Binary.MAX, old, b.fold(Reduction.MAX, s.counted()));
                int p = s.weights(largest);
                int sum = b.fold(Reduction.SUM, p);
                b.store(p, g.type(), c, 1);
                b.store(largest, DType.F32, 1, 0);
                if (!first) {
                    int shrink = b.apply(Unary.EXP, b.apply(Binary.SUB, old, largest));
                    b.store(shrink, DType.F32, 1, 0);
                    int total = b.load(DType.F32, 1, 0);
                    sum = b.apply(Binary.ADD, b.apply(Binary.MUL, total, shrink), sum);
                }
                b.store(sum, DType.F32, 1, 0);
                return b.build();
            }

            void run(long at, int matrix, int i, int first, int turn) {
                long row = (long) i * g.rows();
                int keys = matrix / g.group();
                boolean cut = g.isDiagonal(i, first, c);
                score.run(
                        g.query().at(matrix, row, 0),
                        g.key().at(keys, first, 0),
                        at + scores,
                        at + pad);
                var loop = loop(first == 0, cut);
                int next = g.place(loop, at + scores, matrix, row, first, false, cut);
                if (first > 0) loop.at(next++, at + largest[turn]);
                loop.at(next++, at + weights).at(next++, at + largest[turn ^ 1]);
                if (first > 0) loop.at(next++, at + shrink).at(next++, at + total[turn]);
                loop.at(next, at + total[turn ^ 1]).run();
                long v = g.value().at(keys, first, 0);
                if (first == 0) {
                    begin.run(at + weights, v, at + sums, at + pad);
                } else {
                    scale[kind].at(0, at + sums).at(1, at + shrink).at(2, at + sums).run();
                    add.run(at + weights, v, at + sums, at + pad);
                }
            }
        }
    }
}
