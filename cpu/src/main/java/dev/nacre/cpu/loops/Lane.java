package dev.nacre.cpu.loops;

import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.compile.loop.Value.Place;
import dev.nacre.cpu.memory.Memory;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.HashMap;
import java.util.Map;

/// How values are held and operations emitted: as single elements or as vectors. [StepWriter] decides what is emitted where.
abstract sealed class Lane permits ScalarLane, VectorLane {
    static final ClassDesc MEMORY = Memory.class.describeConstable().orElseThrow();
    static final ClassDesc FOLDS = Folds.class.describeConstable().orElseThrow();
    static final ClassDesc CALLS = Calls.class.describeConstable().orElseThrow();

    final CodeBuilder code;
    final StepWriter writer;
    private final Map<Value, Integer> slots = new HashMap<>();

    Lane(StepWriter writer) {
        this.writer = writer;
        this.code = writer.code;
    }

    /// What a local variable of this type is.
    abstract TypeKind local(DType type);

    /// Emits a load; `address` pushes where from.
    abstract void load(DType memory, Runnable address);

    /// Emits a store; `address` pushes where to, and `value` what.
    abstract void store(DType memory, Runnable address, Runnable value);

    /// Emits an operation other than a load; its operands are pushed by [#push].
    abstract void operation(Value v);

    /// Emits the combination of two operands that are on the stack.
    abstract void combine(Reduction kind, DType type);

    /// Computes a value and keeps it in a local variable.
    final void compute(Value v) {
        if (v.prim == Prim.LOAD) {
            var place = (Place) v.detail;
            load(place.memory(), () -> writer.pushAddress(place));
        } else operation(v);
        keep(v);
    }

    /// Pops the stack into a new local variable for this value.
    final void keep(Value v) {
        int slot = writer.allocate(local(v.type));
        slots.put(v, slot);
        code.storeLocal(local(v.type), slot);
    }

    void push(Value v) {
        var slot = slots.get(v);
        if (slot == null) throw new IllegalStateException("not computed yet: " + v);
        code.loadLocal(local(v.type), slot);
    }

    final boolean holds(Value v) {
        return slots.containsKey(v);
    }

    final void pushOperands(Value v) {
        v.args.forEach(this::push);
    }

    /// The scalar type of a local variable.
    static ClassDesc scalar(DType type) {
        return switch (type) {
            case F32 -> ConstantDescs.CD_float;
            case F64 -> ConstantDescs.CD_double;
            case I64 -> ConstantDescs.CD_long;
            default -> ConstantDescs.CD_int;
        };
    }

    /// Pushes a constant of an enum.
    final void pushEnum(Enum<?> constant) {
        var owner = constant.getDeclaringClass().describeConstable().orElseThrow();
        code.getstatic(owner, constant.name(), owner);
    }

    final void callStatic(ClassDesc owner, String name, ClassDesc result, ClassDesc... parameters) {
        code.invokestatic(owner, name, MethodTypeDesc.of(result, parameters));
    }
}
