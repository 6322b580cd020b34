package dev.nacre.cpu.onednn;

/// One piece of a call, with what it needs to run.
interface Frame {
    /// Executes.
    ///
    /// @param whole the call's addresses
    /// @param scratchpad which of them is the scratchpad; below zero if none
    /// @param lane the part of the scratchpad that this piece may use now
    void run(long[] whole, int scratchpad, long lane);

    static Frame of(OneDnn library, Split.Piece piece, long partialOffset) {
        return piece.code().gemm().isPresent()
                ? new GemmFrame(piece, piece.code().gemm().get())
                : new PrimitiveFrame(library, piece, partialOffset);
    }
}
