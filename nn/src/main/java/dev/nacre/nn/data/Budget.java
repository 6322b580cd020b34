package dev.nacre.nn.data;

import dev.nacre.compile.Memory;
import dev.nacre.type.NacreException;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.function.Function;

/// How much memory and time the reading of one file may take. A file of a few bytes can say that it holds gigabytes, and one that is compressed can hold them: readers ask
/// their budget before they allocate, by the bytes that decoding needs, and while they unpack.
///
/// ```java
/// var image = Image.read(path);                                  // the usual budget
/// var poster = Image.read(path, Budget.of(2L << 30));            // up to 2 GiB
/// ```
///
/// @param bytes of Java's heap, for what is read and for decoding it together
/// @param time after which reading is given up
public record Budget(long bytes, Duration time) {
    private static final long USUAL_BYTES = 256L << 20;
    private static final Duration USUAL_TIME = Duration.ofSeconds(60);

    public Budget {
        if (bytes < 1 || time.isNegative() || time.isZero()) {
            throw new NacreException(
                    "budget: needs at least 1 byte and a positive time, but got "
                            + bytes
                            + " and "
                            + time);
        }
    }

    /// 256 MiB, or half of Java's heap if that is less; a minute.
    public static Budget usual() {
        return new Budget(
                Math.max(1, Math.min(USUAL_BYTES, Runtime.getRuntime().maxMemory() / 2)),
                USUAL_TIME);
    }

    /// So many bytes, and a minute.
    public static Budget of(long bytes) {
        return new Budget(bytes, USUAL_TIME);
    }

    /// The same memory, another time.
    public Budget time(Duration time) {
        return new Budget(bytes, time);
    }

    /// Begins to read a file.
    ///
    /// @param error makes the reader's exception of what is wrong with the file, such as `would take …`
    public Tally begin(Function<String, ? extends RuntimeException> error) {
        return new Tally(this, error);
    }

    /// What one reading has taken so far. For one thread.
    public static final class Tally {
        private final Budget budget;
        private final Function<String, ? extends RuntimeException> error;
        private final long end;
        private long taken;

        private Tally(Budget budget, Function<String, ? extends RuntimeException> error) {
            this.budget = budget;
            this.error = error;
            this.end = System.nanoTime() + nanos(budget.time);
        }

        private static long nanos(Duration time) {
            return time.compareTo(Duration.ofDays(10_000)) > 0
                    ? Long.MAX_VALUE / 2
                    : time.toNanos();
        }

        /// Asks for memory before it is allocated.
        ///
        /// @param what needs it, for the error: `10000×10000 pixels`
        public Tally claim(long bytes, String what) {
            if (bytes < 0 || bytes > budget.bytes - taken) {
                throw error.apply(
                        "would take "
                                + (bytes < 0 || bytes > Long.MAX_VALUE - taken
                                        ? "endless memory"
                                        : Memory.text(taken + bytes))
                                + " to read ("
                                + what
                                + "), more than its budget of "
                                + Memory.text(budget.bytes)
                                + "\n  hint: if it is to be trusted, read it with a larger Budget");
            }
            taken += bytes;
            return this;
        }

        /// Asks for memory for so many things of a size, each less than 2³¹; the product may be of any size.
        public Tally claim(String what, long size, long... counts) {
            long bytes = size;
            for (long n : counts) {
                bytes = n < 0 ? Long.MAX_VALUE : saturated(bytes, n);
            }
            return claim(bytes, what);
        }

        private static long saturated(long a, long b) {
            return a != 0 && b > Long.MAX_VALUE / a ? Long.MAX_VALUE : a * b;
        }

        /// Gives back what is not needed any more.
        public void release(long bytes) {
            taken -= bytes;
        }

        /// Throws if the time is over; to be called in loops whose length a file decides.
        public void checkTime() {
            if (System.nanoTime() - end > 0) {
                throw error.apply(
                        "takes longer to read than its budget of "
                                + budget.time.toMillis() / 1000.0
                                + " s");
            }
        }

        /// The same stream, each byte of which counts.
        ///
        /// @param cost memory that a byte takes in the end
        public InputStream counted(InputStream in, int cost, String what) {
            return new FilterInputStream(in) {
                @Override
                public int read() throws IOException {
                    int b = super.read();
                    count(b < 0 ? 0 : 1);
                    return b;
                }

                @Override
                public int read(byte[] to, int from, int length) throws IOException {
                    int n = super.read(to, from, length);
                    count(Math.max(0, n));
                    return n;
                }

                private void count(int n) {
                    claim((long) n * cost, what);
                    checkTime();
                }
            };
        }

        /// All that a stream holds, counted twice: while it is read, it lies in pieces and as a whole.
        public byte[] readAll(InputStream in, String what) throws IOException {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            counted(in, 3, what).transferTo(out);
            release(2L * out.size());
            return out.toByteArray();
        }
    }
}
