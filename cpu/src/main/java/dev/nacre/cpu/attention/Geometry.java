package dev.nacre.cpu.attention;

import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.BlockProducts;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.ir.Attention;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.Optional;
import java.util.OptionalInt;

/// What a call is about, and how its scores are cut into blocks.
///
/// @param rows queries in a block
/// @param columns keys in a block
record Geometry(
        Attention what,
        Matrices query,
        Matrices key,
        Matrices value,
        Optional<Matrices> mask,
        int rows,
        int columns,
        Diagonal diagonal) {

    /// Begins a call.
    void place(long[] addresses) {
        query.place(addresses);
        key.place(addresses);
        value.place(addresses);
        mask.ifPresent(m -> m.place(addresses));
    }

    DType type() {
        return query.view().dtype();
    }

    /// How many of the query's matrices share one of the key's. They are neighbours.
    int group() {
        return query.count() / key.count();
    }

    /// Blocks of queries.
    int blocks() {
        return Math.ceilDiv(query.rows(), rows);
    }

    /// Queries in block number `block`.
    int rowsOf(int block) {
        return Math.min(rows, query.rows() - block * rows);
    }

    /// How many keys, the first ones, any query of a block sees.
    int visible(int block) {
        return what.causal() ? Math.min(key.rows(), block * rows + rowsOf(block)) : key.rows();
    }

    /// Whether not every query of the block sees all of these keys.
    boolean isDiagonal(int block, int firstKey, int keys) {
        return what.causal() && firstKey + keys - 1 > block * rows;
    }

    MemoryDesc queries(int r) {
        return BlockProducts.matrix(type(), r, query.columns(), query.rowStep());
    }

    MemoryDesc keys(int c) {
        return BlockProducts.matrix(type(), c, key.columns(), key.rowStep());
    }

    MemoryDesc values(int c) {
        return BlockProducts.matrix(type(), c, value.columns(), value.rowStep());
    }

    /// The scores of a block in its program.
    ///
    /// @param all with those that do not count
    /// @param counts which do, unless all do
    record Scores(BlockLoop.Builder b, int all, OptionalInt counts) {
        /// Minus infinity where they do not count.
        int counted() {
            return chosen(all, Double.NEGATIVE_INFINITY);
        }

        /// `e^(score − x)`; 0 where it does not count, without having computed `e^−∞`, since results below the smallest normal number take the processor several times as long.
        int weights(int x) {
            return chosen(b.apply(Unary.EXP, b.apply(Binary.SUB, all, x)), 0);
        }

        private int chosen(int value, double otherwise) {
            return counts.isPresent()
                    ? b.choose(counts.getAsInt(), value, b.number(otherwise))
                    : value;
        }
    }

    /// Begins the program of a block: its scores, from products of queries and keys in view 0. The mask is view 1, if there is one, and what the [Diagonal] says is the view after, if the
    /// block is on it.
    ///
    /// @param row elements from one row of scores to the next
    /// @param turned whether rows are keys and columns are queries
    Scores scores(BlockLoop.Builder b, int row, boolean turned, boolean diagonal) {
        int s = b.load(DType.F32, row, 1);
        double factor = what.factor(query.columns());
        if (factor != 1) s = b.apply(Binary.MUL, s, b.number(factor));
        var counts = OptionalInt.empty();
        if (mask.isPresent()) {
            var m = mask.get().view().dtype();
            var steps = mask.get().steps();
            int x = turned ? b.load(m, steps[1], steps[0]) : b.load(m, steps);
            if (m == DType.BOOL) counts = OptionalInt.of(x);
            else s = b.apply(Binary.ADD, s, x);
        }
        if (!diagonal) return new Scores(b, s, counts);
        int before = b.load(DType.F32, Diagonal.STEPS);
        int seen = b.apply(turned ? Binary.LE : Binary.GT, before, b.number(0));
        int both = counts.isPresent() ? b.apply(Binary.AND, counts.getAsInt(), seen) : seen;
        return new Scores(b, s, OptionalInt.of(both));
    }

    /// Says where the views of [#scores] are for a block; returns the number of the next one.
    int place(
            BlockLoop loop,
            long scores,
            int matrix,
            long query,
            int key,
            boolean turned,
            boolean diagonal) {
        loop.at(0, scores);
        int next = 1;
        if (mask.isPresent()) loop.at(next++, mask.get().at(matrix, query, key));
        int seen = (int) query - key + 1; // of the keys, by the first query
        if (diagonal) loop.at(next++, this.diagonal.at(turned ? 1 - seen : seen));
        return next;
    }
}
