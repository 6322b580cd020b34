package dev.nacre.nn.data;

import dev.nacre.nn.data.Jpeg.Broken;
import dev.nacre.nn.data.Jpeg.Component;
import java.util.List;

/// The entropy-coded part of one scan of a JPEG picture (ITU-T T.81, annexes F and G).
final class JpegScan {
    /// Where the coefficients, which are stored by rising frequency, belong in a block.
    static final int[] ZIGZAG = {
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27,
        20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
        58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63
    };

    /// A Huffman code.
    static final class Code {
        private static final int FAST = 9;

        private final short[] fast = new short[1 << FAST]; // length and value of short codes
        private final int[] limit = new int[18]; // first code, of 16 bits, that is longer
        private final int[] offset = new int[17];
        private final byte[] values;

        /// @param counts how many codes there are of each length from 1 to 16
        Code(int[] counts, byte[] values) throws Broken {
            this.values = values;
            int code = 0;
            int k = 0;
            for (int length = 1; length <= 16; length++) {
                offset[length] = k - code;
                for (int i = 0; i < counts[length - 1]; i++, code++, k++) {
                    if (length <= FAST && code < 1 << length) {
                        int from = code << (FAST - length);
                        short entry = (short) (length << 8 | values[k] & 0xFF);
                        java.util.Arrays.fill(fast, from, from + (1 << (FAST - length)), entry);
                    }
                }
                if (code > 1 << length) {
                    throw new Broken("a Huffman code has more words than fit");
                }
                limit[length] = code << (16 - length);
                code <<= 1;
            }
            limit[17] = Integer.MAX_VALUE;
        }
    }

    /// @param first number of the first coefficient in zigzag order
    /// @param last number of the last one
    /// @param high bits known before, 0 in a first scan
    /// @param low bits left for later scans
    record Band(int first, int last, int high, int low) {}

    private final byte[] data;
    private final List<Component> components;
    private final Band band;
    private final Budget.Tally tally;
    private int at;
    private int bits; // the next ones, at the lower end
    private int there; // how many of them
    private int invented; // how many zeros were put behind the end of the data
    private int endOfBand; // blocks still to come that have no more coefficients
    private final int[] block = new int[64];

    JpegScan(byte[] data, int at, List<Component> components, Band band, Budget.Tally tally) {
        this.data = data;
        this.at = at;
        this.components = components;
        this.band = band;
        this.tally = tally;
    }

    /// Decodes all blocks.
    ///
    /// @param columns units in a row of the picture
    /// @param rows of units
    /// @param restart after how many units the coder starts anew; 0 for never
    /// @return where the data end
    int decode(int columns, int rows, int restart, boolean progressive) throws Broken {
        boolean single = components.size() == 1;
        Component only = components.getFirst();
        int across = single ? Math.ceilDiv(only.width, 8) : columns;
        int down = single ? Math.ceilDiv(only.height, 8) : rows;
        int left = restart;
        int number = 0;
        for (int y = 0; y < down; y++) {
            tally.checkTime();
            for (int x = 0; x < across; x++) {
                if (restart > 0 && left-- == 0) {
                    restart(number++);
                    left = restart - 1;
                }
                if (single) {
                    block(only, x, y, progressive);
                } else {
                    unit(x, y, progressive);
                }
                if (there < invented) {
                    throw new Broken("it is cut short");
                }
            }
        }
        return at;
    }

    private void unit(int x, int y, boolean progressive) throws Broken {
        for (Component c : components) {
            for (int v = 0; v < c.vertical; v++) {
                for (int h = 0; h < c.horizontal; h++) {
                    block(c, x * c.horizontal + h, y * c.vertical + v, progressive);
                }
            }
        }
    }

    private void restart(int number) throws Broken {
        bits = 0;
        there = 0;
        invented = 0;
        endOfBand = 0;
        components.forEach(c -> c.last = 0);
        if (at + 1 >= data.length
                || data[at] != (byte) 0xFF
                || (data[at + 1] & 0xFF) != 0xD0 + number % 8) {
            throw new Broken("a restart marker is missing");
        }
        at += 2;
    }

    private void block(Component c, int x, int y, boolean progressive) throws Broken {
        if (!progressive) {
            baseline(c);
            for (int i = 0; i < 64; i++) {
                block[i] *= c.steps[i];
            }
            Cosines.inverse(block, c.samples, (y * c.stride + x) * 8, c.stride);
            return;
        }
        int from = (y * (c.stride / 8) + x) * 64;
        if (band.first == 0) {
            if (band.high == 0) {
                c.coefficients[from] = (short) (direct(c) << band.low);
            } else if (bit() != 0) {
                c.coefficients[from] |= (short) (1 << band.low);
            }
        } else if (band.high == 0) {
            firstOfBand(c, from);
        } else {
            refined(c, from);
        }
    }

    private int direct(Component c) throws Broken {
        int size = symbol(c.direct);
        if (size > 15) {
            throw new Broken("a coefficient is too large");
        }
        c.last = (short) (c.last + number(size));
        return c.last;
    }

    private void baseline(Component c) throws Broken {
        java.util.Arrays.fill(block, 0);
        block[0] = direct(c);
        for (int k = 1; k < 64; k++) {
            int s = symbol(c.alternating);
            int size = s & 15;
            if (size == 0) {
                if (s != 0xF0) {
                    return;
                }
                k += 15;
            } else {
                k += s >> 4;
                if (k > 63) {
                    throw new Broken("a block has more than 64 coefficients");
                }
                block[ZIGZAG[k]] = number(size);
            }
        }
    }

    private void firstOfBand(Component c, int from) throws Broken {
        if (endOfBand > 0) {
            endOfBand--;
            return;
        }
        for (int k = band.first; k <= band.last; k++) {
            int s = symbol(c.alternating);
            int run = s >> 4;
            int size = s & 15;
            if (size == 0 && run < 15) {
                endOfBand = (1 << run) - 1 + (run > 0 ? take(run) : 0);
                return;
            }
            k += run;
            if (size != 0) {
                if (k > band.last) {
                    throw new Broken("a block has more than 64 coefficients");
                }
                c.coefficients[from + ZIGZAG[k]] = (short) (number(size) << band.low);
            }
        }
    }

    private void refined(Component c, int from) throws Broken {
        int k = band.first;
        if (endOfBand == 0) {
            for (; k <= band.last; k++) {
                int s = symbol(c.alternating);
                int run = s >> 4;
                int size = s & 15;
                short fresh = 0;
                if (size == 0 && run < 15) {
                    endOfBand = (1 << run) + (run > 0 ? take(run) : 0);
                    break;
                }
                if (size > 1) {
                    throw new Broken("a refinement has more than one bit");
                }
                if (size == 1) {
                    fresh = (short) (bit() != 0 ? 1 << band.low : -1 << band.low);
                }
                k = skipZeros(c, from, k, run);
                if (fresh != 0) {
                    if (k > band.last) {
                        throw new Broken("a block has more than 64 coefficients");
                    }
                    c.coefficients[from + ZIGZAG[k]] = fresh;
                }
            }
        }
        if (endOfBand > 0) {
            skipZeros(c, from, k, 64);
            endOfBand--;
        }
    }

    /// Refines the coefficients that are not zero until so many that are have been passed; the place of the next zero.
    private int skipZeros(Component c, int from, int first, int zeros) {
        int left = zeros;
        int k = first;
        for (; k <= band.last; k++) {
            int place = from + ZIGZAG[k];
            short v = c.coefficients[place];
            if (v == 0) {
                if (left-- == 0) {
                    break;
                }
            } else if (bit() != 0 && (v & 1 << band.low) == 0) {
                c.coefficients[place] += (short) (v > 0 ? 1 << band.low : -1 << band.low);
            }
        }
        return k;
    }

    private int symbol(Code code) throws Broken {
        fill();
        int next = bits >>> (there - 16) & 0xFFFF;
        int entry = code.fast[next >> (16 - Code.FAST)];
        if (entry != 0) {
            there -= entry >> 8;
            return entry & 0xFF;
        }
        int length = 1;
        while (next >= code.limit[length]) {
            length++;
        }
        int k = length > 16 ? -1 : (next >> (16 - length)) + code.offset[length];
        if (k < 0 || k >= code.values.length) {
            throw new Broken("a Huffman code word is unknown");
        }
        there -= length;
        return code.values[k] & 0xFF;
    }

    /// A signed number of so many bits.
    private int number(int size) {
        if (size == 0) {
            return 0;
        }
        int v = take(size);
        return v < 1 << (size - 1) ? v - (1 << size) + 1 : v;
    }

    private int bit() {
        return take(1);
    }

    private int take(int size) {
        fill();
        there -= size;
        return bits >>> there & (1 << size) - 1;
    }

    /// Makes at least 16 bits ready: behind a marker and the end of the file they are zeros.
    private void fill() {
        while (there <= 16) {
            int b = 0;
            if (at < data.length && (data[at] != (byte) 0xFF || isStuffed())) {
                b = data[at] & 0xFF;
                at += b == 0xFF ? 2 : 1;
            } else {
                invented += 8;
            }
            bits = bits << 8 | b;
            there += 8;
        }
    }

    private boolean isStuffed() {
        return at + 1 < data.length && data[at + 1] == 0;
    }
}
