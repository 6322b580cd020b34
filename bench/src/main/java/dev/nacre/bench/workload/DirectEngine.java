package dev.nacre.bench.workload;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Workload;
import dev.nacre.cpu.Team;
import dev.nacre.cpu.onednn.Call;
import dev.nacre.cpu.onednn.DataType;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.Slot;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/// The machine's limits: oneDNN called directly, and copies by all threads, without Nacre's engine.
public final class DirectEngine {
    private DirectEngine() {}

    public static void main(String[] args) throws IOException {
        String version = OneDnn.get().map(OneDnn::version).orElse("none");
        Server.serve("oneDNN " + version, c -> open(c));
    }

    private static Optional<Workload> open(Case c) {
        if (c.kind() == Case.Kind.COPY) {
            return Optional.of(new Copied((long) c.bytes() / 2));
        }
        return OneDnn.get().map(d -> new Multiplied(d, c.bf16(), c.size()));
    }

    private static MemorySegment room(long bytes) {
        return Arena.global().allocate(bytes, 64);
    }

    private static final class Multiplied implements Workload {
        private final boolean bf16;
        private final int n;
        private final Call call;
        private MemorySegment result;

        Multiplied(OneDnn library, boolean bf16, int n) {
            this.bf16 = bf16;
            this.n = n;
            MemoryDesc d = MemoryDesc.dense(bf16 ? DataType.BF16 : DataType.F32, n, n);
            call = library.primitive(MatMul.of(d, d, d)).call();
            for (int i = 0; i < call.primitive().slots().size(); i++) {
                Slot s = call.primitive().slots().get(i);
                MemorySegment memory = room(Math.max(64, s.desc().bytes()));
                fill(s, memory);
                call.set(i, memory.address());
            }
        }

        private void fill(Slot s, MemorySegment memory) {
            switch (s.role()) {
                case SRC -> put(memory, Data.normal(1, n * n));
                case WEIGHTS -> put(memory, Data.normal(2, n * n));
                case DST -> result = memory;
                default -> {}
            }
        }

        private void put(MemorySegment to, float[] values) {
            for (int i = 0; i < values.length; i++) {
                if (bf16) {
                    int bits = Float.floatToRawIntBits(values[i]);
                    short rounded = (short) ((bits + 0x7FFF + (bits >>> 16 & 1)) >>> 16);
                    to.setAtIndex(ValueLayout.JAVA_SHORT, i, rounded);
                } else {
                    to.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
                }
            }
        }

        @Override
        public void step() {
            call.run();
        }

        @Override
        public double[] check() {
            call.run();
            float[] out = new float[n * n];
            for (int i = 0; i < out.length; i++) {
                out[i] =
                        bf16
                                ? Float.intBitsToFloat(
                                        result.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16)
                                : result.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            }
            return Digest.of(out);
        }
    }

    private record Copied(MemorySegment from, MemorySegment to) implements Workload {
        private static final int PARTS = 64;

        Copied(long bytes) {
            this(room(bytes), room(bytes));
            from.fill((byte) 1);
            to.fill((byte) 2);
        }

        @Override
        public void step() {
            long part = from.byteSize() / PARTS;
            Team.get().run(PARTS, p -> MemorySegment.copy(from, p * part, to, p * part, part));
        }

        @Override
        public double[] check() throws Unchecked {
            throw new Unchecked("bytes, not numbers");
        }
    }
}
