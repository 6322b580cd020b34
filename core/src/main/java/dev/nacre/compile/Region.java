package dev.nacre.compile;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/// All memory for tensors where the JVM denies native access: one range of addresses from which blocks are cut. Addresses are offsets into it, so none can lead anywhere else.
///
/// It is a file that takes no room, mapped so that what is written to it stays in memory, and deleted at once: memory that is there when it is first written to, however much of it was asked for. Without a
/// place for such a file it is memory of the JVM, less of it, as the JVM clears all of that at once.
final class Region {
    /// Never lent, so that no address is 0.
    private static final long RESERVED = 4096;

    /// Of memory that the JVM clears at once.
    private static final long MOST_CLEARED = 256L << 20;

    private static final long LEAST = 1 << 20;

    /// In these, what lies in the file takes memory a second time.
    private static final Set<String> IN_MEMORY = Set.of("tmpfs", "ramfs");

    /// A block that somebody has, until nobody can reach the segment that was lent.
    private static final class Lent extends PhantomReference<MemorySegment> {
        final MemorySegment block;

        Lent(MemorySegment segment, MemorySegment block, ReferenceQueue<MemorySegment> queue) {
            super(segment, queue);
            this.block = block;
        }
    }

    private final MemorySegment memory;
    private final Gaps gaps = new Gaps();
    private final Set<Lent> lent = new HashSet<>();
    private final ReferenceQueue<MemorySegment> unreachable = new ReferenceQueue<>();

    private Region(MemorySegment memory) {
        this.memory = memory;
        if (memory.byteSize() > RESERVED) {
            gaps.give(RESERVED, memory.byteSize() - RESERVED);
        }
    }

    /// One of at most so many bytes: fewer where there are not so many.
    static Region of(long bytes) {
        return new Region(
                mapped(bytes)
                        .or(() -> halving(Math.min(bytes, MOST_CLEARED), Region::cleared))
                        .orElse(MemorySegment.NULL));
    }

    private static Optional<MemorySegment> mapped(long bytes) {
        return folders().flatMap(folder -> mapped(folder, bytes).stream()).findFirst();
    }

    private static Stream<Path> folders() {
        var named =
                Stream.of(
                                System.getProperty("java.io.tmpdir", ""),
                                "/var/tmp",
                                System.getProperty("user.home", ""))
                        .flatMap(name -> Folders.named(name).stream());
        return Stream.concat(named, Stream.of(Path.of("")))
                .filter(folder -> Files.isDirectory(folder) && !isInMemory(folder));
    }

    private static boolean isInMemory(Path folder) {
        try {
            return IN_MEMORY.contains(Files.getFileStore(folder).type());
        } catch (IOException | SecurityException _) {
            return true;
        }
    }

    private static Optional<MemorySegment> mapped(Path folder, long bytes) {
        try {
            // Not by createTempFile, which cannot be used at all where one folder's name is none.
            Path file =
                    folder.resolve(
                            "nacre-" + ProcessHandle.current().pid() + "-" + System.nanoTime());
            try (FileChannel channel =
                    FileChannel.open(
                            file,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE,
                            StandardOpenOption.CREATE_NEW,
                            StandardOpenOption.SPARSE,
                            StandardOpenOption.DELETE_ON_CLOSE)) {
                return halving(bytes, b -> mapped(channel, b));
            } finally {
                Files.deleteIfExists(file);
            }
        } catch (IOException | SecurityException _) {
            return Optional.empty();
        }
    }

    private static Optional<MemorySegment> mapped(FileChannel channel, long bytes) {
        try {
            return Optional.of(channel.map(FileChannel.MapMode.PRIVATE, 0, bytes, Arena.global()));
        } catch (IOException | OutOfMemoryError _) {
            return Optional.empty();
        }
    }

    private static Optional<MemorySegment> cleared(long bytes) {
        try {
            return Optional.of(Arena.global().allocate(bytes, RESERVED));
        } catch (OutOfMemoryError _) {
            return Optional.empty();
        }
    }

    /// As much as there is.
    private static Optional<MemorySegment> halving(
            long bytes, LongFunction<Optional<MemorySegment>> source) {
        return LongStream.iterate(bytes, b -> b >= LEAST, b -> b / 2)
                .mapToObj(source)
                .flatMap(Optional::stream)
                .findFirst();
    }

    /// All of it.
    MemorySegment memory() {
        return memory;
    }

    /// Bytes that can be lent.
    long size() {
        return Math.max(0, memory.byteSize() - RESERVED);
    }

    /// Where a segment of it lies; 0 for an empty one.
    long offset(MemorySegment block) {
        if (block.byteSize() == 0) {
            return 0;
        }
        if (!contains(block)) {
            throw new IllegalArgumentException(block + " is no part of " + memory);
        }
        return block.address() - memory.address();
    }

    private boolean contains(MemorySegment block) {
        long at = block.address() - memory.address();
        return block.isNative() && at >= 0 && at <= memory.byteSize() - block.byteSize();
    }

    /// A block with anything in it, the lowest that there is, so that few pages are ever touched.
    synchronized Optional<MemorySegment> take(long bytes) {
        return gaps.takeLowest(bytes).stream()
                .mapToObj(at -> memory.asSlice(at, bytes))
                .findFirst();
    }

    /// The block is free again.
    synchronized void free(MemorySegment block) {
        gaps.give(offset(block), block.byteSize());
    }

    /// The same memory as a segment of its own; when that one is unreachable, [#collect] finds the block. Slices of it do not count.
    MemorySegment lend(MemorySegment block) {
        MemorySegment segment = block.asSlice(0);
        synchronized (lent) {
            lent.add(new Lent(segment, block, unreachable));
        }
        return segment;
    }

    /// Finds the blocks whose segments the garbage collector has found to be unreachable.
    void collect(Consumer<MemorySegment> found) {
        for (Lent l; (l = (Lent) unreachable.poll()) != null; ) {
            synchronized (lent) {
                lent.remove(l);
            }
            found.accept(l.block);
        }
    }
}
