package dev.nacre.cpu.kernels;

/// One side of a product, cut into panels: the rows of `a` or the columns of `b`, `width` of them side by side, so that
/// the innermost loop reads neighbours only. Panel after panel, a panel holds for each `k` its `width` values; what
/// sticks out over the edge is 0.
interface Panels {
    /// Packs rows (or columns) `x` to `x + xs` at `k` to `k + ks`.
    ///
    /// @param x a multiple of the width
    /// @param to where the first panel goes; the next follows after `ks · width` values
    void pack(long[] addresses, long batch, long x, int xs, long k, int ks, long to);
}
