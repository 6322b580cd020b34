package dev.nacre.bench;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.cpu.onednn.Call;
import dev.nacre.cpu.onednn.DataType;
import dev.nacre.cpu.onednn.MatMul;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.cpu.onednn.OneDnn;
import dev.nacre.cpu.onednn.Slot;
import dev.nacre.type.DType;
import java.lang.foreign.Arena;
import java.util.Locale;

/// Square matrix products through the engine against oneDNN called directly.
final class Products {
    private Products() {}

    static void run() {
        for (DType t : new DType[] {DType.F32, DType.BF16}) {
            for (long n : new long[] {256, 512, 1024, 2048}) {
                product(t, n);
            }
        }
    }

    private static void product(DType t, long n) {
        Rng rng = Rng.seed(0);
        Tensor a = rng.normal(n, n).cast(t).realize();
        Tensor b = rng.normal(n, n).cast(t).realize();
        Function f = Function.of((Tensor x, Tensor y) -> x.matmul(y));
        Call direct = direct(t == DType.F32 ? DataType.F32 : DataType.BF16, n);
        Timing[] time = Timing.inTurn(() -> f.apply(a, b), direct::run, 4, 0.5);
        double flop = 2.0 * n * n * n;
        System.out.printf(
                Locale.ROOT,
                "%s %4d  engine %6.0f GFLOP/s  oneDNN %6.0f GFLOP/s  ratio %.2f%n",
                t,
                n,
                flop / time[0].median(),
                flop / time[1].median(),
                time[1].median() / time[0].median());
    }

    private static Call direct(DataType t, long n) {
        MemoryDesc d = MemoryDesc.dense(t, n, n);
        Call call = OneDnn.get().orElseThrow().primitive(MatMul.of(d, d, d)).call();
        for (int i = 0; i < call.primitive().slots().size(); i++) {
            Slot s = call.primitive().slots().get(i);
            call.set(i, Arena.global().allocate(Math.max(64, s.desc().bytes()), 64).address());
        }
        return call;
    }
}
