package dev.nacre.cpu.onednn;

import java.lang.ref.Reference;
import java.util.stream.IntStream;

/// A product compiled for one thread, to be called from within a part of the team's work: what a kernel of many small products is made of. One thread at a time may use it. Running it
/// allocates nothing.
public final class Solo {
    private final Code code;
    private final Frame frame;
    private final long[] addresses = new long[3];

    Solo(OneDnn library, MatMul spec) {
        var items = Items.of(spec);
        if (items.offsets().length != 1)
            throw new OneDnnException(Status.UNIMPLEMENTED, "as one call: " + spec);
        code = library.code(items.each());
        Compiled.note(code);
        int operands = code.operands().size();
        if (operands != addresses.length)
            throw new IllegalArgumentException("a product of two operands only, not " + spec);
        var straight = IntStream.range(0, operands).toArray();
        frame = Frame.of(library, new Split.Piece(code, straight, new long[operands]), 0);
    }

    /// Bytes of memory to work in that it needs while it runs.
    public long scratchpadBytes() {
        return code.scratchpadBytes();
    }

    /// How its right operand must lie: what the spec said, or what was chosen where it said `any`.
    public MemoryDesc weights() {
        return code.desc(Slot.Role.WEIGHTS);
    }

    /// Whether it is the plain reference code, which is slower by orders of magnitude.
    public boolean isReference() {
        return code.isReference();
    }

    /// Computes, with operands and memory to work in at these addresses.
    ///
    /// @throws OneDnnException if oneDNN fails
    public void run(long src, long weights, long dst, long scratchpad) {
        addresses[0] = src;
        addresses[1] = weights;
        addresses[2] = dst;
        frame.run(addresses, -1, scratchpad);
        Reference.reachabilityFence(this);
    }

    @Override
    public String toString() {
        return code.toString();
    }
}
