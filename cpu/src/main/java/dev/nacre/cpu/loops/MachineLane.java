package dev.nacre.cpu.loops;

import static dev.nacre.cpu.x86.Assembler.R10;
import static dev.nacre.cpu.x86.Assembler.R11;
import static dev.nacre.cpu.x86.Assembler.RCX;
import static dev.nacre.cpu.x86.Assembler.RSI;

import dev.nacre.compile.Program.Access;
import dev.nacre.cpu.loops.Lowering.Sink;
import dev.nacre.cpu.loops.MachineStep.Folding;
import dev.nacre.cpu.loops.Registers.Kind;
import dev.nacre.cpu.loops.Value.Place;
import dev.nacre.cpu.x86.Assembler.Condition;
import dev.nacre.cpu.x86.Assembler.General;
import dev.nacre.cpu.x86.Assembler.Mask;
import dev.nacre.cpu.x86.Instruction;
import dev.nacre.cpu.x86.Operand;
import dev.nacre.cpu.x86.Operand.Constant;
import dev.nacre.cpu.x86.Operand.Lanes;
import dev.nacre.cpu.x86.Operand.Memory;
import dev.nacre.cpu.x86.Operand.Register;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Writes the machine code of single operations. A value of a point is a vector of as many lanes as the form has, or a mask if it is a bool. A value of the tile or of the row is a whole register
/// whose lanes are all equal, whatever its type, so that it can be the operand of any vector; as a mask it is all ones or zeros.
final class MachineLane {
    /// The mask of the lanes that exist.
    static final int LANES = 7;

    private static final int MASK = 6;
    private static final int MASK_TOO = 5;

    // Vectors that hold nothing for long: of a result without a register, and of operands.
    private static final int RESULT = 27;
    private static final int FIRST = 28;
    private static final int SECOND = 29;
    private static final int THIRD = 30;
    private static final int FOURTH = 31;

    // Predicates of CMPPS, and what PCMPD makes of the same.
    private static final int EQUAL = 0;
    private static final int LESS = 1;
    private static final int LESS_EQUAL = 2;
    private static final int UNORDERED = 3;
    private static final int NOT_EQUAL = 4;

    /// The key of a value in one copy of the body.
    private record Key(Value value, int copy) {}

    private final MachineStep step;
    private final VectorForm form;
    private final Registers registers;
    private final Set<Value> aliases;
    private final List<Runnable> rare = new ArrayList<>();

    MachineLane(MachineStep step, Set<Value> aliases) {
        this.step = step;
        this.form = step.form;
        this.registers = step.registers;
        this.aliases = aliases;
    }

    // ---------------------------------------------------------------------------------------
    // where values are

    private Object key(Value v) {
        while (aliases.contains(v)) v = v.args.getFirst();
        return v.isPoint() ? new Key(v, step.copy()) : v;
    }

    private Value origin(Value v) {
        while (aliases.contains(v)) v = v.args.getFirst();
        return v;
    }

    /// Bytes of a vector that holds this value.
    private int bytes(Value v) {
        return v.isPoint() ? bytes(v.type) : 64;
    }

    private int bytes(DType type) {
        return Math.max(16, form.lanes() * type.bytes());
    }

    private static boolean isWide(DType type) {
        return type.bytes() == 8;
    }

    private Operand read(Value v) {
        var origin = origin(v);
        return origin.isConstant() ? constant(origin) : read(key(v));
    }

    private Operand read(Object key) {
        registers.use(key);
        int r = registers.register(key);
        return r >= 0 ? new Register(r) : step.slot(key);
    }

    private Constant constant(Value v) {
        return new Constant(
                step.code.constant(element(v.type, (long) v.detail)), /* broadcast= */ true);
    }

    private Constant constant(DType type, long bits) {
        return new Constant(step.code.constant(element(type, bits)), true);
    }

    private static byte[] element(DType type, long bits) {
        var bytes = ByteBuffer.allocate(isWide(type) ? 8 : 4).order(ByteOrder.LITTLE_ENDIAN);
        if (isWide(type)) bytes.putLong(bits);
        else bytes.putInt((int) bits);
        return bytes.array();
    }

    /// The register of an operand, which is loaded to `spare` if it is elsewhere.
    private int register(Operand operand, DType type, int spare) {
        switch (operand) {
            case Register r -> {
                return r.number();
            }
            case Constant c ->
                    step.code.vector(
                            isWide(type) ? Instruction.BROADCASTQ : Instruction.BROADCASTD,
                            64,
                            spare,
                            new Constant(c.number(), false));
            default -> step.code.vector(Instruction.LOAD64, 64, spare, operand);
        }
        return spare;
    }

    /// Where a result goes: its register, or one from which [#keep] puts it in its place.
    private int define(Object key, Kind kind, Object... dying) {
        registers.define(key, kind, List.of(dying));
        return target(key, kind);
    }

    private int target(Object key, Kind kind) {
        int r = registers.register(key);
        return r >= 0 ? r : kind == Kind.VECTOR ? RESULT : MASK;
    }

    private int define(Value v, Value... dying) {
        var keys = new ArrayList<Object>();
        for (var d : dying) if (!origin(d).isConstant()) keys.add(key(d));
        return define(key(v), kind(v), keys.toArray());
    }

    private static Kind kind(Value v) {
        return v.type == DType.BOOL ? Kind.MASK : Kind.VECTOR;
    }

    private void keep(Object key, Kind kind) {
        if (registers.register(key) >= 0) return;
        if (kind == Kind.VECTOR) step.code.vector(Instruction.STORE64, 64, RESULT, step.slot(key));
        else step.code.maskStore(step.slot(key), MASK);
    }

    private void keep(Value v) {
        keep(key(v), kind(v));
    }

    private int mask(Value v, int spare) {
        if (v.isConstant()) {
            step.code.moveNumber(R11, (long) v.detail == 0 ? 0 : -1);
            step.code.maskFromGeneral(spare, R11);
            return spare;
        }
        return mask(read(key(v)), spare);
    }

    private int mask(Operand operand, int spare) {
        if (operand instanceof Register r) return r.number();
        step.code.maskLoad(spare, operand);
        return spare;
    }

    private static Instruction pick(DType type, Instruction narrow, Instruction wide) {
        return isWide(type) ? wide : narrow;
    }

    private void move(int dst, int src) {
        if (dst != src) step.code.vector(Instruction.MOVAPS, 64, dst, new Register(src));
    }

    // ------------------------------------------------------------------------------------------
    // operations

    /// Computes a value.
    void compute(Value v) {
        if (aliases.contains(v) || v.isConstant()) return;
        switch (v.prim) {
            case LOAD -> load(v);
            case RAMP -> ramp(v);
            case LENGTH -> {
                int dst = define(v);
                step.code.vector(Instruction.BROADCASTRQ, 64, dst, new Register(RSI));
                keep(v);
            }
            case EQ, NE, LT, LE, GT, GE -> compare(v);
            case FMA -> fma(v);
            case SELECT -> select(v);
            case CAST -> cast(v);
            case CALL1, CALL2 -> call(v);
            case PATCH1, PATCH2 -> patch(v);
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

    private static Instruction sum(DType t) {
        return t.isFloating()
                ? pick(t, Instruction.ADDPS, Instruction.ADDPD)
                : pick(t, Instruction.PADDD, Instruction.PADDQ);
    }

    private static Instruction product(DType t) {
        return t.isFloating()
                ? pick(t, Instruction.MULPS, Instruction.MULPD)
                : pick(t, Instruction.PMULLD, Instruction.PMULLQ);
    }

    private static long sign(DType type) {
        return isWide(type) ? Long.MIN_VALUE : Integer.MIN_VALUE;
    }

    private void unary(Value v, Instruction i) {
        var a = v.args.getFirst();
        var from = read(a);
        step.code.vector(i, bytes(v), define(v, a), from);
        keep(v);
    }

    private void withConstant(Value v, Instruction i, long bits) {
        var a = v.args.getFirst();
        int from = register(read(a), v.type, FIRST);
        step.code.vector(i, bytes(v), define(v, a), from, constant(v.type, bits));
        keep(v);
    }

    private void negate(Value v) {
        var a = v.args.getFirst();
        var from = read(a);
        step.code.vector(Instruction.PXORD, 64, FIRST, FIRST, new Register(FIRST));
        step.code.vector(
                pick(v.type, Instruction.PSUBD, Instruction.PSUBQ),
                bytes(v),
                define(v, a),
                FIRST,
                from);
        keep(v);
    }

    private void binary(Value v, Instruction i, boolean commutes) {
        var a = v.args.get(0);
        var b = v.args.get(1);
        var first = read(a);
        var last = read(b);
        if (commutes && !(first instanceof Register) && last instanceof Register) {
            var other = first;
            first = last;
            last = other;
        }
        int register = register(first, v.type, FIRST);
        step.code.vector(i, bytes(v), define(v, a, b), register, last);
        keep(v);
    }

    /// The three forms of the instruction differ in which operand the result replaces.
    private void fma(Value v) {
        var args = v.args;
        var a = read(args.get(0));
        var b = read(args.get(1));
        var c = read(args.get(2));
        int dst = define(v, args.get(2), args.get(0), args.get(1));
        var t = v.type;
        var f132 = pick(t, Instruction.FMADD132PS, Instruction.FMADD132PD);
        var f213 = pick(t, Instruction.FMADD213PS, Instruction.FMADD213PD);
        var f231 = pick(t, Instruction.FMADD231PS, Instruction.FMADD231PD);
        if (!(a instanceof Register) && b instanceof Register) {
            var other = a;
            a = b;
            b = other;
        }
        int n = bytes(v);
        if (isAt(c, dst)) step.code.vector(f231, n, dst, register(a, t, FIRST), b);
        else {
            if (isAt(b, dst)) {
                var other = a;
                a = b;
                b = other;
            }
            if (!isAt(a, dst)) move(dst, register(a, t, dst));
            if (b instanceof Register r) step.code.vector(f213, n, dst, r.number(), c);
            else step.code.vector(f132, n, dst, register(c, t, FIRST), b);
        }
        keep(v);
    }

    private static boolean isAt(Operand operand, int register) {
        return operand instanceof Register r && r.number() == register;
    }

    private void select(Value v) {
        var yes = read(v.args.get(1));
        int no = register(read(v.args.get(2)), v.type, FIRST);
        int mask = mask(v.args.get(0), MASK);
        int dst = define(v, v.args.get(2), v.args.get(1));
        var blend = pick(v.type, Instruction.PBLENDMD, Instruction.PBLENDMQ);
        step.code.vector(blend, bytes(v), dst, no, yes, mask, false);
        keep(v);
    }

    private void extreme(Value v) {
        var a = v.args.get(0);
        var b = v.args.get(1);
        if (!v.type.isFloating()) {
            binary(v, extreme(v.type, v.prim == Prim.MAX), true);
            return;
        }
        int first = register(read(a), v.type, FIRST);
        var last = read(b);
        extreme(v.type, bytes(v), first, last, v.prim == Prim.MAX);
        move(define(v, a, b), FOURTH);
        keep(v);
    }

    private static Instruction extreme(DType type, boolean max) {
        return max
                ? pick(type, Instruction.PMAXSD, Instruction.PMAXSQ)
                : pick(type, Instruction.PMINSD, Instruction.PMINSQ);
    }

    /// Leaves the greater or lesser of two floats in [#FOURTH]: NaN wins, and −0 is less than 0.
    private void extreme(DType t, int n, int first, Operand last, boolean max) {
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
        int first = register(read(turned ? b : a), t, FIRST);
        var last = read(turned ? a : b);
        int n = a.isPoint() || b.isPoint() ? bytes(t) : 64;
        int dst = define(v);
        var compare =
                t.isFloating()
                        ? pick(t, Instruction.CMPPS, Instruction.CMPPD)
                        : pick(t, Instruction.PCMPD, Instruction.PCMPQ);
        step.code.vector(compare, n, dst, first, last, predicate);
        if (!v.isPoint()) {
            step.code.generalFromMask(R11, dst);
            spread(dst);
        }
        keep(v);
    }

    /// Makes a mask of the lowest bit in R11.
    private void spread(int mask) {
        step.code.andNumber(R11, 1);
        step.code.negate(R11);
        step.code.maskFromGeneral(mask, R11);
    }

    private void logic(Value v) {
        int a = mask(v.args.getFirst(), MASK);
        if (v.prim == Prim.NOT) step.code.maskNot(define(v), a);
        else {
            int b = mask(v.args.get(1), MASK_TOO);
            var op =
                    switch (v.prim) {
                        case AND -> Mask.AND;
                        case OR -> Mask.OR;
                        case XOR -> Mask.XOR;
                        default -> throw new IllegalStateException(v.toString());
                    };
            step.code.mask(op, define(v), a, b);
        }
        keep(v);
    }

    // ---------------------------------------------------------------------------------------
    // casts

    private void cast(Value v) {
        var a = v.args.getFirst();
        var from = a.type;
        var to = v.type;
        var source = read(a);
        int n = v.isPoint() ? Math.max(bytes(from), bytes(to)) : 64;
        if (from.isFloating() && !to.isFloating()) {
            truncate(v, register(source, from, FIRST), n);
            return;
        }
        if (source instanceof Constant) source = new Register(register(source, from, FIRST));
        if (from == DType.I64 && to == DType.I32) {
            int register = register(source, from, FIRST);
            int dst = define(v, a);
            step.code.vector(Instruction.PMOVQD, n, register, new Register(dst));
            if (!v.isPoint()) splat(dst);
        } else {
            int dst = define(v, a);
            step.code.vector(conversion(from, to), n, dst, source);
            if (!v.isPoint() && isWide(from) && !isWide(to)) splat(dst);
        }
        keep(v);
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

    /// Makes all lanes the first one, of 4 bytes.
    private void splat(int register) {
        step.code.vector(Instruction.BROADCASTD, 64, register, new Register(register));
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
        int m = v.isPoint() ? bytes(from) : 64;
        double limit = isWide(to) ? 0x1p63 : 0x1p31;
        long bits =
                from == DType.F32
                        ? Float.floatToRawIntBits((float) limit)
                        : Double.doubleToRawLongBits(limit);
        var compare = pick(from, Instruction.CMPPS, Instruction.CMPPD);
        int size = v.isPoint() ? bytes(to) : 64;
        var blend = pick(to, Instruction.PBLENDMD, Instruction.PBLENDMQ);
        long most = isWide(to) ? Long.MAX_VALUE : Integer.MAX_VALUE;
        // limit ≤ x, and x ≠ x
        step.code.vector(compare, m, MASK_TOO, source, constant(from, bits), 13);
        step.code.vector(blend, size, result, result, constant(to, most), MASK_TOO, false);
        step.code.vector(compare, m, MASK_TOO, source, new Register(source), UNORDERED);
        step.code.vector(blend, size, result, result, constant(to, 0), MASK_TOO, false);
        int dst = define(v);
        move(dst, result);
        if (!v.isPoint() && isWide(from) && !isWide(to)) splat(dst);
        keep(v);
    }

    // -------------------------------------------------------------------------------------
    // memory

    private void load(Value v) {
        var place = (Place) v.detail;
        if (!v.isPoint()) {
            loadUniform(v, place.memory(), step.rowAddress(place.view()));
            return;
        }
        if (step.access(place.view()) == Access.STRIDED) loadStrided(v, place);
        else loadPoints(v, place.memory(), step.pointAddress(place), step.isTail());
    }

    private void loadPoints(Value v, DType memory, Memory address, boolean masked) {
        int dst = define(v);
        loadPoints(dst, memory, address, masked);
        keep(v);
    }

    /// Loads a vector, or the mask of bools. Lanes that do not exist are zero.
    private void loadPoints(int dst, DType memory, Memory address, boolean masked) {
        int mask = masked ? LANES : 0;
        switch (memory) {
            case BOOL -> {
                int n = bytes(DType.BOOL);
                // fewer than 16 bytes are no vector
                boolean few = form.lanes() < 16;
                step.code.vector(
                        Instruction.LOAD8, n, FIRST, 0, address, few ? LANES : mask, few || masked);
                step.code.vector(Instruction.PTESTMB, n, dst, FIRST, new Register(FIRST), 0, false);
            }
            case U8, I8 ->
                    step.code.vector(
                            memory == DType.U8 ? Instruction.PMOVZXBD : Instruction.PMOVSXBD,
                            bytes(DType.I32),
                            dst,
                            0,
                            address,
                            mask,
                            masked);
            case BF16, F16 ->
                    step.code.vector(
                            Instruction.PMOVZXWD, bytes(DType.I32), dst, 0, address, mask, masked);
            default ->
                    step.code.vector(
                            pick(memory, Instruction.LOAD32, Instruction.LOAD64),
                            bytes(memory),
                            dst,
                            0,
                            address,
                            mask,
                            masked);
        }
    }

    /// Loads one element into all lanes.
    void loadUniform(Value v, DType memory, Memory address) {
        int dst = define(v);
        loadUniform(dst, memory, address);
        keep(v);
    }

    private void loadUniform(int dst, DType memory, Memory address) {
        switch (memory) {
            case BOOL -> {
                step.code.general(General.MOVZX8, R11, address);
                step.code.negate(R11);
                step.code.general(General.SBB, R11, new Register(R11));
                step.code.maskFromGeneral(dst, R11);
            }
            case U8 -> broadcast(General.MOVZX8, dst, address);
            case I8 -> broadcast(General.MOVSX8, dst, address);
            case BF16, F16 -> broadcast(General.MOVZX16, dst, address);
            default ->
                    step.code.vector(
                            pick(memory, Instruction.BROADCASTD, Instruction.BROADCASTQ),
                            64,
                            dst,
                            address);
        }
    }

    private void broadcast(General load, int dst, Memory address) {
        step.code.general(load, R11, address);
        step.code.vector(Instruction.BROADCASTRD, 64, dst, new Register(R11));
    }

    /// Stores a vector, or the mask of bools, but for lanes that do not exist.
    private void storePoints(int src, DType memory, Memory address, boolean masked) {
        int mask = masked ? LANES : 0;
        switch (memory) {
            case BOOL -> {
                int n = bytes(DType.BOOL);
                var ones = new byte[64];
                java.util.Arrays.fill(ones, (byte) 1);
                step.code.vector(
                        Instruction.LOAD8,
                        n,
                        FIRST,
                        0,
                        new Constant(step.code.constant(ones), false),
                        src,
                        true);
                step.code.vector(
                        Instruction.STORE8,
                        n,
                        FIRST,
                        0,
                        address,
                        form.lanes() < 16 ? LANES : mask,
                        false);
            }
            case U8, I8 ->
                    step.code.vector(
                            Instruction.PMOVDB, bytes(DType.I32), src, 0, address, mask, false);
            case BF16, F16 ->
                    step.code.vector(
                            Instruction.PMOVDW, bytes(DType.I32), src, 0, address, mask, false);
            default ->
                    step.code.vector(
                            pick(memory, Instruction.STORE32, Instruction.STORE64),
                            bytes(memory),
                            src,
                            0,
                            address,
                            mask,
                            false);
        }
    }

    /// Stores the value that all lanes have.
    void storeUniform(Value v, DType memory, Memory address) {
        if (v.type == DType.BOOL) storeUniform(mask(v, MASK), memory, address);
        else storeUniform(register(read(v), v.type, FIRST), memory, address);
    }

    private void storeUniform(int src, DType memory, Memory address) {
        switch (memory) {
            case BOOL -> {
                step.code.generalFromMask(R10, src);
                step.code.andNumber(R10, 1);
                step.code.store(address, R10, 1);
            }
            case U8, I8, BF16, F16 -> {
                step.code.vector(Instruction.STORED, 16, src, new Register(R10));
                step.code.store(address, R10, memory.bytes());
            }
            default ->
                    step.code.vector(
                            pick(memory, Instruction.STORED, Instruction.STOREQ), 16, src, address);
        }
    }

    /// Writes a value of a step to its plane, where there is room for whole vectors.
    void save(Value v) {
        int src = v.type == DType.BOOL ? mask(v, MASK) : register(read(v), v.type, FIRST);
        storePoints(src, v.type, step.planeAddress(v), false);
    }

    void restore(Value v) {
        loadPoints(v, v.type, step.planeAddress(v), false);
    }

    // --------------------------------------------------------------------------------------
    // strided memory

    private void ramp(Value v) {
        int view = ((Place) v.detail).view();
        var broadcast = pick(v.type, Instruction.BROADCASTRD, Instruction.BROADCASTRQ);
        if (!v.isPoint()) {
            int dst = define(v);
            step.code.vector(broadcast, 64, dst, new Register(step.rowAddress(view).base()));
            keep(v);
            return;
        }
        int offsets = offsets(view, 0, v.type, SECOND);
        step.stridedAddress(view);
        step.code.vector(broadcast, 64, FIRST, new Register(R11));
        step.code.vector(
                pick(v.type, Instruction.PADDD, Instruction.PADDQ),
                bytes(v),
                define(v),
                FIRST,
                new Register(offsets));
        keep(v);
    }

    /// A register with `(first + lane)·stride`.
    private int offsets(int view, int first, DType type, int dst) {
        step.code.vector(
                pick(type, Instruction.BROADCASTD, Instruction.BROADCASTQ),
                64,
                dst,
                step.stride(view));
        var count = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; count.hasRemaining(); i++)
            if (isWide(type)) count.putLong(first + i);
            else count.putInt(first + i);
        step.code.vector(
                pick(type, Instruction.PMULLD, Instruction.PMULLQ),
                64,
                dst,
                dst,
                new Constant(step.code.constant(count.array()), false));
        return dst;
    }

    private void loadStrided(Value v, Place place) {
        int dst;
        if (place.memory().bytes() < 4) {
            eachLane(place, true);
            dst = define(v);
            if (place.memory() == DType.BOOL) {
                loadPoints(dst, DType.BOOL, MachineStep.stack(MachineStep.BUFFER), step.isTail());
            } else loadPoints(dst, place.memory(), MachineStep.stack(MachineStep.BUFFER), false);
        } else {
            gather(place);
            dst = define(v);
            move(dst, FIRST);
        }
        keep(v);
    }

    /// Copies narrow elements one by one to or from the buffer on the stack.
    private void eachLane(Place place, boolean in) {
        var code = step.code;
        int bytes = place.memory().bytes();
        int head = code.newLabel();
        step.stridedAddress(place.view());
        code.moveNumber(RCX, 0);
        code.bind(head);
        var here = new Memory(dev.nacre.cpu.x86.Assembler.RSP, RCX, bytes, MachineStep.BUFFER);
        var there = Memory.at(R11, 0);
        code.general(bytes == 1 ? General.MOVZX8 : General.MOVZX16, R10, in ? there : here);
        code.store(in ? here : there, R10, bytes);
        code.general(General.ADD, R11, step.stride(place.view()));
        code.addNumber(RCX, 1);
        if (step.isTail()) code.general(General.CMP, RCX, MachineStep.stack(MachineStep.LEFT));
        else code.compareNumber(RCX, form.lanes());
        code.jump(Condition.LESS, head);
    }

    /// Loads elements of 4 or 8 bytes into [#FIRST].
    private void gather(Place place) {
        var gather = pick(place.memory(), Instruction.GATHERQPS, Instruction.GATHERQPD);
        step.stridedAddress(place.view());
        for (int first = 0; first < form.lanes(); first += 8) {
            int dst = first == 0 ? FIRST : SECOND;
            lanes(first);
            offsets(place.view(), first, DType.I64, THIRD);
            step.code.vector(Instruction.PXORD, 64, dst, dst, new Register(dst));
            step.code.vector(gather, half(), dst, 0, new Lanes(R11, THIRD, 0), MASK, false);
        }
        if (form.lanes() > 8)
            step.code.vector(Instruction.INSERT256, 64, FIRST, FIRST, new Register(SECOND), 1);
    }

    /// Bytes of eight indices, or of as many as there are lanes.
    private int half() {
        return 8 * Math.min(8, form.lanes());
    }

    /// Stores a vector of elements of 4 or 8 bytes.
    private void scatter(int src, Place place) {
        var scatter = pick(place.memory(), Instruction.SCATTERQPS, Instruction.SCATTERQPD);
        step.stridedAddress(place.view());
        for (int first = 0; first < form.lanes(); first += 8) {
            int part = src;
            if (first > 0) {
                part = SECOND;
                step.code.vector(Instruction.EXTRACT256, 64, src, 0, new Register(part), 1);
            }
            lanes(first);
            offsets(place.view(), first, DType.I64, THIRD);
            step.code.vector(scatter, half(), part, 0, new Lanes(R11, THIRD, 0), MASK, false);
        }
    }

    /// The mask of eight lanes; gathers and scatters use it up.
    private void lanes(int first) {
        if (first == 0) {
            step.code.maskLoad(MASK, new Register(LANES));
            return;
        }
        step.code.generalFromMask(R10, LANES);
        step.code.shiftRight(R10, first);
        step.code.maskFromGeneral(MASK, R10);
    }

    // ----------------------------------------------------------------------------------------
    // sinks

    void sink(Sink sink) {
        var value = sink.value();
        var memory = sink.memory();
        var place = MachineStep.place(sink);
        boolean strided = step.access(sink.view()) == Access.STRIDED;
        if (value.type == DType.BOOL) {
            sinkMask(sink, strided);
            return;
        }
        int src = RESULT;
        if (sink.kind().isPresent()) {
            if (strided) gather(place);
            else loadPoints(FIRST, memory, step.pointAddress(place), step.isTail());
            int n = bytes(value.type);
            combine(sink.kind().get(), value.type, n, RESULT, FIRST, read(value), false);
        } else src = register(read(value), value.type, RESULT);
        if (!strided) storePoints(src, memory, step.pointAddress(place), step.isTail());
        else if (memory.bytes() >= 4) scatter(src, place);
        else {
            storePoints(src, memory, MachineStep.stack(MachineStep.BUFFER), false);
            eachLane(place, false);
        }
    }

    private void sinkMask(Sink sink, boolean strided) {
        var place = MachineStep.place(sink);
        int src = mask(sink.value(), MASK);
        if (sink.kind().isPresent()) {
            if (strided) {
                eachLane(place, true);
                loadPoints(
                        MASK_TOO, DType.BOOL, MachineStep.stack(MachineStep.BUFFER), step.isTail());
            } else loadPoints(MASK_TOO, DType.BOOL, step.pointAddress(place), step.isTail());
            step.code.mask(logical(sink.kind().get()), MASK, MASK_TOO, src);
            src = MASK;
        }
        if (strided) {
            storePoints(src, DType.BOOL, MachineStep.stack(MachineStep.BUFFER), false);
            eachLane(place, false);
        } else storePoints(src, DType.BOOL, step.pointAddress(place), step.isTail());
    }

    private static Mask logical(Reduction kind) {
        return kind == Reduction.SUM || kind == Reduction.MAX ? Mask.OR : Mask.AND;
    }

    void rowSink(Sink sink) {
        var value = sink.value();
        var memory = sink.memory();
        if (sink.kind().isEmpty()) {
            storeUniform(value, memory, step.rowAddress(sink.view()));
            return;
        }
        if (value.type == DType.BOOL) {
            int src = mask(value, MASK);
            loadUniform(MASK_TOO, memory, step.rowAddress(sink.view()));
            step.code.mask(logical(sink.kind().get()), MASK, MASK_TOO, src);
            storeUniform(MASK, memory, step.rowAddress(sink.view()));
            return;
        }
        loadUniform(FIRST, memory, step.rowAddress(sink.view()));
        combine(sink.kind().get(), value.type, 64, RESULT, FIRST, read(value), false);
        storeUniform(RESULT, memory, step.rowAddress(sink.view()));
    }

    /// `dst = a op b`; where `masked`, only in lanes that exist, and `dst` must be `a`.
    private void combine(
            Reduction kind, DType t, int n, int dst, int a, Operand b, boolean masked) {
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

    // ---------------------------------------------------------------------------------------
    // folds

    private static long neutral(Folding f, DType type) {
        return switch (type) {
            case F32 -> Float.floatToRawIntBits((float) f.kind().identity());
            case F64 -> Double.doubleToRawLongBits(f.kind().identity());
            default -> f.kind().identity(type);
        };
    }

    private static Kind kind(DType type) {
        return type == DType.BOOL ? Kind.MASK : Kind.VECTOR;
    }

    private void neutral(Object key, DType type, long bits) {
        int dst = define(key, kind(type));
        if (type == DType.BOOL) {
            step.code.moveNumber(R11, bits == 0 ? 0 : -1);
            step.code.maskFromGeneral(dst, R11);
        } else
            step.code.vector(
                    pick(type, Instruction.BROADCASTD, Instruction.BROADCASTQ),
                    64,
                    dst,
                    new Constant(constant(type, bits).number(), false));
        keep(key, kind(type));
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
        var src = read(f.operand());
        int into = register(read(key), type, RESULT);
        if (step.isTail() && type.isFloating() && isExtreme(f.kind())) {
            extreme(type, bytes(type), into, src, f.kind() == Reduction.MAX);
            step.code.vector(
                    pick(type, Instruction.PBLENDMD, Instruction.PBLENDMQ),
                    bytes(type),
                    into,
                    into,
                    new Register(FOURTH),
                    LANES,
                    false);
        } else combine(f.kind(), type, bytes(type), into, into, src, step.isTail());
        keep(key, Kind.VECTOR);
    }

    /// Lanes that do not exist change nothing.
    private void accumulateMask(Folding f, Object key) {
        var op = logical(f.kind());
        int src = mask(f.operand(), MASK);
        if (step.isTail() && op == Mask.OR) {
            step.code.mask(Mask.AND, MASK, src, LANES);
            src = MASK;
        } else if (step.isTail()) {
            step.code.maskNot(MASK_TOO, LANES);
            step.code.mask(Mask.OR, MASK, src, MASK_TOO);
            src = MASK;
        }
        step.code.mask(op, MASK, mask(read(key), MASK_TOO), src);
        changed(key);
    }

    private static boolean isExtreme(Reduction kind) {
        return kind == Reduction.MAX || kind == Reduction.MIN;
    }

    /// Puts the mask in [#MASK] in the place of an accumulator.
    private void changed(Object key) {
        int r = registers.register(key);
        if (r >= 0) step.code.maskLoad(r, new Register(MASK));
        else keep(key, Kind.MASK);
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
                var other = read(keys.get(u + half));
                int into = register(read(keys.get(u)), type, RESULT);
                combine(f.kind(), type, bytes(type), into, into, other, false);
                keep(keys.get(u), Kind.VECTOR);
            }
        int acc = register(read(keys.getFirst()), type, RESULT);
        move(FIRST, acc);
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
        int total = register(read(f.fold()), type, RESULT);
        combine(f.kind(), type, 64, total, total, new Register(FIRST), false);
        keep(f.fold(), Kind.VECTOR);
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
        step.code.maskLoad(MASK, new Register(mask(read(keys.getFirst()), MASK)));
        for (var key : keys.subList(1, keys.size()))
            step.code.mask(op, MASK, MASK, mask(read(key), MASK_TOO));
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
        int total = mask(read(f.fold()), MASK_TOO);
        step.code.mask(op, MASK, MASK, total);
        changed(f.fold());
    }

    // -----------------------------------------------------------------------------------------
    // calls

    private void call(Value v) {
        writeOperands(v, v.args.stream().map(this::operand).toList());
        if (v.isPoint()) step.code.maskStore(MachineStep.callOut(CallOut.LANES), LANES);
        else oneLane();
        step.callOut();
        var result = result(v.args.size());
        int dst = define(v);
        if (v.type == DType.BOOL) {
            step.code.maskLoad(dst, result);
            if (!v.isPoint()) {
                step.code.generalFromMask(R11, dst);
                spread(dst);
            }
        } else if (v.isPoint()) step.code.vector(Instruction.LOAD64, 64, dst, result);
        else loadUniform(dst, v.type, result);
        keep(v);
    }

    /// An operand of a call, masks included.
    private Operand operand(Value v) {
        return v.type == DType.BOOL ? new Register(mask(v, MASK)) : read(v);
    }

    private static Memory result(int operands) {
        return MachineStep.callOut(CallOut.OPERANDS + CallOut.OPERAND * operands);
    }

    private void oneLane() {
        step.code.moveNumber(R11, 1);
        step.code.store(MachineStep.callOut(CallOut.LANES), R11, 8);
    }

    /// Writes the operands and the function's number to the block for calls.
    private void writeOperands(Value v, List<Operand> operands) {
        for (int i = 0; i < operands.size(); i++) {
            var type = v.args.get(i).type;
            if (type == DType.BOOL)
                step.code.maskStore(result(i), ((Register) operands.get(i)).number());
            else {
                int from = register(operands.get(i), type, FIRST);
                step.code.vector(Instruction.STORE64, 64, from, result(i));
            }
        }
        step.code.moveNumber(R11, CallOut.number(v));
        step.code.store(MachineStep.callOut(CallOut.FUNCTION), R11, 8);
    }

    /// The lanes where the condition holds are seldom there, so what computes them is out of the way.
    private void patch(Value v) {
        int last = v.args.size() - 1;
        var y = v.args.get(last - 1);
        int condition = mask(v.args.get(last), MASK);
        // Where a lane does not exist, the condition may hold by chance.
        step.code.mask(Mask.AND, MASK, condition, v.isPoint() ? LANES : condition);
        var operands = v.args.subList(0, last - 1).stream().map(this::read).toList();
        int source = register(read(y), v.type, THIRD);
        int dst = define(v, y);
        int seldom = step.code.newLabel();
        int back = step.code.newLabel();
        step.code.maskTest(MASK, MASK);
        step.code.jump(Condition.NOT_EQUAL, seldom);
        move(dst, source);
        step.code.bind(back);
        keep(v);
        rare.add(() -> {
            step.code.bind(seldom);
            writeOperands(v, operands);
            step.code.vector(Instruction.STORE64, 64, source, result(last - 1));
            if (v.isPoint()) step.code.maskStore(MachineStep.callOut(CallOut.LANES), MASK);
            else oneLane();
            step.callOut();
            if (v.isPoint()) step.code.vector(Instruction.LOAD64, 64, dst, result(last - 1));
            else loadUniform(dst, v.type, result(last - 1));
            step.code.jump(back);
        });
    }

    /// Writes what has been put out of the way.
    void writeRare() {
        rare.forEach(Runnable::run);
        rare.clear();
    }
}
