package dev.nacre.cpu.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.compile.Kernel.Random;
import dev.nacre.compile.View;
import dev.nacre.cpu.kernels.Sandbox.Layout;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.type.DType;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PhiloxTest {
    /// The authors' known answers: `philox4x32 10` in Random123's `kat_vectors`.
    @ParameterizedTest
    @CsvSource({
        "00000000 00000000 00000000 00000000, 00000000 00000000, 6627e8d5 e169c58d bc57ac4c 9b00dbd8",
        "ffffffff ffffffff ffffffff ffffffff, ffffffff ffffffff, 408f276d 41c83b0e a20bc7c6 6d5451fd",
        "243f6a88 85a308d3 13198a2e 03707344, a4093822 299f31d0, d16cfe09 94fdcceb 5001e420 24126ea1",
    })
    void knownAnswers(String counter, String key, String answer) {
        try (var out = Scratch.take(16)) {
            Philox.block(pair(counter, 0), pair(counter, 1), pair(key, 0), out.address());
            for (int i = 0; i < 4; i++)
                assertEquals(word(answer, i), Memory.i32(out.address() + 4 * i));
        }
    }

    private static int word(String words, int i) {
        return HexFormat.fromHexDigits(words.split(" ")[i]);
    }

    private static long pair(String words, int i) {
        return word(words, 2 * i) & 0xFFFFFFFFL | (long) word(words, 2 * i + 1) << 32;
    }

    @Test
    void anyKeyAndLength() {
        for (int seed = 0; seed < 60; seed++) {
            var box = new Sandbox(seed);
            int n = seed < 40 ? seed : box.between(1000, 100_000);
            var key = box.view(DType.I64, box.any(Sandbox.RESULTS), 2);
            Memory.i64(box.address(key, 0), seed % 3 == 0 ? seed : box.random.nextLong());
            Memory.i64(box.address(key, 1), seed % 2 == 0 ? -1 : box.random.nextLong());
            var out = box.view(DType.I32, Layout.DENSE, n);
            out = new View(out.buffer(), DType.I32, seed % 5, out.sizes(), out.strides());
            var expected = new double[n];
            for (int i = 0; i < n; i++)
                expected[i] =
                        word(i, Memory.i64(box.address(key, 0)), Memory.i64(box.address(key, 1)));
            box.check(new Random(key, out), out, expected, 0);
        }
    }

    /// Element i, written from the paper.
    private static int word(long i, long seed, long stream) {
        long mask = 0xFFFFFFFFL;
        long block = i / 4;
        long[] x = {block & mask, block >>> 32, stream & mask, stream >>> 32};
        long[] k = {seed & mask, seed >>> 32};
        for (int round = 0; round < 10; round++) {
            long a = x[0] * 0xD2511F53L;
            long b = x[2] * 0xCD9E8D57L;
            x = new long[] {b >>> 32 ^ x[1] ^ k[0], b & mask, a >>> 32 ^ x[3] ^ k[1], a & mask};
            k = new long[] {k[0] + 0x9E3779B9L & mask, k[1] + 0xBB67AE85L & mask};
        }
        return (int) x[(int) (i % 4)];
    }
}
