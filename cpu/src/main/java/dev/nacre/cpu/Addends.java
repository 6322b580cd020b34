package dev.nacre.cpu;

import dev.nacre.compile.Kernel;
import dev.nacre.compile.Kernel.Activation;
import dev.nacre.compile.Kernel.Epilogue;
import dev.nacre.compile.Loop;
import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.View;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Products and convolutions with an addend, for kernels that know of none: the same without it, and a loop over the result that adds it.
///
/// @param kernel ends with the bias
/// @param loop adds to its result in place
record Addends(Kernel kernel, Loop loop) {
    /// The kernel in two, if it has an addend.
    static Optional<Addends> of(Kernel kernel) {
        return switch (kernel) {
            case Kernel.Contraction c when c.epilogue().addend().isPresent() ->
                    Optional.of(
                            new Addends(
                                    new Kernel.Contraction(
                                            c.a(), c.b(), bias(c.epilogue()), c.out()),
                                    loop(c.epilogue(), c.out())));
            case Kernel.Convolution c when c.epilogue().addend().isPresent() ->
                    Optional.of(
                            new Addends(
                                    new Kernel.Convolution(
                                            c.op(), c.a(), c.b(), bias(c.epilogue()), c.out()),
                                    loop(c.epilogue(), c.out())));
            default -> Optional.empty();
        };
    }

    private static Epilogue bias(Epilogue e) {
        return new Epilogue(e.bias(), Optional.empty());
    }

    private static Loop loop(Epilogue e, View out) {
        DType t = out.dtype().arithmetic();
        List<Instr> code = new ArrayList<>();
        code.add(new Instr.Load(0, out.dtype()));
        code.add(new Instr.Convert(t, 0));
        code.add(new Instr.Load(1, out.dtype()));
        code.add(new Instr.Convert(t, 2));
        code.add(new Instr.Apply2(Binary.ADD, t, 1, 3));
        e.activation().ifPresent(a -> code.add(new Instr.Apply1(function(a), t, code.size() - 1)));
        code.add(new Instr.Convert(out.dtype(), code.size() - 1));
        code.add(new Instr.Store(2, out.dtype(), code.size() - 1));
        Program program = new Program(code, List.of());
        List<View> views = List.of(out, e.addend().orElseThrow(), out);
        return new Loop(program, List.of(new Loop.Instance(out.sizes(), views))).withAccesses();
    }

    private static Unary function(Activation a) {
        return switch (a) {
            case RELU -> Unary.RELU;
            case SIGMOID -> Unary.SIGMOID;
            case TANH -> Unary.TANH;
        };
    }
}
