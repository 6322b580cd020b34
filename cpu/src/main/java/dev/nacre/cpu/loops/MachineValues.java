package dev.nacre.cpu.loops;

import static dev.nacre.cpu.x86.Assembler.R11;

import dev.nacre.compile.loop.Value;
import dev.nacre.cpu.loops.Registers.Kind;
import dev.nacre.cpu.x86.Instruction;
import dev.nacre.cpu.x86.Operand;
import dev.nacre.cpu.x86.Operand.Constant;
import dev.nacre.cpu.x86.Operand.Register;
import dev.nacre.type.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Where values are while a step's machine code is written: in registers, on the stack, or among the code's constants.
///
/// A value of a point is a vector of as many lanes as the form has, or a mask if it is a bool. A value of the tile or of the row is a whole register whose lanes are all equal, whatever its
/// type, so that it can be the operand of any vector; as a mask it is all ones or zeros.
final class MachineValues {
    /// The mask of the lanes that exist.
    static final int LANES = 7;

    // Masks and vectors that hold nothing for long: of a result without a register, and of
    // operands.
    static final int MASK = 6;
    static final int MASK_TOO = 5;
    static final int RESULT = 27;
    static final int FIRST = 28;
    static final int SECOND = 29;
    static final int THIRD = 30;
    static final int FOURTH = 31;

    /// The key of a value in one copy of the body.
    private record Key(Value value, int copy) {}

    private final MachineStep step;
    private final VectorForm form;
    private final Registers registers;
    private final Set<Value> aliases;

    MachineValues(MachineStep step, Set<Value> aliases) {
        this.step = step;
        this.form = step.form;
        this.registers = step.registers;
        this.aliases = aliases;
    }

    /// Whether a value is another's bits.
    boolean isAlias(Value v) {
        return aliases.contains(v);
    }

    Object key(Value v) {
        while (isAlias(v)) v = v.args.getFirst();
        return v.isPoint() ? new Key(v, step.copy()) : v;
    }

    private Value origin(Value v) {
        while (isAlias(v)) v = v.args.getFirst();
        return v;
    }

    /// Bytes of a vector that holds this value.
    int bytes(Value v) {
        return v.isPoint() ? bytes(v.type) : 64;
    }

    int bytes(DType type) {
        return Math.max(16, form.lanes() * type.bytes());
    }

    static boolean isWide(DType type) {
        return type.bytes() == 8;
    }

    Operand read(Value v) {
        var origin = origin(v);
        return origin.isConstant() ? constant(origin) : read(key(v));
    }

    Operand read(Object key) {
        registers.use(key);
        int r = registers.register(key);
        return r >= 0 ? new Register(r) : step.slot(key);
    }

    Constant constant(Value v) {
        return new Constant(
                step.code.constant(element(v.type, (long) v.detail)), /* broadcast= */ true);
    }

    Constant constant(DType type, long bits) {
        return new Constant(step.code.constant(element(type, bits)), true);
    }

    private static byte[] element(DType type, long bits) {
        var bytes = ByteBuffer.allocate(isWide(type) ? 8 : 4).order(ByteOrder.LITTLE_ENDIAN);
        if (isWide(type)) bytes.putLong(bits);
        else bytes.putInt((int) bits);
        return bytes.array();
    }

    /// The register of an operand, which is loaded to `spare` if it is elsewhere.
    int register(Operand operand, DType type, int spare) {
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
    int define(Object key, Kind kind, Object... dying) {
        registers.define(key, kind, List.of(dying));
        return target(key, kind);
    }

    private int target(Object key, Kind kind) {
        int r = registers.register(key);
        return r >= 0 ? r : kind == Kind.VECTOR ? RESULT : MASK;
    }

    int define(Value v, Value... dying) {
        var keys = new ArrayList<Object>();
        for (var d : dying) if (!origin(d).isConstant()) keys.add(key(d));
        return define(key(v), kind(v.type), keys.toArray());
    }

    static Kind kind(DType type) {
        return type == DType.BOOL ? Kind.MASK : Kind.VECTOR;
    }

    void keep(Object key, Kind kind) {
        if (registers.register(key) >= 0) return;
        if (kind == Kind.VECTOR) step.code.vector(Instruction.STORE64, 64, RESULT, step.slot(key));
        else step.code.maskStore(step.slot(key), MASK);
    }

    void keep(Value v) {
        keep(key(v), kind(v.type));
    }

    int mask(Value v, int spare) {
        if (v.isConstant()) {
            step.code.moveNumber(R11, (long) v.detail == 0 ? 0 : -1);
            step.code.maskFromGeneral(spare, R11);
            return spare;
        }
        return mask(read(key(v)), spare);
    }

    int mask(Operand operand, int spare) {
        if (operand instanceof Register r) return r.number();
        step.code.maskLoad(spare, operand);
        return spare;
    }

    static Instruction pick(DType type, Instruction narrow, Instruction wide) {
        return isWide(type) ? wide : narrow;
    }

    void move(int dst, int src) {
        if (dst != src) step.code.vector(Instruction.MOVAPS, 64, dst, new Register(src));
    }

    /// Makes a mask of the lowest bit in R11.
    void spread(int mask) {
        step.code.andNumber(R11, 1);
        step.code.negate(R11);
        step.code.maskFromGeneral(mask, R11);
    }

    /// Makes all lanes the first one, of 4 bytes.
    void splat(int register) {
        step.code.vector(Instruction.BROADCASTD, 64, register, new Register(register));
    }
}
