package dev.nacre.cpu.loops;

import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.loop.Lowering;
import dev.nacre.compile.loop.Lowering.Sink;
import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.cpu.WeakCache;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.function.IntPredicate;

/// Turns programs into code. Equal programs share one class for as long as a plan needs it.
final class LoopCompiler {
    private static final ClassDesc THIS = ClassDesc.of("dev.nacre.cpu.loops.Generated");
    private static final ClassDesc TILE = Tile.class.describeConstable().orElseThrow();
    private static final MethodTypeDesc RUN = MethodTypeDesc.ofDescriptor("(J)V");

    /// What code is made of.
    enum Mode {
        /// Bytecode, one element at a time.
        SCALAR,
        /// Bytecode that calls the Vector API.
        VECTOR,
        /// Machine code.
        MACHINE
    }

    /// A program's code.
    ///
    /// @param layout the scratch memory that it needs
    /// @param cost a measure of the work at one point: operations and bytes
    record Compiled(Tile tile, Layout layout, int cost) {}

    private record Key(Program program, Mode mode) {}

    private static final WeakCache<Key, Compiled> CACHE = new WeakCache<>();

    private LoopCompiler() {}

    /// The best that this machine and its settings allow.
    static Mode mode() {
        return VectorSupport.isMachineCode()
                ? Mode.MACHINE
                : VectorSupport.isApi() ? Mode.VECTOR : Mode.SCALAR;
    }

    static Compiled compile(Program program, Mode mode) {
        return CACHE.get(new Key(program, mode), k -> define(k.program, k.mode));
    }

    private static Compiled define(Program program, Mode mode) {
        var sinks = Lowering.of(program);
        var form = VectorForm.of(VectorSupport.bits(), widest(sinks));
        var schedule = schedule(program, sinks, form, mode);
        if (mode == Mode.MACHINE)
            return new Compiled(
                    MachineTile.of(schedule, program.views(), form),
                    Layout.of(schedule, form),
                    cost(sinks));
        var bytes =
                ClassFile.of()
                        .build(
                                THIS,
                                type -> {
                                    type.withInterfaceSymbols(TILE);
                                    type.withFlags(
                                            ClassFile.ACC_FINAL
                                                    | ClassFile.ACC_SUPER
                                                    | ClassFile.ACC_SYNTHETIC);
                                    type.withMethodBody(
                                            ConstantDescs.INIT_NAME,
                                            ConstantDescs.MTD_void,
                                            0,
                                            code ->
                                                    code.aload(0)
                                                            .invokespecial(
                                                                    ConstantDescs.CD_Object,
                                                                    ConstantDescs.INIT_NAME,
                                                                    ConstantDescs.MTD_void)
                                                            .return_());
                                    writeRun(type, schedule.steps().size());
                                    writeSteps(type, schedule, program.views(), form);
                                });
        return new Compiled(instance(bytes), Layout.of(schedule, form), cost(sinks));
    }

    private static void writeRun(ClassBuilder type, int steps) {
        type.withMethodBody(
                "run",
                RUN,
                ClassFile.ACC_PUBLIC,
                code -> {
                    for (int i = 0; i < steps; i++)
                        code.lload(1).invokestatic(THIS, "step" + i, RUN);
                    code.return_();
                });
    }

    private static void writeSteps(
            ClassBuilder type, Schedule schedule, List<Access> accesses, VectorForm form) {
        int folds = 0;
        for (int i = 0; i < schedule.steps().size(); i++) {
            int number = i;
            int firstFold = folds;
            type.withMethodBody(
                    "step" + i,
                    RUN,
                    ClassFile.ACC_STATIC,
                    code ->
                            new StepWriter(code, schedule, number, firstFold, accesses, form)
                                    .write());
            folds += schedule.steps().get(i).folds().size();
        }
    }

    private static Schedule schedule(
            Program program, List<Sink> sinks, VectorForm form, Mode mode) {
        if (mode == Mode.SCALAR) return Schedule.scalar(sinks);
        if (mode == Mode.MACHINE) return Schedule.machine(sinks);
        IntPredicate strided = view -> program.views().get(view) == Access.STRIDED;
        return Schedule.vector(
                sinks,
                v ->
                        v.prim == Prim.LOAD
                                ? !strided.test(((Value.Place) v.detail).view())
                                : form.supports(v),
                strided);
    }

    private static Tile instance(byte[] bytes) {
        try {
            var lookup = MethodHandles.lookup().defineHiddenClass(bytes, true);
            return (Tile)
                    lookup.findConstructor(lookup.lookupClass(), MethodType.methodType(void.class))
                            .invoke();
        } catch (Error | RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new LinkageError("generated code", e);
        }
    }

    /// Bytes of the widest type that points are computed in.
    private static int widest(List<Sink> sinks) {
        int widest = 1;
        for (var v : points(sinks)) {
            widest = Math.max(widest, v.type.bytes());
            for (var arg : v.args) widest = Math.max(widest, arg.type.bytes());
        }
        for (var sink : sinks)
            if (sink.point()) widest = Math.max(widest, sink.value().type.bytes());
        return widest;
    }

    private static int cost(List<Sink> sinks) {
        int cost = 0;
        for (var v : points(sinks))
            cost +=
                    switch (v.prim) {
                        case LOAD -> ((Value.Place) v.detail).memory().bytes();
                        case CALL1, CALL2 -> 100;
                        default -> 1;
                    };
        for (var sink : sinks) if (sink.point()) cost += sink.memory().bytes();
        return Math.max(1, cost);
    }

    private static List<Value> points(List<Sink> sinks) {
        var seen = new HashSet<Value>();
        var points = new ArrayList<Value>();
        var stack = new ArrayList<Value>();
        for (var sink : sinks) stack.add(sink.value());
        while (!stack.isEmpty()) {
            var v = stack.removeLast();
            if (!seen.add(v)) continue;
            if (v.isPoint()) points.add(v);
            stack.addAll(v.args);
        }
        return points;
    }

    /// Whether the program folds along rows.
    static boolean folds(Program program) {
        return program.code().stream().anyMatch(i -> i instanceof Instr.RowFold);
    }
}
