package dev.nacre.formats.broken;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/// Ways in which a file comes to be broken, or is made to break its reader.
enum Mutation {
    /// Cut off.
    CUT {
        @Override
        byte[] of(byte[] good, Random random) {
            return Arrays.copyOf(good, place(good, random));
        }
    },
    /// A bit is another.
    FLIP {
        @Override
        byte[] of(byte[] good, Random random) {
            byte[] out = good.clone();
            for (int i = random.nextInt(3); i >= 0; i--) {
                out[place(good, random)] ^= (byte) (1 << random.nextInt(8));
            }
            return out;
        }
    },
    /// A number of 1, 2, 4 or 8 bytes, of either order, is as large as it can be, or negative, or 0.
    HUGE {
        @Override
        byte[] of(byte[] good, Random random) {
            byte[] out = good.clone();
            int at = place(good, random);
            byte[] value = EXTREMES[random.nextInt(EXTREMES.length)];
            System.arraycopy(value, 0, out, at, Math.min(value.length, out.length - at));
            return out;
        }
    },
    /// A piece is there twice.
    TWICE {
        @Override
        byte[] of(byte[] good, Random random) {
            int from = place(good, random);
            int to = Math.min(good.length, from + 1 + random.nextInt(64));
            return joined(
                    Arrays.copyOf(good, to),
                    Arrays.copyOfRange(good, from, to),
                    Arrays.copyOfRange(good, to, good.length));
        }
    },
    /// A piece is missing.
    GONE {
        @Override
        byte[] of(byte[] good, Random random) {
            int from = place(good, random);
            int to = Math.min(good.length, from + 1 + random.nextInt(64));
            return joined(Arrays.copyOf(good, from), Arrays.copyOfRange(good, to, good.length));
        }
    },
    /// Two pieces have changed places.
    SWAPPED {
        @Override
        byte[] of(byte[] good, Random random) {
            byte[] out = good.clone();
            int n = 1 + random.nextInt(Math.min(32, good.length));
            int a = random.nextInt(good.length - n + 1);
            int b = random.nextInt(good.length - n + 1);
            System.arraycopy(good, a, out, b, n);
            System.arraycopy(good, b, out, a, n);
            return out;
        }
    },
    /// A piece is noise.
    NOISE {
        @Override
        byte[] of(byte[] good, Random random) {
            byte[] out = good.clone();
            byte[] noise = new byte[1 + random.nextInt(48)];
            random.nextBytes(noise);
            int at = place(good, random);
            System.arraycopy(noise, 0, out, at, Math.min(noise.length, out.length - at));
            return out;
        }
    },
    /// More follows.
    LONGER {
        @Override
        byte[] of(byte[] good, Random random) {
            byte[] more = new byte[1 + random.nextInt(100)];
            random.nextBytes(more);
            return joined(good, more);
        }
    },
    /// A digit of a number in a text is another, or there are more of them.
    DIGITS {
        @Override
        byte[] of(byte[] good, Random random) {
            List<Integer> digits = new ArrayList<>();
            for (int i = 0; i < good.length; i++) {
                if (good[i] >= '0' && good[i] <= '9') {
                    digits.add(i);
                }
            }
            if (digits.isEmpty()) {
                return HUGE.of(good, random);
            }
            int at = digits.get(random.nextInt(digits.size()));
            String more = random.nextBoolean() ? "-1" : "9".repeat(1 + random.nextInt(20));
            return joined(
                    Arrays.copyOf(good, at),
                    more.getBytes(java.nio.charset.StandardCharsets.US_ASCII),
                    Arrays.copyOfRange(good, at + 1, good.length));
        }
    };

    private static final byte[][] EXTREMES = {
        {-1},
        {-1, -1},
        {0x7f, -1},
        {-1, 0x7f},
        {-1, -1, -1, -1},
        {0x7f, -1, -1, -1},
        {-1, -1, -1, 0x7f},
        {0x7f, 0, 0, 0},
        {0, 0, 0, 0x7f},
        {0, 1, 0, 0},
        {0, 0, 1, 0},
        {0, 0, 0, 0},
        {(byte) 0x80, 0, 0, 0},
        {0, 0, 0, (byte) 0x80},
        {-1, -1, -1, -1, -1, -1, -1, 0x7f},
        {0, 0, 0, 0, 1, 0, 0, 0}
    };

    abstract byte[] of(byte[] good, Random random);

    /// Mostly near the beginning, where the structure is.
    private static int place(byte[] good, Random random) {
        int n = random.nextInt(3) > 0 ? Math.min(good.length, 200) : good.length;
        return random.nextInt(n);
    }

    private static byte[] joined(byte[]... parts) {
        byte[] out = new byte[Arrays.stream(parts).mapToInt(p -> p.length).sum()];
        int at = 0;
        for (byte[] p : parts) {
            System.arraycopy(p, 0, out, at, p.length);
            at += p.length;
        }
        return out;
    }
}
