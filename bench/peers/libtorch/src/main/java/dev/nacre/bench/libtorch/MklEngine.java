package dev.nacre.bench.libtorch;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Data;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Workload;
import java.io.IOException;
import java.util.Optional;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.ShortPointer;
import org.bytedeco.mkl.global.mkl_rt;

/// MKL's products called directly.
public final class MklEngine {
    private MklEngine() {}

    public static void main(String[] args) throws IOException {
        Server.serve("MKL 2025.3", c -> open(c));
    }

    private static Optional<Workload> open(Case c) {
        return c.kind() == Case.Kind.PRODUCT
                ? Optional.of(new Product(c.bf16(), c.size()))
                : Optional.empty();
    }

    private static final class Product implements Workload {
        private static final int ROW = mkl_rt.CblasRowMajor;
        private static final int NO = mkl_rt.CblasNoTrans;

        private final boolean bf16;
        private final int n;
        private final FloatPointer a;
        private final FloatPointer b;
        private final FloatPointer c;
        private final ShortPointer lowA;
        private final ShortPointer lowB;

        Product(boolean bf16, int n) {
            this.bf16 = bf16;
            this.n = n;
            a = floats(1);
            b = floats(2);
            c = floats(3);
            lowA = rounded(1);
            lowB = rounded(2);
        }

        private FloatPointer floats(long stream) {
            FloatPointer p = new FloatPointer((long) n * n);
            p.put(Data.normal(stream, n * n));
            return p;
        }

        private ShortPointer rounded(long stream) {
            float[] values = Data.normal(stream, n * n);
            short[] out = new short[values.length];
            for (int i = 0; i < out.length; i++) {
                int bits = Float.floatToRawIntBits(values[i]);
                out[i] = (short) ((bits + 0x7FFF + (bits >>> 16 & 1)) >>> 16);
            }
            ShortPointer p = new ShortPointer(out.length);
            p.put(out);
            return p;
        }

        @Override
        public void step() {
            if (bf16) {
                mkl_rt.cblas_gemm_bf16bf16f32(ROW, NO, NO, n, n, n, 1, lowA, n, lowB, n, 0, c, n);
            } else {
                mkl_rt.cblas_sgemm(ROW, NO, NO, n, n, n, 1, a, n, b, n, 0, c, n);
            }
        }

        @Override
        public double[] check() {
            step();
            float[] out = new float[n * n];
            c.get(out);
            return Digest.of(out);
        }
    }
}
