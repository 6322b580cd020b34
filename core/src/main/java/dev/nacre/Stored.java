package dev.nacre;

import dev.nacre.compile.Memory;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Source;
import dev.nacre.type.NacreException;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/// Numbers in memory, dense and row-major. Never changes, except for the value of a variable that nobody else holds ([#seize()]).
final class Stored implements Source {
    /// Results up to this size share blocks, so that a scalar costs no allocation of its own. Not where a block is given back although there are slices of it.
    private static final long SMALL = Memory.isNative() ? 1024 : -1;

    /// The same of variables, where an eager step has no memory but the one that it leaves behind: to have a block and to have it found unreachable costs more than to compute some KiB. In blocks of their own: a loss
    /// that somebody keeps does not keep the parameters of its step, and a bias or learning rate not the matrices.
    private static final long MIDDLING = Memory.isNative() ? 1 << 15 : -1;

    private static final Slabs SMALL_RESULTS = new Slabs(1 << 16, "small tensors");
    private static final Slabs SMALL_VALUES = new Slabs(1 << 16, "values of small variables");
    private static final Slabs VALUES = new Slabs(1 << 17, "values of variables");

    private static final int WRITTEN = Integer.MIN_VALUE; // added to or taken from the readers

    private static final VarHandle READERS = field("readers", int.class);
    private static final VarHandle NODE = field("node", Node.class);

    private static VarHandle field(String name, Class<?> type) {
        try {
            return MethodHandles.lookup().findVarHandle(Stored.class, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /// Blocks that tensors are cut from, by any thread.
    private static final class Slabs {
        private record Slab(MemorySegment memory, AtomicLong used) {}

        private final long bytes;
        private final String purpose;
        private final AtomicReference<Slab> now =
                new AtomicReference<>(new Slab(MemorySegment.NULL, new AtomicLong()));

        Slabs(long bytes, String purpose) {
            this.bytes = bytes;
            this.purpose = purpose;
        }

        MemorySegment take(long size) {
            long need = Math.max(64, Math.ceilDiv(size, 64) * 64);
            while (true) {
                Slab slab = now.get();
                long at = slab.used.getAndAdd(need);
                if (at + need <= slab.memory.byteSize()) {
                    return slab.memory.asSlice(at, need, 64);
                }
                Slab fresh = new Slab(Memory.allocate(bytes, purpose), new AtomicLong());
                now.compareAndSet(slab, fresh);
            }
        }
    }

    private final TensorType type;
    private final MemorySegment memory;
    private final String origin;
    private final Variable owner; // null: a plain tensor
    private volatile Node node; // null: nobody has asked for it
    private final boolean mapped; // memory whose arena somebody else may close
    private volatile boolean shared;
    private Optional<Reuse.Place> kept = Optional.empty();
    private volatile int readers; // how many there are or wait; below zero while it is overwritten

    private Stored(
            TensorType type, MemorySegment memory, String origin, Variable owner, boolean mapped) {
        this.type = type;
        this.memory = memory;
        this.origin = origin;
        this.owner = owner;
        this.mapped = mapped;
    }

    /// The leaf's source.
    record Ref(Stored stored) implements Source {
        @Override
        public TensorType type() {
            return stored.type;
        }

        @Override
        public String origin() {
            return stored.owner == null ? stored.origin : stored.owner.origin();
        }

        @Override
        public boolean isTrainable() {
            return stored.owner != null && stored.owner.isTrainable();
        }

        @Override
        public String module() {
            return stored.owner == null ? "" : stored.owner.module();
        }

        @Override
        public boolean equals(Object o) {
            return o instanceof Ref r && r.stored == stored;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(stored);
        }
    }

    /// Room for a tensor.
    static Stored room(TensorType type, String origin) {
        return new Stored(type, take(type.bytes(), origin), origin, null, false);
    }

    /// Room for a new value of a variable.
    static Stored room(Variable owner) {
        long bytes = owner.declared().bytes();
        Slabs shared = bytes <= SMALL ? SMALL_VALUES : VALUES;
        return new Stored(
                owner.declared(),
                bytes <= MIDDLING ? shared.take(bytes) : Memory.allocate(bytes, owner.origin()),
                owner.origin(),
                owner,
                false);
    }

    /// Elements that lie in memory of somebody else's.
    static Stored of(TensorType type, MemorySegment memory, String origin) {
        boolean mapped = !memory.scope().equals(MemorySegment.NULL.scope());
        return new Stored(type, memory, origin, null, mapped);
    }

    /// Whether somebody else may close the memory's arena.
    boolean isMapped() {
        return mapped;
    }

    /// A number that a plan takes as an input.
    static Stored number(Op.Constant c) {
        Stored s = room(TensorType.of(c.dtype()), "a number");
        new Elements(s).set(0, c.value());
        return s;
    }

    private static MemorySegment take(long bytes, String purpose) {
        return bytes <= SMALL ? SMALL_RESULTS.take(bytes) : Memory.allocate(bytes, purpose);
    }

    @Override
    public TensorType type() {
        return type;
    }

    @Override
    public String origin() {
        return origin;
    }

    MemorySegment memory() {
        if (!memory.scope().isAlive()) {
            throw closed();
        }
        return memory;
    }

    NacreException closed() {
        return new NacreException(
                origin
                        + " "
                        + type
                        + ": the memory that this tensor is mapped to has been closed"
                        + "\n  hint: keep its arena open for as long as the tensor is used, or copy it with Tensor.of");
    }

    NacreException confined() {
        return new NacreException(
                origin
                        + " "
                        + type
                        + ": the memory that this tensor is mapped to belongs to another thread alone"
                        + "\n  hint: map it with Arena.ofShared() or Arena.ofAuto(), or copy it with Tensor.of");
    }

    long address() {
        return Memory.address(memory());
    }

    /// The variable whose value this is or was; null for a plain tensor.
    Variable owner() {
        return owner;
    }

    /// The one leaf that stands for these numbers.
    Node node() {
        Node n = node;
        if (n == null) { // many results are read and never computed with
            NODE.compareAndSet(this, null, Node.of(new Op.Leaf(new Ref(this))));
            n = node;
        }
        return n;
    }

    /// Notes that nobody has asked for these numbers yet.
    void keep(Reuse.Place place) {
        kept = Optional.of(place);
    }

    /// Where they come from, if nobody has asked for them.
    Optional<Reuse.Place> kept() {
        return kept;
    }

    /// An expression outside a function may read these numbers from now on, so they are never overwritten again.
    void share() {
        shared = true;
    }

    // ----------------------------------------------------------------------------------------
    // readers and writers

    /// Keeps the numbers as they are until they are [released][#release()]; waits while they are being overwritten.
    void hold() {
        if ((int) READERS.getAndAdd(this, 1) < 0) {
            await();
        }
    }

    /// The same, if they are not being overwritten.
    boolean tryHold() {
        if (readers < 0) {
            return false;
        }
        if ((int) READERS.getAndAdd(this, 1) < 0) {
            release();
            return false;
        }
        return true;
    }

    void release() {
        READERS.getAndAdd(this, -1);
    }

    /// Waits while the numbers are being overwritten.
    void settle() {
        if (readers < 0) {
            hold(); // so that we are told
            release();
        }
    }

    private void await() {
        boolean interrupted = false;
        synchronized (this) {
            while (readers < 0) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    interrupted = true; // for the caller to see; there is nothing whole to read yet
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /// Allows the caller to overwrite the numbers, until they are [#written()]; not if somebody reads them or may do so later, or overwrites them already.
    boolean seize() {
        if (shared || !READERS.compareAndSet(this, 0, WRITTEN)) {
            return false;
        }
        if (shared) { // just now
            written();
            return false;
        }
        return true;
    }

    /// They are overwritten.
    void written() {
        if ((int) READERS.getAndAdd(this, WRITTEN) != WRITTEN) {
            synchronized (this) {
                notifyAll();
            }
        }
    }

    /// What somebody makes of the numbers, all from before a change or all from after it.
    <R> R read(Function<Stored, R> use) {
        hold();
        try {
            return use.apply(this);
        } catch (IllegalStateException e) {
            throw memory.scope().isAlive() ? e : closed();
        } catch (WrongThreadException _) {
            throw confined();
        } finally {
            release();
        }
    }
}
