package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Kernel.Epilogue;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Binary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A product or convolution in two parts, where what computes it cannot do all of its epilogue.
///
/// @param kernel the first of it
/// @param loop does the rest to its result in place
record Parts(Kernel.Product kernel, Loop loop) {
    /// For what knows of no addend.
    static Optional<Parts> withoutAddend(Kernel.Product p) {
        Epilogue e = p.epilogue();
        return e.addend()
                .map(v ->
                        new Parts(
                                p.with(new Epilogue(e.bias(), Optional.empty())),
                                loop(v, e, p.out())));
    }

    private static Loop loop(View addend, Epilogue e, View out) {
        DType t = out.dtype().arithmetic();
        List<Instr> code = new ArrayList<>();
        code.add(new Instr.Load(0, out.dtype()));
        code.add(new Instr.Convert(t, 0));
        code.add(new Instr.Load(1, out.dtype()));
        code.add(new Instr.Convert(t, 2));
        code.add(new Instr.Apply2(Binary.ADD, t, 1, 3));
        e.activation().ifPresent(a -> code.add(new Instr.Apply1(a.function(), t, code.size() - 1)));
        code.add(new Instr.Convert(out.dtype(), code.size() - 1));
        code.add(new Instr.Store(2, out.dtype(), code.size() - 1));
        Program program = new Program(code, List.of());
        List<View> views = List.of(out, addend, out);
        return new Loop(program, List.of(new Loop.Instance(out.sizes(), views))).withAccesses();
    }
}
