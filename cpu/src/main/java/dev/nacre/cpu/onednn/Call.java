package dev.nacre.cpu.onednn;

import dev.nacre.cpu.Team;
import java.lang.ref.Reference;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongConsumer;

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
        final Then[] then; // what follows each piece, if anything does

        Phase(List<Split.Piece> pieces, Optional<Function<MemoryDesc, LongConsumer>> follows) {
            then =
                    follows.stream()
                            .flatMap(f -> pieces.stream().map(p -> Then.of(p, f)))
                            .toArray(Then[]::new);
            frames = new Frame[pieces.size()];
            for (int i = 0; i < frames.length; i++)
                frames[i] = Frame.of(primitive.library(), pieces.get(i), primitive.partialOffset());
        }

        @Override
        public void run(int part, int member) {
            long lane = scratchpad < 0 ? 0 : addresses[scratchpad] + member * primitive.laneBytes();
            frames[part].run(addresses, scratchpad, lane);
            if (then.length > 0) then[part].run(addresses);
        }
    }

    /// What follows a piece.
    ///
    /// @param operand the operand of the whole that its result is a part of
    /// @param places where in it, one after the other
    private record Then(LongConsumer work, int operand, long[] places) {
        static Then of(Split.Piece piece, Function<MemoryDesc, LongConsumer> follows) {
            int r = piece.result();
            var places = new long[piece.items().length];
            for (int i = 0; i < places.length; i++)
                places[i] = piece.offsets()[r] + piece.items()[i][r];
            return new Then(follows.apply(piece.part()), piece.bases()[r], places);
        }

        void run(long[] whole) {
            for (long place : places) work.accept(whole[operand] + place);
        }
    }

    Call(Primitive primitive, Optional<Function<MemoryDesc, LongConsumer>> follows) {
        this.primitive = primitive;
        this.team = primitive.team();
        var slots = primitive.slots();
        this.addresses = new long[slots.size()];
        this.required = new boolean[slots.size()];
        for (int i = 0; i < required.length; i++) required[i] = slots.get(i).desc().bytes() > 0;
        this.scratchpad = primitive.slot(Slot.Role.SCRATCHPAD).orElse(-1);
        var phases = primitive.phases();
        this.phases = new Phase[phases.size()];
        for (int i = 0; i < this.phases.length; i++) {
            boolean last = i == this.phases.length - 1;
            this.phases[i] = new Phase(phases.get(i), last ? follows : Optional.empty());
        }
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
