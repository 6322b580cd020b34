package dev.nacre.cpu.loops;

import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// A fused loop over one block of memory after the other: its views stay what they are, where they lie is said before each run. Not thread-safe.
public final class BlockLoop {
    private final LoopRunner runner;
    private final LoopRunner.Run run;
    private final long[] addresses;

    private BlockLoop(LoopRunner runner, int views) {
        this.runner = runner;
        this.run = runner.newRun();
        this.addresses = new long[views];
    }

    /// The same for another thread.
    public BlockLoop another() {
        return new BlockLoop(runner, addresses.length);
    }

    /// Says where a view begins.
    public BlockLoop at(int view, long address) {
        addresses[view] = address;
        return this;
    }

    public void run() {
        run.run(addresses);
    }

    /// Writes the program of a loop. Views and values are numbered in the order in which they are made.
    public static final class Builder {
        private final long[] extents;
        private final List<Instr> code = new ArrayList<>();
        private final List<View> views = new ArrayList<>();

        public Builder(long... extents) {
            this.extents = extents;
        }

        public BlockLoop build() {
            var accesses = Collections.nCopies(views.size(), Program.Access.UNIFORM); // found anew
            var instance = new Loop.Instance(extents, List.copyOf(views));
            var loop = new Loop(new Program(List.copyOf(code), accesses), List.of(instance));
            return new BlockLoop(LoopRunner.of(loop), views.size());
        }

        private int view(DType type, long[] strides) {
            views.add(new View(views.size(), type, 0, extents, strides));
            return views.size() - 1;
        }

        private int add(Instr instr) {
            code.add(instr);
            return code.size() - 1;
        }

        /// An element in its arithmetic type.
        public int load(DType type, long... strides) {
            int x = add(new Instr.Load(view(type, strides), type));
            return type == DType.BOOL || type.arithmetic() == type
                    ? x
                    : add(new Instr.Convert(type.arithmetic(), x));
        }

        /// The value in another arithmetic type.
        public int convert(int value, DType type) {
            return typeOf(value) == type ? value : add(new Instr.Convert(type, value));
        }

        public void store(int value, DType type, long... strides) {
            add(new Instr.Store(view(type, strides), type, convert(value, type)));
        }

        public int number(double value) {
            return add(new Instr.Literal(DType.F32, Double.doubleToRawLongBits(value)));
        }

        public int apply(Unary f, int x) {
            return add(new Instr.Apply1(f, typeOf(x), x));
        }

        public int apply(Binary f, int a, int b) {
            return add(new Instr.Apply2(f, typeOf(a), a, b));
        }

        public int choose(int condition, int a, int b) {
            return add(new Instr.Choose(typeOf(a), condition, a, b));
        }

        public int fold(Reduction kind, int x) {
            return add(new Instr.RowFold(kind, typeOf(x), x));
        }

        private DType typeOf(int value) {
            return code.get(value).dtype();
        }
    }
}
