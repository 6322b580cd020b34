package dev.nacre.cpu.loops;

import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Writes a loop for a test: extents first, then one call per instruction. Views of buffers are by strides, or dense.
final class LoopOf {
    private final long[] extents;
    private final List<Instr> code = new ArrayList<>();
    private final List<View> views = new ArrayList<>();

    LoopOf(long... extents) {
        this.extents = extents;
    }

    private int add(Instr instr) {
        code.add(instr);
        return code.size() - 1;
    }

    private int view(int buffer, DType dtype, long offset, long... strides) {
        views.add(new View(buffer, dtype, offset, extents, strides));
        return views.size() - 1;
    }

    /// Row-major strides, 0 along the given axes.
    long[] dense(int... without) {
        var strides = new long[extents.length];
        long step = 1;
        for (int a = extents.length - 1; a >= 0; a--) {
            boolean skip = false;
            for (int w : without) skip |= w == a;
            if (skip) continue;
            strides[a] = step;
            step *= extents[a];
        }
        return strides;
    }

    int load(int buffer, DType dtype) {
        return load(buffer, dtype, 0, dense());
    }

    int load(int buffer, DType dtype, long offset, long... strides) {
        return add(new Instr.Load(view(buffer, dtype, offset, strides), dtype));
    }

    int ramp(DType dtype, long offset, long... strides) {
        return add(new Instr.Ramp(view(0, dtype, offset, strides), dtype));
    }

    int literal(DType dtype, double value) {
        return add(
                new Instr.Literal(
                        dtype,
                        dtype.isFloating() ? Double.doubleToRawLongBits(value) : (long) value));
    }

    int f32(double value) {
        return literal(DType.F32, value);
    }

    int apply(Unary f, int a) {
        return add(new Instr.Apply1(f, code.get(a).dtype(), a));
    }

    int apply(Binary f, int a, int b) {
        return add(new Instr.Apply2(f, code.get(a).dtype(), a, b));
    }

    int choose(int condition, int a, int b) {
        return add(new Instr.Choose(code.get(a).dtype(), condition, a, b));
    }

    int convert(DType to, int a) {
        return add(new Instr.Convert(to, a));
    }

    int fold(Reduction kind, int a) {
        return add(new Instr.RowFold(kind, code.get(a).dtype(), a));
    }

    LoopOf store(int buffer, int a) {
        return store(buffer, a, 0, dense());
    }

    LoopOf store(int buffer, int a, long offset, long... strides) {
        var dtype = code.get(a).dtype();
        add(new Instr.Store(view(buffer, dtype, offset, strides), dtype, a));
        return this;
    }

    LoopOf accumulate(Reduction kind, int buffer, int a, long... strides) {
        var dtype = code.get(a).dtype();
        add(new Instr.Accumulate(kind, view(buffer, dtype, 0, strides), dtype, a));
        return this;
    }

    LoopOf pipe(Consumer<LoopOf> body) {
        body.accept(this);
        return this;
    }

    Loop loop() {
        return new Loop(program(), List.of(new Loop.Instance(extents, views)));
    }

    Program program() {
        var accesses = new ArrayList<Access>();
        for (var view : views) accesses.add(access(view.strides()));
        return new Program(List.copyOf(code), accesses);
    }

    private static Access access(long[] strides) {
        long inner = strides[strides.length - 1];
        if (inner != 0) return inner == 1 ? Access.UNIT : Access.STRIDED;
        for (long stride : strides) if (stride != 0) return Access.ROW;
        return Access.UNIFORM;
    }
}
