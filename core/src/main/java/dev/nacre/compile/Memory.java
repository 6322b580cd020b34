package dev.nacre.compile;

import dev.nacre.type.NacreException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongFunction;
import java.util.stream.Collectors;

/// Native memory that serves again, or is freed, when nobody can reach it any more ([Pool]). There is at most as much of it as the system property `nacre.memory` says (`8g`, `512m`, bytes), by default as
/// much as the JVM may use for objects (`-Xmx`); garbage is collected before that becomes an error.
///
/// Kernels know memory by [addresses][#address]: those of the process, or, where the JVM denies native access, offsets into one [Region].
public final class Memory {
    static final long ALIGNMENT = 64;

    /// Blocks worth naming when memory runs out.
    private static final long LARGE = 1 << 20;

    private static final long LIMIT =
            Setting.of(
                    "nacre.memory",
                    "a number of bytes such as 512m or 8g",
                    Memory::bytes,
                    Runtime.getRuntime().maxMemory());

    private static final Map<MemorySegment, String> LARGE_BLOCKS = new WeakHashMap<>();

    private static final List<Runnable> SPARE = new CopyOnWriteArrayList<>();

    private static final LongAdder ALLOCATIONS = new LongAdder();

    /// Bytes that each thread has allocated.
    private static final ThreadLocal<long[]> BY_THREAD = ThreadLocal.withInitial(() -> new long[1]);

    /// Comes before each allocation; a test puts something here that fails.
    static volatile Runnable before = () -> {};

    /// All memory there is for tensors, where it is not all of the process's.
    private static final Optional<Region> REGION =
            Pages.isAllowed() ? Optional.empty() : Optional.of(Region.of(LIMIT));

    private static final boolean NATIVE = REGION.isEmpty();

    private static final Pool POOL = REGION.map(Pool::new).orElseGet(() -> new Pool(LIMIT));

    private Memory() {}

    /// Memory for as long as somebody uses it who says when that is over ([#giveBack]): nobody else may ever hold a slice of it.
    ///
    /// @param memory at least what was asked for
    record Block(MemorySegment memory) {}

    /// Bytes of tensors there may be at a time.
    public static long limit() {
        return NATIVE ? LIMIT : REGION.get().size();
    }

    /// Whether addresses are those of the process, which native code takes; not so where the JVM denies this module native access.
    public static boolean isNative() {
        return NATIVE;
    }

    /// What addresses are offsets into, for backends.
    @SuppressWarnings("restricted") // addresses come from plans, which own the memory behind them
    public static MemorySegment all() {
        return NATIVE ? MemorySegment.NULL.reinterpret(Long.MAX_VALUE) : REGION.get().memory();
    }

    /// Where a block lies.
    public static long address(MemorySegment block) {
        return NATIVE ? block.address() : REGION.get().offset(block);
    }

    /// A number of bytes with its unit, as of `-Xmx`.
    private static Optional<Long> bytes(String setting) {
        String text = setting.toLowerCase(Locale.ROOT);
        int shift = "kmgt".indexOf(text.charAt(text.length() - 1)) + 1;
        String digits = shift > 0 ? text.substring(0, text.length() - 1) : text;
        try {
            long bytes = Math.multiplyExact(Long.parseLong(digits), 1L << 10 * shift);
            return bytes > 0 ? Optional.of(bytes) : Optional.empty();
        } catch (NumberFormatException | ArithmeticException _) {
            return Optional.empty();
        }
    }

    /// Memory aligned for any vector. What is in it is arbitrary.
    ///
    /// @param purpose what it is for, named if memory runs out
    public static MemorySegment allocate(long bytes, String purpose) {
        return allocated(bytes, purpose, POOL::lend);
    }

    /// The same, to be [given back][#giveBack] by hand.
    static Block borrow(long bytes, String purpose) {
        return new Block(allocated(bytes, purpose, POOL::take));
    }

    /// A little memory, cleared, beside what is counted.
    public static MemorySegment cleared(long bytes) {
        String purpose = "room to work in";
        try {
            return NATIVE
                    ? Arena.ofAuto().allocate(Math.max(bytes, ALIGNMENT), ALIGNMENT)
                    : allocate(bytes, purpose).fill((byte) 0);
        } catch (OutOfMemoryError e) {
            throw new OutOfNativeMemory(bytes, purpose, largest(), e);
        }
    }

    static void giveBack(Block block) {
        POOL.giveBack(block.memory);
    }

    private static MemorySegment allocated(
            long bytes, String purpose, LongFunction<MemorySegment> source) {
        before.run();
        ALLOCATIONS.increment();
        BY_THREAD.get()[0] += bytes;
        try {
            MemorySegment block = reserved(Math.max(bytes, ALIGNMENT), source);
            if (bytes >= LARGE) {
                synchronized (LARGE_BLOCKS) {
                    LARGE_BLOCKS.put(block, purpose);
                }
            }
            return block;
        } catch (OutOfMemoryError e) {
            throw new OutOfNativeMemory(bytes, purpose, largest(), e);
        }
    }

    /// How many bytes the calling thread has asked for since it began.
    static long allocatedHere() {
        return BY_THREAD.get()[0];
    }

    /// How many blocks have been asked for since the start: a loop in steady state asks for none.
    public static long allocations() {
        return ALLOCATIONS.sum();
    }

    /// Registers what gives memory back that is only kept for later; run when memory is short, before that becomes an error.
    public static void whenShort(Runnable release) {
        SPARE.add(release);
    }

    /// Gives back to the system what waits idle for the next tensors, after a peak, say. What nobody reaches has to be found by a collection first.
    public static void release() {
        Workspace.release();
        POOL.release();
    }

    private static MemorySegment reserved(long bytes, LongFunction<MemorySegment> source) {
        if (!POOL.holds(bytes)) { // nothing to wait for
            throw new OutOfMemoryError(
                    bytes + " bytes are more than all of the memory for tensors");
        }
        try {
            return source.apply(bytes);
        } catch (OutOfMemoryError e) {
            SPARE.forEach(Runnable::run);
            Garbage.collectAll(() -> false);
            return source.apply(bytes);
        }
    }

    private static String largest() {
        synchronized (LARGE_BLOCKS) {
            List<Map.Entry<MemorySegment, String>> blocks = List.copyOf(LARGE_BLOCKS.entrySet());
            return blocks.stream()
                    .sorted(Comparator.comparingLong(e -> -e.getKey().byteSize()))
                    .limit(5)
                    .map(e -> "\n  " + text(e.getKey().byteSize()) + "  " + e.getValue())
                    .collect(Collectors.joining());
        }
    }

    /// A count of bytes for people: `1.5 MiB`.
    public static String text(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        String[] units = {"KiB", "MiB", "GiB", "TiB"};
        double value = bytes;
        int unit = -1;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    }

    /// There is not enough native memory for a step.
    public static final class OutOfNativeMemory extends NacreException {
        private static final long serialVersionUID = 1L;
        private final long bytes;

        OutOfNativeMemory(long bytes, String purpose, String largest, Throwable cause) {
            super(
                    "out of memory: "
                            + text(bytes)
                            + " wanted for "
                            + purpose
                            + (largest.isEmpty() ? "" : "; largest blocks held:" + largest)
                            + "\n  hint: raise the limit with "
                            + (isOfBuffers(cause) ? "-XX:MaxDirectMemorySize" : "-Dnacre.memory")
                            + "=… (it defaults to -Xmx), or use smaller batches",
                    cause);
            this.bytes = bytes;
        }

        /// Small blocks are the JVM's, which counts them as direct buffers.
        private static boolean isOfBuffers(Throwable cause) {
            return String.valueOf(cause.getMessage()).contains("direct buffer memory");
        }

        /// Bytes that were wanted.
        public long bytes() {
            return bytes;
        }
    }
}
