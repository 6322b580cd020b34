package dev.nacre.cpu.kernels;

import dev.nacre.compile.Kernel.Random;
import dev.nacre.compile.View;
import dev.nacre.cpu.Step;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.memory.Memory;
import java.util.concurrent.atomic.AtomicLong;

/// Philox-4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A block of four
/// words is a function of its number, the stream and the seed.
final class Philox implements Step {
    /// Blocks that are worth a part of their own.
    private static final long WORTH = 4096;

    /// Blocks that a process draws without vectors: to load and compile those takes longer than the first values of a model.
    private static final long COLD = 1 << 19;

    private static final AtomicLong filled = new AtomicLong();

    static final int ROUNDS = 10;
    static final long MULTIPLIER_0 = 0xD2511F53L;
    static final long MULTIPLIER_1 = 0xCD9E8D57L;
    static final int WEYL_0 = 0x9E3779B9;
    static final int WEYL_1 = 0xBB67AE85;

    private final View key;
    private final View out;
    private final long count;
    private final boolean vectors;

    Philox(Random kernel, boolean vectors) {
        this.vectors = vectors;
        this.key = kernel.key();
        this.out = kernel.out();
        this.count = out.count();
    }

    @Override
    public void run(long[] addresses) {
        long at = key.address(addresses);
        long seed = Memory.i64(at);
        long stream = Memory.i64(at + Views.step(key, 0));
        long to = out.address(addresses);
        long blocks = Math.ceilDiv(count, 4);
        Team.get()
                .run(
                        Math.toIntExact(Math.ceilDiv(blocks, WORTH)),
                        part -> {
                            long first = part * WORTH;
                            long end = Math.min(blocks, first + WORTH);
                            long whole = Math.min(end, count / 4);
                            fill(first, whole, stream, seed, to + 16 * first);
                            if (whole < end) rest(whole, stream, seed, to + 16 * whole);
                        });
    }

    /// Blocks `first` to `end`.
    private void fill(long first, long end, long stream, long seed, long to) {
        boolean worth = vectors && filled.get() >= COLD;
        if (!worth) {
            filled.addAndGet(end - first);
        }
        long done = worth ? PhiloxVectors.fill(first, end, stream, seed, to) : first;
        for (long block = done; block < end; block++)
            block(block, stream, seed, to + 16 * (block - first));
    }

    static void block(long counter, long stream, long seed, long to) {
        int c0 = (int) counter;
        int c1 = (int) (counter >>> 32);
        int c2 = (int) stream;
        int c3 = (int) (stream >>> 32);
        int k0 = (int) seed;
        int k1 = (int) (seed >>> 32);
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = MULTIPLIER_0 * (c0 & 0xFFFFFFFFL);
            long product1 = MULTIPLIER_1 * (c2 & 0xFFFFFFFFL);
            c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
            c1 = (int) product1;
            c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
            c3 = (int) product0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        Memory.i32(to, c0);
        Memory.i32(to + 4, c1);
        Memory.i32(to + 8, c2);
        Memory.i32(to + 12, c3);
    }

    /// The beginning of the last block.
    private void rest(long block, long stream, long seed, long to) {
        try (var whole = Scratch.take(16)) {
            block(block, stream, seed, whole.address());
            Memory.copy(whole.address(), to, 4 * (count - 4 * block));
        }
    }
}
