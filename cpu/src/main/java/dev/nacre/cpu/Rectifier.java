package dev.nacre.cpu;

import dev.nacre.cpu.loops.BlockLoop;
import dev.nacre.cpu.onednn.DataType;
import dev.nacre.cpu.onednn.MemoryDesc;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.LongConsumer;

/// ReLU of the pieces of a result, in place, in loops of our own: oneDNN takes the larger of a number and 0, of which NaN is neither.
final class Rectifier implements Function<MemoryDesc, LongConsumer> {
    private final Map<MemoryDesc, BlockLoop> loops = new HashMap<>();

    @Override
    public LongConsumer apply(MemoryDesc piece) {
        BlockLoop loop = loops.computeIfAbsent(piece, Rectifier::loop).another();
        return at -> loop.at(0, at).at(1, at).run();
    }

    private static BlockLoop loop(MemoryDesc piece) {
        DType type = piece.type() == DataType.F32 ? DType.F32 : DType.BF16;
        long[] strides = piece.strides().orElseThrow();
        var b = new BlockLoop.Builder(piece.dims());
        b.store(b.apply(Unary.RELU, b.load(type, strides)), type, strides);
        return b.build();
    }
}
