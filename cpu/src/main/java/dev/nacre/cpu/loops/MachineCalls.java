package dev.nacre.cpu.loops;

import static dev.nacre.cpu.loops.MachineValues.FIRST;
import static dev.nacre.cpu.loops.MachineValues.LANES;
import static dev.nacre.cpu.loops.MachineValues.MASK;
import static dev.nacre.cpu.loops.MachineValues.THIRD;
import static dev.nacre.cpu.x86.Assembler.R11;

import dev.nacre.compile.loop.Value;
import dev.nacre.cpu.x86.Assembler.Condition;
import dev.nacre.cpu.x86.Assembler.Mask;
import dev.nacre.cpu.x86.Instruction;
import dev.nacre.cpu.x86.Operand;
import dev.nacre.cpu.x86.Operand.Memory;
import dev.nacre.cpu.x86.Operand.Register;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;

/// Writes the machine code that calls back into Java, for functions that have no formula: for all lanes, or for the few that a formula does not cover.
final class MachineCalls {
    private final MachineStep step;
    private final MachineValues values;
    private final MachineMemory memory;
    private final List<Runnable> rare = new ArrayList<>();

    MachineCalls(MachineStep step, MachineValues values, MachineMemory memory) {
        this.step = step;
        this.values = values;
        this.memory = memory;
    }

    void call(Value v) {
        writeOperands(v, v.args.stream().map(this::operand).toList());
        if (v.isPoint()) step.code.maskStore(MachineStep.callOut(CallOut.LANES), LANES);
        else oneLane();
        step.callOut();
        var result = result(v.args.size());
        int dst = values.define(v);
        if (v.type == DType.BOOL) {
            step.code.maskLoad(dst, result);
            if (!v.isPoint()) {
                step.code.generalFromMask(R11, dst);
                values.spread(dst);
            }
        } else if (v.isPoint()) step.code.vector(Instruction.LOAD64, 64, dst, result);
        else memory.loadUniform(dst, v.type, result);
        values.keep(v);
    }

    /// An operand of a call, masks included.
    private Operand operand(Value v) {
        return v.type == DType.BOOL ? new Register(values.mask(v, MASK)) : values.read(v);
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
                int from = values.register(operands.get(i), type, FIRST);
                step.code.vector(Instruction.STORE64, 64, from, result(i));
            }
        }
        step.code.moveNumber(R11, CallOut.number(v));
        step.code.store(MachineStep.callOut(CallOut.FUNCTION), R11, 8);
    }

    /// The lanes where the condition holds are seldom there, so what computes them is out of the way.
    void patch(Value v) {
        int last = v.args.size() - 1;
        var y = v.args.get(last - 1);
        int condition = values.mask(v.args.get(last), MASK);
        // Where a lane does not exist, the condition may hold by chance.
        step.code.mask(Mask.AND, MASK, condition, v.isPoint() ? LANES : condition);
        var operands = v.args.subList(0, last - 1).stream().map(values::read).toList();
        int source = values.register(values.read(y), v.type, THIRD);
        int dst = values.define(v, y);
        int seldom = step.code.newLabel();
        int back = step.code.newLabel();
        step.code.maskTest(MASK, MASK);
        step.code.jump(Condition.NOT_EQUAL, seldom);
        values.move(dst, source);
        step.code.bind(back);
        values.keep(v);
        rare.add(() -> {
            step.code.bind(seldom);
            writeOperands(v, operands);
            step.code.vector(Instruction.STORE64, 64, source, result(last - 1));
            if (v.isPoint()) step.code.maskStore(MachineStep.callOut(CallOut.LANES), MASK);
            else oneLane();
            step.callOut();
            if (v.isPoint()) step.code.vector(Instruction.LOAD64, 64, dst, result(last - 1));
            else memory.loadUniform(dst, v.type, result(last - 1));
            step.code.jump(back);
        });
    }

    /// Writes what has been put out of the way.
    void writeRare() {
        rare.forEach(Runnable::run);
        rare.clear();
    }
}
