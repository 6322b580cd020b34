package dev.nacre.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/// The arguments of a [Primitive] for one execution at a time: an execution frame has its own. Running it allocates nothing.
///
/// One thread at a time may use a call; different calls of the same primitive may run at the same time. The caller keeps
/// the memory at the addresses alive.
public final class Call {
    private static final long ARGUMENT_BYTES = 16; // struct { int argument; memory_t *memory; }

    private final Primitive primitive;
    private final long code;
    private final long stream;
    private final int threads;
    private final int count;
    private final long[] addresses;
    private final long[] memories;
    private final boolean[] required;
    private final long arguments;

    Call(Primitive primitive) {
        this.primitive = primitive;
        this.code = primitive.handle();
        this.stream = primitive.library().stream();
        this.threads = primitive.threads();
        var slots = primitive.slots();
        this.count = slots.size();
        this.addresses = new long[count];
        this.memories = new long[count];
        this.required = new boolean[count];
        var owned = new Owned(memories, Arena.ofShared());
        Primitive.CLEANER.register(this, owned);
        var table = owned.arena.allocate(ARGUMENT_BYTES * count, Long.BYTES);
        try (var scope = primitive.library().scope(primitive.spec())) {
            for (int i = 0; i < count; i++) {
                var slot = slots.get(i);
                memories[i] = scope.memory(slot.desc());
                required[i] = slot.desc().bytes() > 0;
                table.set(JAVA_INT, ARGUMENT_BYTES * i, slot.argument());
                table.set(JAVA_LONG, ARGUMENT_BYTES * i + Long.BYTES, memories[i]);
            }
        }
        this.arguments = table.address();
    }

    private record Owned(long[] memories, Arena arena) implements Runnable {
        @Override
        public void run() {
            try {
                for (long memory : memories) if (memory != 0) {
                    int _ = (int) Api.MEMORY_DESTROY.invokeExact(memory);
                }
            } catch (Throwable e) {
                throw Api.sneak(e);
            } finally {
                arena.close();
            }
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
        if (addresses.length != count) throw wrong(addresses.length);
        for (int i = 0; i < count; i++) if (this.addresses[i] != addresses[i]) set(i, addresses[i]);
        run();
    }

    /// Sets the address of one argument, for [run][#run()].
    public Call set(int slot, long address) {
        try {
            int status = (int) Api.MEMORY_ADDRESS.invokeExact(memories[slot], address);
            if (status != 0) throw failed(status);
        } catch (Throwable e) {
            throw Api.sneak(e);
        }
        addresses[slot] = address;
        return this;
    }

    /// Executes with the addresses set before.
    ///
    /// @throws IllegalArgumentException if an address is missing
    /// @throws OneDnnException if oneDNN fails
    public void run() {
        for (int i = 0; i < count; i++) if (addresses[i] == 0 && required[i]) throw missing(i);
        try {
            Api.THREADS.invokeExact(threads); // belongs to the thread, and another call may have changed it
            int status = (int) Api.EXECUTE.invokeExact(code, stream, count, arguments);
            if (status != 0) throw failed(status);
        } catch (Throwable e) {
            throw Api.sneak(e);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private OneDnnException failed(int status) {
        return new OneDnnException(Status.of(status), "running " + primitive);
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
