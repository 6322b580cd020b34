package dev.nacre.cpu.loops;

import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;

/// One element at a time, in plain Java: f32 as `float`, bool as `int` 0 or 1. Values of the tile and of the row are always
/// held this way.
final class ScalarLane extends Lane {
    private static final ClassDesc MATH = ClassDesc.of("java.lang.Math");
    private static final ClassDesc UNARY = ClassDesc.of("dev.nacre.ir.Unary");
    private static final ClassDesc BINARY = ClassDesc.of("dev.nacre.ir.Binary");

    ScalarLane(StepWriter writer) {
        super(writer);
    }

    @Override
    TypeKind local(DType type) {
        return TypeKind.from(scalar(type));
    }

    @Override
    void push(Value v) {
        if (v.isConstant()) constant(v.type, (long) v.detail);
        else super.push(v);
    }

    void constant(DType type, long bits) {
        switch (type) {
            case F32 -> code.loadConstant(Float.intBitsToFloat((int) bits));
            case F64 -> code.loadConstant(Double.longBitsToDouble(bits));
            case I64 -> code.loadConstant(bits);
            default -> code.loadConstant((int) bits);
        }
    }

    @Override
    void load(DType memory, Runnable address) {
        address.run();
        callStatic(MEMORY, accessor(memory), carrier(memory), ConstantDescs.CD_long);
        switch (memory) {
            case U8 -> code.loadConstant(255).iand();
            case BF16, F16 -> code.loadConstant(0xFFFF).iand();
            case BOOL -> nonZero();
            default -> {}
        }
    }

    @Override
    void store(DType memory, Runnable address, Runnable value) {
        address.run();
        value.run();
        switch (memory) {
            case BOOL, U8, I8 -> code.i2b();
            case BF16, F16 -> code.i2s();
            default -> {}
        }
        callStatic(
                MEMORY,
                accessor(memory),
                ConstantDescs.CD_void,
                ConstantDescs.CD_long,
                carrier(memory));
    }

    private static String accessor(DType memory) {
        return switch (memory) {
            case BOOL, U8, I8 -> "i8";
            case BF16, F16 -> "i16";
            case I32 -> "i32";
            case I64 -> "i64";
            case F32 -> "f32";
            case F64 -> "f64";
        };
    }

    private static ClassDesc carrier(DType memory) {
        return switch (memory) {
            case BOOL, U8, I8 -> ConstantDescs.CD_byte;
            case BF16, F16 -> ConstantDescs.CD_short;
            default -> scalar(memory);
        };
    }

    @Override
    void operation(Value v) {
        var type = v.type;
        switch (v.prim) {
            case CONSTANT -> push(v);
            case RAMP -> {
                writer.pushRamp(v);
                if (type == DType.I32) code.l2i();
            }
            case LENGTH -> writer.pushLength();
            case SELECT ->
                    choose(v.args.get(0), () -> push(v.args.get(1)), () -> push(v.args.get(2)));
            case NOT -> {
                pushOperands(v);
                if (type == DType.BOOL) code.loadConstant(1).ixor();
                else {
                    constant(type, -1);
                    simple(Prim.XOR, type);
                }
            }
            case SHL, SHR, USHR -> {
                pushOperands(v);
                if (type == DType.I64) code.l2i();
                simple(v.prim, type);
            }
            case EQ, NE, LT, LE, GT, GE -> compare(v);
            case LESSER, GREATER -> {
                pushOperands(v);
                boolean less = v.prim == Prim.LESSER;
                Opcode compare =
                        type == DType.F64
                                ? less ? Opcode.DCMPG : Opcode.DCMPL
                                : less ? Opcode.FCMPG : Opcode.FCMPL;
                code.with(java.lang.classfile.instruction.OperatorInstruction.of(compare));
                Label first = code.newLabel();
                Label end = code.newLabel();
                code.branch(less ? Opcode.IFLT : Opcode.IFGT, first);
                push(v.args.get(1));
                code.goto_(end).labelBinding(first);
                push(v.args.get(0));
                code.labelBinding(end);
            }
            case CALL1 -> {
                pushEnum((Enum<?>) v.detail);
                pushOperands(v);
                callStatic(CALLS, "call", scalar(type), UNARY, scalar(type));
            }
            case CALL2 -> {
                pushEnum((Enum<?>) v.detail);
                pushOperands(v);
                callStatic(CALLS, "call", scalar(type), BINARY, scalar(type), scalar(type));
            }
            case PATCH1 ->
                    choose(
                            v.args.get(2),
                            () -> {
                                pushEnum((Enum<?>) v.detail);
                                push(v.args.get(0));
                                callStatic(CALLS, "call", scalar(type), UNARY, scalar(type));
                            },
                            () -> push(v.args.get(1)));
            case PATCH2 ->
                    choose(
                            v.args.get(3),
                            () -> {
                                pushEnum((Enum<?>) v.detail);
                                push(v.args.get(0));
                                push(v.args.get(1));
                                callStatic(
                                        CALLS,
                                        "call",
                                        scalar(type),
                                        BINARY,
                                        scalar(type),
                                        scalar(type));
                            },
                            () -> push(v.args.get(2)));
            case BITS -> {
                pushOperands(v);
                bits(type);
            }
            case CAST -> {
                pushOperands(v);
                cast(v.operandType(), type);
            }
            default -> {
                pushOperands(v);
                simple(v.prim, type);
            }
        }
    }

    @Override
    void combine(Reduction kind, DType type) {
        if (type == DType.BOOL)
            switch (kind) {
                case SUM, MAX -> code.ior();
                case PROD, MIN -> code.iand();
            }
        else
            simple(
                    switch (kind) {
                        case SUM -> Prim.ADD;
                        case PROD -> Prim.MUL;
                        case MAX -> Prim.MAX;
                        case MIN -> Prim.MIN;
                    },
                    type);
    }

    /// An operation whose operands are on the stack.
    private void simple(Prim prim, DType type) {
        var kind = local(type);
        var t = scalar(type);
        switch (prim) {
            case ADD -> arithmetic(kind, Opcode.IADD, Opcode.LADD, Opcode.FADD, Opcode.DADD);
            case SUB -> arithmetic(kind, Opcode.ISUB, Opcode.LSUB, Opcode.FSUB, Opcode.DSUB);
            case MUL -> arithmetic(kind, Opcode.IMUL, Opcode.LMUL, Opcode.FMUL, Opcode.DMUL);
            case DIV -> arithmetic(kind, Opcode.IDIV, Opcode.LDIV, Opcode.FDIV, Opcode.DDIV);
            case NEG -> arithmetic(kind, Opcode.INEG, Opcode.LNEG, Opcode.FNEG, Opcode.DNEG);
            case AND -> arithmetic(kind, Opcode.IAND, Opcode.LAND, Opcode.IAND, Opcode.LAND);
            case OR -> arithmetic(kind, Opcode.IOR, Opcode.LOR, Opcode.IOR, Opcode.LOR);
            case XOR -> arithmetic(kind, Opcode.IXOR, Opcode.LXOR, Opcode.IXOR, Opcode.LXOR);
            case SHL -> arithmetic(kind, Opcode.ISHL, Opcode.LSHL, Opcode.ISHL, Opcode.LSHL);
            case SHR -> arithmetic(kind, Opcode.ISHR, Opcode.LSHR, Opcode.ISHR, Opcode.LSHR);
            case USHR -> arithmetic(kind, Opcode.IUSHR, Opcode.LUSHR, Opcode.IUSHR, Opcode.LUSHR);
            case FMA -> callStatic(MATH, "fma", t, t, t, t);
            case MIN -> callStatic(MATH, "min", t, t, t);
            case MAX -> callStatic(MATH, "max", t, t, t);
            case ABS -> callStatic(MATH, "abs", t, t);
            case SQRT -> {
                if (type == DType.F32) code.f2d();
                callStatic(MATH, "sqrt", ConstantDescs.CD_double, ConstantDescs.CD_double);
                if (type == DType.F32) code.d2f(); // rounding twice gives the f32 root
            }
            default -> throw new IllegalStateException(prim + " on " + type);
        }
    }

    private void arithmetic(TypeKind kind, Opcode i, Opcode l, Opcode f, Opcode d) {
        code.with(
                java.lang.classfile.instruction.OperatorInstruction.of(
                        switch (kind) {
                            case FLOAT -> f;
                            case DOUBLE -> d;
                            case LONG -> l;
                            default -> i;
                        }));
    }

    private void bits(DType to) {
        switch (to) {
            case I32 ->
                    callStatic(
                            ClassDesc.of("java.lang.Float"),
                            "floatToRawIntBits",
                            ConstantDescs.CD_int,
                            ConstantDescs.CD_float);
            case F32 ->
                    callStatic(
                            ClassDesc.of("java.lang.Float"),
                            "intBitsToFloat",
                            ConstantDescs.CD_float,
                            ConstantDescs.CD_int);
            case I64 ->
                    callStatic(
                            ClassDesc.of("java.lang.Double"),
                            "doubleToRawLongBits",
                            ConstantDescs.CD_long,
                            ConstantDescs.CD_double);
            default ->
                    callStatic(
                            ClassDesc.of("java.lang.Double"),
                            "longBitsToDouble",
                            ConstantDescs.CD_double,
                            ConstantDescs.CD_long);
        }
    }

    private void cast(DType from, DType to) {
        code.conversion(local(from), local(to));
    }

    private void compare(Value v) {
        pushOperands(v);
        // A comparison with NaN is false, but for ≠.
        var greater = v.prim == Prim.LT || v.prim == Prim.LE;
        Opcode ordered =
                switch (v.operandType()) {
                    case F32 -> greater ? Opcode.FCMPG : Opcode.FCMPL;
                    case F64 -> greater ? Opcode.DCMPG : Opcode.DCMPL;
                    case I64 -> Opcode.LCMP;
                    default -> Opcode.NOP;
                };
        var direct = ordered == Opcode.NOP;
        if (!direct) code.with(java.lang.classfile.instruction.OperatorInstruction.of(ordered));
        Opcode jump =
                switch (v.prim) {
                    case EQ -> direct ? Opcode.IF_ICMPEQ : Opcode.IFEQ;
                    case NE -> direct ? Opcode.IF_ICMPNE : Opcode.IFNE;
                    case LT -> direct ? Opcode.IF_ICMPLT : Opcode.IFLT;
                    case LE -> direct ? Opcode.IF_ICMPLE : Opcode.IFLE;
                    case GT -> direct ? Opcode.IF_ICMPGT : Opcode.IFGT;
                    default -> direct ? Opcode.IF_ICMPGE : Opcode.IFGE;
                };
        truth(jump);
    }

    /// Turns the int on the stack into 0 or 1.
    void nonZero() {
        truth(Opcode.IFNE);
    }

    private void truth(Opcode jump) {
        Label yes = code.newLabel();
        Label end = code.newLabel();
        code.branch(jump, yes).iconst_0().goto_(end).labelBinding(yes).iconst_1().labelBinding(end);
    }

    private void choose(Value condition, Runnable yes, Runnable no) {
        Label otherwise = code.newLabel();
        Label end = code.newLabel();
        push(condition);
        code.ifeq(otherwise);
        yes.run();
        code.goto_(end).labelBinding(otherwise);
        no.run();
        code.labelBinding(end);
    }
}
