package dev.nacre.cpu.onednn;

import dev.nacre.cpu.Team;
import java.lang.ref.Reference;
import java.util.List;

/// The arguments of a [Primitive] for one execution at a time: an execution frame has its own. Running it allocates nothing.
///
/// One thread at a time may use a call; different calls of the same primitive may run at the same time. The caller keeps
/// the memory at the addresses alive.
public final class Call {
    private final Primitive primitive;
    private final Team team;
    private final long[] addresses;
    private final boolean[] required;
    private final Phase[] phases;
    private final int scratchpad;

    /// Pieces that run at the same time.
    private final class Phase implements Team.MemberWork {
        final Frame[] frames;

        Phase(List<Split.Piece> pieces) {
            frames = new Frame[pieces.size()];
            for (int i = 0; i < frames.length; i++)
                frames[i] = Frame.of(primitive.library(), pieces.get(i), primitive.partialOffset());
        }

        @Override
        public void run(int part, int member) {
            long lane = scratchpad < 0 ? 0 : addresses[scratchpad] + member * primitive.laneBytes();
            frames[part].run(addresses, scratchpad, lane);
        }
    }

    Call(Primitive primitive) {
        this.primitive = primitive;
        this.team = primitive.team();
        var slots = primitive.slots();
        this.addresses = new long[slots.size()];
        this.required = new boolean[slots.size()];
        for (int i = 0; i < required.length; i++) required[i] = slots.get(i).desc().bytes() > 0;
        this.scratchpad = primitive.slot(Slot.Role.SCRATCHPAD).orElse(-1);
        this.phases = primitive.phases().stream().map(Phase::new).toArray(Phase[]::new);
    }

    /// What it calls.
    public Primitive primitive() {
        return primitive;
    }

    /// Executes with arguments at these addresses, in the order of the [slots][Primitive#slots()]; returns when done.
    ///
    /// @throws IllegalArgumentException if an address is missing
    /// @throws OneDnnException if oneDNN fails
    public void run(long[] addresses) {
        if (addresses.length != this.addresses.length) throw wrong(addresses.length);
        System.arraycopy(addresses, 0, this.addresses, 0, addresses.length);
        run();
    }

    /// Sets the address of one argument, for [run][#run()].
    public Call set(int slot, long address) {
        addresses[slot] = address;
        return this;
    }

    /// Executes with the addresses set before.
    ///
    /// @throws IllegalArgumentException if an address is missing
    /// @throws OneDnnException if oneDNN fails
    public void run() {
        for (int i = 0; i < addresses.length; i++)
            if (addresses[i] == 0 && required[i]) throw missing(i);
        try {
            for (var phase : phases) team.run(phase.frames.length, phase);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private IllegalArgumentException wrong(int given) {
        return new IllegalArgumentException(given + " addresses for " + primitive.slots());
    }

    private IllegalArgumentException missing(int slot) {
        return new IllegalArgumentException(
                "no address for " + primitive.slots().get(slot).role() + " of " + primitive);
    }

    @Override
    public String toString() {
        return "call of " + primitive;
    }
}
