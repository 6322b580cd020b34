package dev.nacre.cpu.loops;

import static dev.nacre.cpu.loops.MachineFolds.logical;
import static dev.nacre.cpu.loops.MachineValues.FIRST;
import static dev.nacre.cpu.loops.MachineValues.LANES;
import static dev.nacre.cpu.loops.MachineValues.MASK;
import static dev.nacre.cpu.loops.MachineValues.MASK_TOO;
import static dev.nacre.cpu.loops.MachineValues.RESULT;
import static dev.nacre.cpu.loops.MachineValues.SECOND;
import static dev.nacre.cpu.loops.MachineValues.THIRD;
import static dev.nacre.cpu.loops.MachineValues.isWide;
import static dev.nacre.cpu.loops.MachineValues.pick;
import static dev.nacre.cpu.x86.Assembler.R10;
import static dev.nacre.cpu.x86.Assembler.R11;
import static dev.nacre.cpu.x86.Assembler.RCX;
import static dev.nacre.cpu.x86.Assembler.RSP;

import dev.nacre.compile.Program.Access;
import dev.nacre.compile.loop.Lowering.Sink;
import dev.nacre.compile.loop.Value;
import dev.nacre.compile.loop.Value.Place;
import dev.nacre.cpu.x86.Assembler.Condition;
import dev.nacre.cpu.x86.Assembler.General;
import dev.nacre.cpu.x86.Instruction;
import dev.nacre.cpu.x86.Operand.Constant;
import dev.nacre.cpu.x86.Operand.Lanes;
import dev.nacre.cpu.x86.Operand.Memory;
import dev.nacre.cpu.x86.Operand.Register;
import dev.nacre.type.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/// Writes the machine code that moves values between registers and memory: loads, stores, and sinks that combine with what is there. [MachineValues] knows the registers.
final class MachineMemory {
    private final MachineStep step;
    private final VectorForm form;
    private final MachineValues values;
    private final MachineFolds folds;

    MachineMemory(MachineStep step, MachineValues values, MachineFolds folds) {
        this.step = step;
        this.form = step.form;
        this.values = values;
        this.folds = folds;
    }

    void load(Value v) {
        var place = (Place) v.detail;
        if (!v.isPoint()) {
            loadUniform(v, place.memory(), step.rowAddress(place.view()));
            return;
        }
        if (step.access(place.view()) == Access.STRIDED) loadStrided(v, place);
        else loadPoints(v, place.memory(), step.pointAddress(place), step.isTail());
    }

    private void loadPoints(Value v, DType memory, Memory address, boolean masked) {
        int dst = values.define(v);
        loadPoints(dst, memory, address, masked);
        values.keep(v);
    }

    /// Loads a vector, or the mask of bools. Lanes that do not exist are zero.
    private void loadPoints(int dst, DType memory, Memory address, boolean masked) {
        int mask = masked ? LANES : 0;
        switch (memory) {
            case BOOL -> {
                int n = values.bytes(DType.BOOL);
                // fewer than 16 bytes are no vector
                boolean few = form.lanes() < 16;
                step.code.vector(
                        Instruction.LOAD8, n, FIRST, 0, address, few ? LANES : mask, few || masked);
                step.code.vector(Instruction.PTESTMB, n, dst, FIRST, new Register(FIRST), 0, false);
            }
            case U8, I8 ->
                    step.code.vector(
                            memory == DType.U8 ? Instruction.PMOVZXBD : Instruction.PMOVSXBD,
                            values.bytes(DType.I32),
                            dst,
                            0,
                            address,
                            mask,
                            masked);
            case BF16, F16 ->
                    step.code.vector(
                            Instruction.PMOVZXWD,
                            values.bytes(DType.I32),
                            dst,
                            0,
                            address,
                            mask,
                            masked);
            default ->
                    step.code.vector(
                            pick(memory, Instruction.LOAD32, Instruction.LOAD64),
                            values.bytes(memory),
                            dst,
                            0,
                            address,
                            mask,
                            masked);
        }
    }

    /// Loads one element into all lanes.
    void loadUniform(Value v, DType memory, Memory address) {
        int dst = values.define(v);
        loadUniform(dst, memory, address);
        values.keep(v);
    }

    void loadUniform(int dst, DType memory, Memory address) {
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
                int n = values.bytes(DType.BOOL);
                var ones = new byte[64];
                Arrays.fill(ones, (byte) 1);
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
                            Instruction.PMOVDB,
                            values.bytes(DType.I32),
                            src,
                            0,
                            address,
                            mask,
                            false);
            case BF16, F16 ->
                    step.code.vector(
                            Instruction.PMOVDW,
                            values.bytes(DType.I32),
                            src,
                            0,
                            address,
                            mask,
                            false);
            default ->
                    step.code.vector(
                            pick(memory, Instruction.STORE32, Instruction.STORE64),
                            values.bytes(memory),
                            src,
                            0,
                            address,
                            mask,
                            false);
        }
    }

    /// Stores the value that all lanes have.
    void storeUniform(Value v, DType memory, Memory address) {
        if (v.type == DType.BOOL) storeUniform(values.mask(v, MASK), memory, address);
        else storeUniform(values.register(values.read(v), v.type, FIRST), memory, address);
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
        int src =
                v.type == DType.BOOL
                        ? values.mask(v, MASK)
                        : values.register(values.read(v), v.type, FIRST);
        storePoints(src, v.type, step.planeAddress(v), false);
    }

    void restore(Value v) {
        loadPoints(v, v.type, step.planeAddress(v), false);
    }

    void ramp(Value v) {
        int view = ((Place) v.detail).view();
        var broadcast = pick(v.type, Instruction.BROADCASTRD, Instruction.BROADCASTRQ);
        if (!v.isPoint()) {
            int dst = values.define(v);
            step.code.vector(broadcast, 64, dst, new Register(step.rowAddress(view).base()));
            values.keep(v);
            return;
        }
        int offsets = offsets(view, 0, v.type, SECOND);
        step.stridedAddress(view);
        step.code.vector(broadcast, 64, FIRST, new Register(R11));
        step.code.vector(
                pick(v.type, Instruction.PADDD, Instruction.PADDQ),
                values.bytes(v),
                values.define(v),
                FIRST,
                new Register(offsets));
        values.keep(v);
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
            dst = values.define(v);
            if (place.memory() == DType.BOOL) {
                loadPoints(dst, DType.BOOL, MachineStep.stack(MachineStep.BUFFER), step.isTail());
            } else loadPoints(dst, place.memory(), MachineStep.stack(MachineStep.BUFFER), false);
        } else {
            gather(place);
            dst = values.define(v);
            values.move(dst, FIRST);
        }
        values.keep(v);
    }

    /// Copies narrow elements one by one to or from the buffer on the stack.
    private void eachLane(Place place, boolean in) {
        var code = step.code;
        int bytes = place.memory().bytes();
        int head = code.newLabel();
        step.stridedAddress(place.view());
        code.moveNumber(RCX, 0);
        code.bind(head);
        var here = new Memory(RSP, RCX, bytes, MachineStep.BUFFER);
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
            int n = values.bytes(value.type);
            folds.combine(
                    sink.kind().get(), value.type, n, RESULT, FIRST, values.read(value), false);
        } else src = values.register(values.read(value), value.type, RESULT);
        if (!strided) storePoints(src, memory, step.pointAddress(place), step.isTail());
        else if (memory.bytes() >= 4) scatter(src, place);
        else {
            storePoints(src, memory, MachineStep.stack(MachineStep.BUFFER), false);
            eachLane(place, false);
        }
    }

    private void sinkMask(Sink sink, boolean strided) {
        var place = MachineStep.place(sink);
        int src = values.mask(sink.value(), MASK);
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

    void rowSink(Sink sink) {
        var value = sink.value();
        var memory = sink.memory();
        if (sink.kind().isEmpty()) {
            storeUniform(value, memory, step.rowAddress(sink.view()));
            return;
        }
        if (value.type == DType.BOOL) {
            int src = values.mask(value, MASK);
            loadUniform(MASK_TOO, memory, step.rowAddress(sink.view()));
            step.code.mask(logical(sink.kind().get()), MASK, MASK_TOO, src);
            storeUniform(MASK, memory, step.rowAddress(sink.view()));
            return;
        }
        loadUniform(FIRST, memory, step.rowAddress(sink.view()));
        folds.combine(sink.kind().get(), value.type, 64, RESULT, FIRST, values.read(value), false);
        storeUniform(RESULT, memory, step.rowAddress(sink.view()));
    }
}
