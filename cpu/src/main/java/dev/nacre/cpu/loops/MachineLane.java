package dev.nacre.cpu.loops;

import static dev.nacre.cpu.loops.MachineFolds.product;
import static dev.nacre.cpu.loops.MachineFolds.sum;
import static dev.nacre.cpu.loops.MachineValues.FIRST;
import static dev.nacre.cpu.loops.MachineValues.FOURTH;
import static dev.nacre.cpu.loops.MachineValues.MASK;
import static dev.nacre.cpu.loops.MachineValues.MASK_TOO;
import static dev.nacre.cpu.loops.MachineValues.THIRD;
import static dev.nacre.cpu.loops.MachineValues.isWide;
import static dev.nacre.cpu.loops.MachineValues.pick;
import static dev.nacre.cpu.x86.Assembler.R11;
import static dev.nacre.cpu.x86.Assembler.RSI;

import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.cpu.x86.Assembler.Mask;
import dev.nacre.cpu.x86.Instruction;
import dev.nacre.cpu.x86.Operand;
import dev.nacre.cpu.x86.Operand.Constant;
import dev.nacre.cpu.x86.Operand.Register;
import dev.nacre.type.DType;

/// Writes the machine code of single operations on values, which are where [MachineValues] says.
final class MachineLane {
    // Predicates of CMPPS, and what PCMPD makes of the same.
    private static final int EQUAL = 0;
    private static final int LESS = 1;
    private static final int LESS_EQUAL = 2;
    private static final int UNORDERED = 3;
    private static final int NOT_EQUAL = 4;

    private final MachineStep step;
    private final MachineValues values;
    private final MachineMemory memory;
    private final MachineFolds folds;
    private final MachineCalls calls;

    MachineLane(
            MachineStep step,
            MachineValues values,
            MachineMemory memory,
            MachineFolds folds,
            MachineCalls calls) {
        this.step = step;
        this.values = values;
        this.memory = memory;
        this.folds = folds;
        this.calls = calls;
    }

    /// Computes a value.
    void compute(Value v) {
        if (values.isAlias(v) || v.isConstant()) return;
        switch (v.prim) {
            case LOAD -> memory.load(v);
            case RAMP -> memory.ramp(v);
            case LENGTH -> {
                int dst = values.define(v);
                step.code.vector(Instruction.BROADCASTRQ, 64, dst, new Register(RSI));
                values.keep(v);
            }
            case EQ, NE, LT, LE, GT, GE -> compare(v);
            case FMA -> fma(v);
            case SELECT -> select(v);
            case CAST -> cast(v);
            case CALL1, CALL2 -> calls.call(v);
            case PATCH1, PATCH2 -> calls.patch(v);
            default -> {
                if (v.type == DType.BOOL) logic(v);
                else arithmetic(v);
            }
        }
    }

    private void arithmetic(Value v) {
        var t = v.type;
        boolean real = t.isFloating();
        switch (v.prim) {
            case ADD -> binary(v, sum(t), true);
            case SUB ->
                    binary(
                            v,
                            real
                                    ? pick(t, Instruction.SUBPS, Instruction.SUBPD)
                                    : pick(t, Instruction.PSUBD, Instruction.PSUBQ),
                            false);
            case MUL -> binary(v, product(t), true);
            case DIV -> binary(v, pick(t, Instruction.DIVPS, Instruction.DIVPD), false);
            case MIN, MAX -> extreme(v);
            case LESSER -> binary(v, pick(t, Instruction.MINPS, Instruction.MINPD), false);
            case GREATER -> binary(v, pick(t, Instruction.MAXPS, Instruction.MAXPD), false);
            case AND -> binary(v, pick(t, Instruction.PANDD, Instruction.PANDQ), true);
            case OR -> binary(v, pick(t, Instruction.PORD, Instruction.PORQ), true);
            case XOR -> binary(v, pick(t, Instruction.PXORD, Instruction.PXORQ), true);
            case SHL -> binary(v, pick(t, Instruction.PSLLVD, Instruction.PSLLVQ), false);
            case SHR -> binary(v, pick(t, Instruction.PSRAVD, Instruction.PSRAVQ), false);
            case USHR -> binary(v, pick(t, Instruction.PSRLVD, Instruction.PSRLVQ), false);
            case NOT -> withConstant(v, pick(t, Instruction.PXORD, Instruction.PXORQ), -1);
            case NEG -> {
                if (real) withConstant(v, pick(t, Instruction.PXORD, Instruction.PXORQ), sign(t));
                else negate(v);
            }
            case ABS -> {
                if (real) withConstant(v, pick(t, Instruction.PANDD, Instruction.PANDQ), ~sign(t));
                else unary(v, pick(t, Instruction.PABSD, Instruction.PABSQ));
            }
            case SQRT -> unary(v, pick(t, Instruction.SQRTPS, Instruction.SQRTPD));
            default -> throw new IllegalStateException(v.toString());
        }
    }

    private static long sign(DType type) {
        return isWide(type) ? Long.MIN_VALUE : Integer.MIN_VALUE;
    }

    private void unary(Value v, Instruction i) {
        var a = v.args.getFirst();
        var from = values.read(a);
        step.code.vector(i, values.bytes(v), values.define(v, a), from);
        values.keep(v);
    }

    private void withConstant(Value v, Instruction i, long bits) {
        var a = v.args.getFirst();
        int from = values.register(values.read(a), v.type, FIRST);
        step.code.vector(
                i, values.bytes(v), values.define(v, a), from, values.constant(v.type, bits));
        values.keep(v);
    }

    private void negate(Value v) {
        var a = v.args.getFirst();
        var from = values.read(a);
        step.code.vector(Instruction.PXORD, 64, FIRST, FIRST, new Register(FIRST));
        step.code.vector(
                pick(v.type, Instruction.PSUBD, Instruction.PSUBQ),
                values.bytes(v),
                values.define(v, a),
                FIRST,
                from);
        values.keep(v);
    }

    private void binary(Value v, Instruction i, boolean commutes) {
        var a = v.args.get(0);
        var b = v.args.get(1);
        var first = values.read(a);
        var last = values.read(b);
        if (commutes && !(first instanceof Register) && last instanceof Register) {
            var other = first;
            first = last;
            last = other;
        }
        int register = values.register(first, v.type, FIRST);
        step.code.vector(i, values.bytes(v), values.define(v, a, b), register, last);
        values.keep(v);
    }

    /// The three forms of the instruction differ in which operand the result replaces.
    private void fma(Value v) {
        var args = v.args;
        var a = values.read(args.get(0));
        var b = values.read(args.get(1));
        var c = values.read(args.get(2));
        int dst = values.define(v, args.get(2), args.get(0), args.get(1));
        var t = v.type;
        var f132 = pick(t, Instruction.FMADD132PS, Instruction.FMADD132PD);
        var f213 = pick(t, Instruction.FMADD213PS, Instruction.FMADD213PD);
        var f231 = pick(t, Instruction.FMADD231PS, Instruction.FMADD231PD);
        if (!(a instanceof Register) && b instanceof Register) {
            var other = a;
            a = b;
            b = other;
        }
        int n = values.bytes(v);
        if (isAt(c, dst)) step.code.vector(f231, n, dst, values.register(a, t, FIRST), b);
        else {
            if (isAt(b, dst)) {
                var other = a;
                a = b;
                b = other;
            }
            if (!isAt(a, dst)) values.move(dst, values.register(a, t, dst));
            if (b instanceof Register r) step.code.vector(f213, n, dst, r.number(), c);
            else step.code.vector(f132, n, dst, values.register(c, t, FIRST), b);
        }
        values.keep(v);
    }

    private static boolean isAt(Operand operand, int register) {
        return operand instanceof Register r && r.number() == register;
    }

    private void select(Value v) {
        var yes = values.read(v.args.get(1));
        int no = values.register(values.read(v.args.get(2)), v.type, FIRST);
        int mask = values.mask(v.args.get(0), MASK);
        int dst = values.define(v, v.args.get(2), v.args.get(1));
        var blend = pick(v.type, Instruction.PBLENDMD, Instruction.PBLENDMQ);
        step.code.vector(blend, values.bytes(v), dst, no, yes, mask, false);
        values.keep(v);
    }

    private void extreme(Value v) {
        var a = v.args.get(0);
        var b = v.args.get(1);
        if (!v.type.isFloating()) {
            binary(v, MachineFolds.extreme(v.type, v.prim == Prim.MAX), true);
            return;
        }
        int first = values.register(values.read(a), v.type, FIRST);
        var last = values.read(b);
        folds.extreme(v.type, values.bytes(v), first, last, v.prim == Prim.MAX);
        values.move(values.define(v, a, b), FOURTH);
        values.keep(v);
    }

    private void compare(Value v) {
        var a = v.args.get(0);
        var b = v.args.get(1);
        var t = a.type;
        // a > b is b < a
        boolean turned = v.prim == Prim.GT || v.prim == Prim.GE;
        int predicate =
                switch (v.prim) {
                    case EQ -> EQUAL;
                    case NE -> NOT_EQUAL;
                    case LT, GT -> LESS;
                    default -> LESS_EQUAL;
                };
        int first = values.register(values.read(turned ? b : a), t, FIRST);
        var last = values.read(turned ? a : b);
        int n = a.isPoint() || b.isPoint() ? values.bytes(t) : 64;
        int dst = values.define(v);
        var compare =
                t.isFloating()
                        ? pick(t, Instruction.CMPPS, Instruction.CMPPD)
                        : pick(t, Instruction.PCMPD, Instruction.PCMPQ);
        step.code.vector(compare, n, dst, first, last, predicate);
        if (!v.isPoint()) {
            step.code.generalFromMask(R11, dst);
            values.spread(dst);
        }
        values.keep(v);
    }

    private void logic(Value v) {
        int a = values.mask(v.args.getFirst(), MASK);
        if (v.prim == Prim.NOT) step.code.maskNot(values.define(v), a);
        else {
            int b = values.mask(v.args.get(1), MASK_TOO);
            var op =
                    switch (v.prim) {
                        case AND -> Mask.AND;
                        case OR -> Mask.OR;
                        case XOR -> Mask.XOR;
                        default -> throw new IllegalStateException(v.toString());
                    };
            step.code.mask(op, values.define(v), a, b);
        }
        values.keep(v);
    }

    private void cast(Value v) {
        var a = v.args.getFirst();
        var from = a.type;
        var to = v.type;
        var source = values.read(a);
        int n = v.isPoint() ? Math.max(values.bytes(from), values.bytes(to)) : 64;
        if (from.isFloating() && !to.isFloating()) {
            truncate(v, values.register(source, from, FIRST), n);
            return;
        }
        if (source instanceof Constant) source = new Register(values.register(source, from, FIRST));
        if (from == DType.I64 && to == DType.I32) {
            int register = values.register(source, from, FIRST);
            int dst = values.define(v, a);
            step.code.vector(Instruction.PMOVQD, n, register, new Register(dst));
            if (!v.isPoint()) values.splat(dst);
        } else {
            int dst = values.define(v, a);
            step.code.vector(conversion(from, to), n, dst, source);
            if (!v.isPoint() && isWide(from) && !isWide(to)) values.splat(dst);
        }
        values.keep(v);
    }

    private static Instruction conversion(DType from, DType to) {
        return switch (from) {
            case I32 ->
                    to == DType.I64
                            ? Instruction.PMOVSXDQ
                            : pick(to, Instruction.CVTDQ2PS, Instruction.CVTDQ2PD);
            case I64 -> pick(to, Instruction.CVTQQ2PS, Instruction.CVTQQ2PD);
            default -> pick(to, Instruction.CVTPD2PS, Instruction.CVTPS2PD);
        };
    }

    /// To an integer as Java does: what is beyond the range becomes its end, NaN becomes 0.
    private void truncate(Value v, int source, int n) {
        var from = v.args.getFirst().type;
        var to = v.type;
        int result = THIRD;
        var i =
                from == DType.F32
                        ? pick(to, Instruction.CVTTPS2DQ, Instruction.CVTTPS2QQ)
                        : pick(to, Instruction.CVTTPD2DQ, Instruction.CVTTPD2QQ);
        step.code.vector(i, n, result, new Register(source));
        int m = v.isPoint() ? values.bytes(from) : 64;
        double limit = isWide(to) ? 0x1p63 : 0x1p31;
        long bits =
                from == DType.F32
                        ? Float.floatToRawIntBits((float) limit)
                        : Double.doubleToRawLongBits(limit);
        var compare = pick(from, Instruction.CMPPS, Instruction.CMPPD);
        int size = v.isPoint() ? values.bytes(to) : 64;
        var blend = pick(to, Instruction.PBLENDMD, Instruction.PBLENDMQ);
        long most = isWide(to) ? Long.MAX_VALUE : Integer.MAX_VALUE;
        // limit ≤ x, and x ≠ x
        step.code.vector(compare, m, MASK_TOO, source, values.constant(from, bits), 13);
        step.code.vector(blend, size, result, result, values.constant(to, most), MASK_TOO, false);
        step.code.vector(compare, m, MASK_TOO, source, new Register(source), UNORDERED);
        step.code.vector(blend, size, result, result, values.constant(to, 0), MASK_TOO, false);
        int dst = values.define(v);
        values.move(dst, result);
        if (!v.isPoint() && isWide(from) && !isWide(to)) values.splat(dst);
        values.keep(v);
    }
}
