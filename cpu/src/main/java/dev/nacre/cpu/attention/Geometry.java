package dev.nacre.cpu.attention;

import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.ir.Attention;
import dev.nacre.ir.Binary;
import dev.nacre.type.DType;
import java.util.Optional;

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
        return Products.matrix(type(), r, query.columns(), query.rowStep());
    }

    MemoryDesc keys(int c) {
        return Products.matrix(type(), c, key.columns(), key.rowStep());
    }

    MemoryDesc values(int c) {
        return Products.matrix(type(), c, value.columns(), value.rowStep());
    }

    /// Begins the program of a block: its scores, from products of queries and keys in view 0. The mask is view 1, if there is one, and what the [Diagonal] says is the view after, if the
    /// block is on it.
    int scores(BlockLoop.Builder b, int c, boolean diagonal) {
        int s = b.load(DType.F32, c, 1);
        double factor = what.factor(query.columns());
        if (factor != 1) s = b.apply(Binary.MUL, s, b.number(factor));
        if (mask.isPresent()) {
            var m = mask.get().view().dtype();
            int x = b.load(m, mask.get().steps());
            s =
                    m == DType.BOOL
                            ? b.choose(x, s, b.number(Double.NEGATIVE_INFINITY))
                            : b.apply(Binary.ADD, s, x);
        }
        if (!diagonal) return s;
        int seen = b.apply(Binary.GT, b.load(DType.F32, Diagonal.STEPS), b.number(0));
        return b.choose(seen, s, b.number(Double.NEGATIVE_INFINITY));
    }

    /// Says where the views of [#scores] are for a block; returns the number of the next one.
    int place(BlockLoop loop, long scores, int matrix, long query, int key, boolean diagonal) {
        loop.at(0, scores);
        int next = 1;
        if (mask.isPresent()) loop.at(next++, mask.get().at(matrix, query, key));
        if (diagonal) loop.at(next++, this.diagonal.at((int) query - key + 1));
        return next;
    }
}
