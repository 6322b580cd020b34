package dev.nacre.cpu.loops;

import static dev.nacre.cpu.loops.MachineValues.FIRST;
import static dev.nacre.cpu.loops.MachineValues.FOURTH;
import static dev.nacre.cpu.loops.MachineValues.LANES;
import static dev.nacre.cpu.loops.MachineValues.MASK;
import static dev.nacre.cpu.loops.MachineValues.MASK_TOO;
import static dev.nacre.cpu.loops.MachineValues.RESULT;
import static dev.nacre.cpu.loops.MachineValues.SECOND;
import static dev.nacre.cpu.loops.MachineValues.isWide;
import static dev.nacre.cpu.loops.MachineValues.kind;
import static dev.nacre.cpu.loops.MachineValues.pick;
import static dev.nacre.cpu.x86.Assembler.R10;
import static dev.nacre.cpu.x86.Assembler.R11;

import dev.nacre.cpu.loops.MachineStep.Folding;
import dev.nacre.cpu.loops.Registers.Kind;
import dev.nacre.cpu.x86.Assembler.General;
import dev.nacre.cpu.x86.Assembler.Mask;
import dev.nacre.cpu.x86.Instruction;
import dev.nacre.cpu.x86.Operand;
import dev.nacre.cpu.x86.Operand.Constant;
import dev.nacre.cpu.x86.Operand.Register;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;

/// Writes the machine code that combines values: two by the kind of a reduction, and those along a row into its total.
final class MachineFolds {
    private static final int UNORDERED = 3;

    private final MachineStep step;
    private final VectorForm form;
    private final MachineValues values;

    MachineFolds(MachineStep step, MachineValues values) {
        this.step = step;
        this.form = step.form;
        this.values = values;
    }

    static Instruction sum(DType t) {
        return t.isFloating()
                ? pick(t, Instruction.ADDPS, Instruction.ADDPD)
                : pick(t, Instruction.PADDD, Instruction.PADDQ);
    }

    static Instruction product(DType t) {
        return t.isFloating()
                ? pick(t, Instruction.MULPS, Instruction.MULPD)
                : pick(t, Instruction.PMULLD, Instruction.PMULLQ);
    }

    static Instruction extreme(DType type, boolean max) {
        return max
                ? pick(type, Instruction.PMAXSD, Instruction.PMAXSQ)
                : pick(type, Instruction.PMINSD, Instruction.PMINSQ);
    }

    /// Leaves the greater or lesser of two floats in [#FOURTH]: NaN wins, and −0 is less than 0.
    void extreme(DType t, int n, int first, Operand last, boolean max) {
        step.code.vector(
                pick(t, Instruction.CMPPS, Instruction.CMPPD), n, MASK_TOO, first, last, UNORDERED);
        step.code.vector(
                pick(t, Instruction.RANGEPS, Instruction.RANGEPD),
                n,
                FOURTH,
                first,
                last,
                max ? 5 : 4);
        step.code.vector(
                pick(t, Instruction.ADDPS, Instruction.ADDPD),
                n,
                FOURTH,
                first,
                last,
                MASK_TOO,
                false);
    }

    static Mask logical(Reduction kind) {
        return kind == Reduction.SUM || kind == Reduction.MAX ? Mask.OR : Mask.AND;
    }

    /// `dst = a op b`; where `masked`, only in lanes that exist, and `dst` must be `a`.
    void combine(Reduction kind, DType t, int n, int dst, int a, Operand b, boolean masked) {
        int mask = masked ? LANES : 0;
        boolean real = t.isFloating();
        switch (kind) {
            case SUM -> step.code.vector(sum(t), n, dst, a, b, mask, false);
            case PROD -> step.code.vector(product(t), n, dst, a, b, mask, false);
            case MAX, MIN -> {
                if (!real) {
                    step.code.vector(extreme(t, kind == Reduction.MAX), n, dst, a, b, mask, false);
                    return;
                }
                extreme(t, n, a, b, kind == Reduction.MAX);
                step.code.vector(
                        Instruction.MOVAPS,
                        masked ? n : 64,
                        dst,
                        0,
                        new Register(FOURTH),
                        0,
                        false);
            }
        }
    }

    private static long neutral(Folding f, DType type) {
        return switch (type) {
            case F32 -> Float.floatToRawIntBits((float) f.kind().identity());
            case F64 -> Double.doubleToRawLongBits(f.kind().identity());
            default -> f.kind().identity(type);
        };
    }

    private void neutral(Object key, DType type, long bits) {
        int dst = values.define(key, kind(type));
        if (type == DType.BOOL) {
            step.code.moveNumber(R11, bits == 0 ? 0 : -1);
            step.code.maskFromGeneral(dst, R11);
        } else
            step.code.vector(
                    pick(type, Instruction.BROADCASTD, Instruction.BROADCASTQ),
                    64,
                    dst,
                    new Constant(values.constant(type, bits).number(), false));
        values.keep(key, kind(type));
    }

    void neutralTotal(Folding f) {
        neutral(f.fold(), f.fold().type, neutral(f, f.fold().type));
    }

    void neutralAccumulators(Folding f) {
        var type = f.operand().type;
        for (var a : f.accumulators()) neutral(a, type, neutral(f, type));
    }

    /// Combines the present points into an accumulator.
    void accumulate(Folding f, int number) {
        var key = f.accumulators().get(number);
        var type = f.operand().type;
        if (type == DType.BOOL) {
            accumulateMask(f, key);
            return;
        }
        var src = values.read(f.operand());
        int into = values.register(values.read(key), type, RESULT);
        if (step.isTail() && type.isFloating() && isExtreme(f.kind())) {
            extreme(type, values.bytes(type), into, src, f.kind() == Reduction.MAX);
            step.code.vector(
                    pick(type, Instruction.PBLENDMD, Instruction.PBLENDMQ),
                    values.bytes(type),
                    into,
                    into,
                    new Register(FOURTH),
                    LANES,
                    false);
        } else combine(f.kind(), type, values.bytes(type), into, into, src, step.isTail());
        values.keep(key, Kind.VECTOR);
    }

    /// Lanes that do not exist change nothing.
    private void accumulateMask(Folding f, Object key) {
        var op = logical(f.kind());
        int src = values.mask(f.operand(), MASK);
        if (step.isTail() && op == Mask.OR) {
            step.code.mask(Mask.AND, MASK, src, LANES);
            src = MASK;
        } else if (step.isTail()) {
            step.code.maskNot(MASK_TOO, LANES);
            step.code.mask(Mask.OR, MASK, src, MASK_TOO);
            src = MASK;
        }
        step.code.mask(op, MASK, values.mask(values.read(key), MASK_TOO), src);
        changed(key);
    }

    private static boolean isExtreme(Reduction kind) {
        return kind == Reduction.MAX || kind == Reduction.MIN;
    }

    /// Puts the mask in [#MASK] in the place of an accumulator.
    private void changed(Object key) {
        int r = step.registers.register(key);
        if (r >= 0) step.code.maskLoad(r, new Register(MASK));
        else values.keep(key, Kind.MASK);
    }

    /// Combines the accumulators with one another, the upper half with the lower, then their lanes likewise, and adds that to the total.
    void addBlock(Folding f) {
        var type = f.operand().type;
        if (type == DType.BOOL) {
            addMasks(f);
            return;
        }
        var keys = f.accumulators();
        for (int half = keys.size() / 2; half > 0; half /= 2)
            for (int u = 0; u < half; u++) {
                var other = values.read(keys.get(u + half));
                int into = values.register(values.read(keys.get(u)), type, RESULT);
                combine(f.kind(), type, values.bytes(type), into, into, other, false);
                values.keep(keys.get(u), Kind.VECTOR);
            }
        int acc = values.register(values.read(keys.getFirst()), type, RESULT);
        values.move(FIRST, acc);
        foldLanes(f.kind(), type);
        if (f.fold().type != type) {
            step.code.vector(Instruction.CVTPS2PD, 64, FIRST, new Register(FIRST));
            type = f.fold().type;
        }
        step.code.vector(
                pick(type, Instruction.BROADCASTD, Instruction.BROADCASTQ),
                64,
                FIRST,
                new Register(FIRST));
        int total = values.register(values.read(f.fold()), type, RESULT);
        combine(f.kind(), type, 64, total, total, new Register(FIRST), false);
        values.keep(f.fold(), Kind.VECTOR);
    }

    /// Leaves in the first lane of [#FIRST] all its lanes combined.
    private void foldLanes(Reduction kind, DType type) {
        int n = form.lanes() * type.bytes();
        if (n == 64) {
            step.code.vector(Instruction.EXTRACT256, 64, FIRST, 0, new Register(SECOND), 1);
            combine(kind, type, 32, FIRST, FIRST, new Register(SECOND), false);
        }
        if (n >= 32) {
            step.code.vector(Instruction.EXTRACT128, 32, FIRST, 0, new Register(SECOND), 1);
            combine(kind, type, 16, FIRST, FIRST, new Register(SECOND), false);
        }
        step.code.vector(Instruction.UNPCKHPD, 16, SECOND, FIRST, new Register(FIRST));
        combine(kind, type, 16, FIRST, FIRST, new Register(SECOND), false);
        if (isWide(type)) return;
        step.code.vector(Instruction.MOVSHDUP, 16, SECOND, new Register(FIRST));
        combine(kind, type, 16, FIRST, FIRST, new Register(SECOND), false);
    }

    private void addMasks(Folding f) {
        var op = logical(f.kind());
        var keys = f.accumulators();
        step.code.maskLoad(MASK, new Register(values.mask(values.read(keys.getFirst()), MASK)));
        for (var key : keys.subList(1, keys.size()))
            step.code.mask(op, MASK, MASK, values.mask(values.read(key), MASK_TOO));
        // LANES may be that of the row's rest by now
        step.code.generalFromMask(R11, MASK);
        long full = form.lanes() == 64 ? -1 : (1L << form.lanes()) - 1;
        step.code.moveNumber(R10, full);
        step.code.general(General.AND, R11, new Register(R10));
        if (op == Mask.AND) step.code.general(General.SUB, R11, new Register(R10));
        // any: −1 if R11 is not 0; all: −1 if it is
        step.code.negate(R11);
        step.code.general(General.SBB, R11, new Register(R11));
        step.code.maskFromGeneral(MASK, R11);
        if (op == Mask.AND) step.code.maskNot(MASK, MASK);
        int total = values.mask(values.read(f.fold()), MASK_TOO);
        step.code.mask(op, MASK, MASK, total);
        changed(f.fold());
    }
}
