package dev.nacre.cpu.loops;

import static dev.nacre.cpu.x86.Assembler.R10;
import static dev.nacre.cpu.x86.Assembler.R11;
import static dev.nacre.cpu.x86.Assembler.R12;
import static dev.nacre.cpu.x86.Assembler.R13;
import static dev.nacre.cpu.x86.Assembler.R14;
import static dev.nacre.cpu.x86.Assembler.R15;
import static dev.nacre.cpu.x86.Assembler.R8;
import static dev.nacre.cpu.x86.Assembler.R9;
import static dev.nacre.cpu.x86.Assembler.RAX;
import static dev.nacre.cpu.x86.Assembler.RBP;
import static dev.nacre.cpu.x86.Assembler.RBX;
import static dev.nacre.cpu.x86.Assembler.RCX;
import static dev.nacre.cpu.x86.Assembler.RDI;
import static dev.nacre.cpu.x86.Assembler.RDX;
import static dev.nacre.cpu.x86.Assembler.RSI;
import static dev.nacre.cpu.x86.Assembler.RSP;

import dev.nacre.compile.Program.Access;
import dev.nacre.compile.loop.Lowering.Sink;
import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.compile.loop.Value.Place;
import dev.nacre.cpu.loops.Schedule.Step;
import dev.nacre.cpu.x86.Assembler;
import dev.nacre.cpu.x86.Assembler.Condition;
import dev.nacre.cpu.x86.Assembler.General;
import dev.nacre.cpu.x86.Instruction;
import dev.nacre.cpu.x86.Operand;
import dev.nacre.cpu.x86.Operand.Memory;
import dev.nacre.ir.Reduction;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntConsumer;

/// Writes the machine code of one step of a tile. Its structure is that of [StepWriter], and it performs the same operations in the same order; [MachineLane] writes the single operations.
///
/// General registers: RDI the frame, RSI the row's length, RDX the rows left, RAX the point's index, eight for pointers; R10, R11 and RCX hold nothing for long.
/// The stack holds what has no register.
final class MachineStep {
    private static final int[] POINTERS = {RBX, RBP, R8, R9, R12, R13, R14, R15};
    private static final int[] SAVED = {RBX, RBP, R12, R13, R14, R15};

    /// Most vectors whose operations are written side by side.
    private static final int MOST = 3;

    /// As in [StepWriter].
    private static final int BLOCK = StepWriter.BLOCK;

    // Places on the stack.
    private static final int CALL_OUT = 0;
    static final int BUFFER = CallOut.BYTES;
    private static final int STACK = BUFFER + 64;
    private static final int START = STACK + 8;
    private static final int STOP = STACK + 16;
    private static final int LIMIT = STACK + 24;
    static final int LEFT = STACK + 32;
    private static final int LEFT_MASK = STACK + 40;
    private static final int SCALARS = STACK + 48;

    /// Room to save all registers around a call: vectors, masks, general.
    private static final int SAVE = 32 * 64 + 8 * 8 + 9 * 8;

    /// Where one view, plane or slot is: in a register, or on the stack.
    private record Pointer(int register, int place) {}

    /// What pointers there are.
    private sealed interface Target {
        record View(int view) implements Target {}

        record Plane(Value value) implements Target {}

        record Slot(Value value) implements Target {}
    }

    final Registers registers;
    final VectorForm form;
    Assembler code;
    private final Schedule schedule;
    private final Step step;
    private final List<Access> accesses;
    private final Layout layout;
    private final MachineMemory memory;
    private final MachineFolds folds;
    private final MachineCalls calls;
    private final MachineLane lane;
    private final Map<Target, Pointer> pointers = new LinkedHashMap<>();
    private final int sideBySide;
    private int firstSlot;
    private int saveArea;
    private boolean callsOut;
    private int callRoutine;

    // Where the code being written is.
    private int copy;
    private int unrolled;
    private boolean tail;

    private MachineStep(
            Schedule schedule, int number, List<Access> accesses, VectorForm form, int sideBySide) {
        this.schedule = schedule;
        this.step = schedule.steps().get(number);
        this.accesses = accesses;
        this.form = form;
        this.layout = Layout.of(schedule, form);
        this.registers = new Registers();
        var values = new MachineValues(this, aliases());
        this.folds = new MachineFolds(this, values);
        this.memory = new MachineMemory(this, values, folds);
        this.calls = new MachineCalls(this, values, memory);
        this.lane = new MachineLane(this, values, memory, folds, calls);
        this.sideBySide = sideBySide;
        placePointers();
    }

    /// A step's code.
    ///
    /// @param callsOut whether it calls back into Java
    record Written(byte[] code, boolean callsOut) {}

    /// Writes a step for as many vectors side by side as all have registers.
    static Written write(Schedule schedule, int number, List<Access> accesses, VectorForm form) {
        for (int sideBySide = MOST; ; sideBySide--) {
            var step = new MachineStep(schedule, number, accesses, form, sideBySide);
            step.write();
            step.registers.assign();
            if (sideBySide == 1 || step.registers.slots() == 0)
                return new Written(step.write(), step.callsOut);
        }
    }

    /// Values that are other values' bits: they share a register where both are computed here.
    private Set<Value> aliases() {
        var aliases = new HashSet<Value>();
        for (var values : List.of(step.tile(), step.before(), step.compute(), step.after()))
            for (var v : values) if (v.prim == Prim.BITS) aliases.add(v);
        return aliases;
    }

    // ---------------------------------------------------------------------------------------
    // structure

    private byte[] write() {
        code = new Assembler();
        callRoutine = code.newLabel();
        copy = 0;
        enter();
        for (var v : step.tile()) lane.compute(v);
        rows();
        leave();
        if (callsOut) writeCallRoutine();
        calls.writeRare();
        return code.finish();
    }

    private void enter() {
        for (int r : SAVED) code.push(r);
        code.move(R11, RSP);
        firstSlot = (SCALARS + 8 * pointers.size() + 63) / 64 * 64;
        saveArea = firstSlot + 64 * registers.slots();
        code.addNumber(RSP, -(saveArea + (callsOut ? SAVE : 0) + 64));
        code.andNumber(RSP, -64);
        code.store(Memory.at(RSP, STACK), R11, 8);
        code.general(General.MOV, RDX, frame(Tile.ROWS));
        code.general(General.MOV, RSI, frame(Tile.LENGTH));
        pointers.forEach(this::initialize);
        code.move(RCX, RSI);
        code.andNumber(RCX, form.lanes() - 1);
        code.store(Memory.at(RSP, LEFT), RCX, 8);
        code.moveNumber(R11, 1);
        code.shiftLeft(R11);
        code.addNumber(R11, -1);
        code.store(Memory.at(RSP, LEFT_MASK), R11, 8);
    }

    private void leave() {
        code.general(General.MOV, RSP, Memory.at(RSP, STACK));
        for (int i = SAVED.length - 1; i >= 0; i--) code.pop(SAVED[i]);
        code.raw(0xC5, 0xF8, 0x77); // vzeroupper
        code.ret();
    }

    private static Memory frame(int entry) {
        return Memory.at(RDI, 8 * entry);
    }

    private void rows() {
        int head = code.newLabel();
        int end = code.newLabel();
        code.bind(head);
        code.compareNumber(RDX, 0);
        code.jump(Condition.EQUAL, end);
        registers.beginLoop();
        for (var v : step.restoreRow()) memory.loadUniform(v, v.type, slotAddress(v));
        for (var v : step.before()) lane.compute(v);
        points();
        for (var v : step.after()) lane.compute(v);
        for (var v : step.saveRow()) memory.storeUniform(v, v.type, slotAddress(v));
        for (var sink : step.rowSinks()) memory.rowSink(sink);
        pointers.forEach(this::advance);
        registers.endLoop();
        code.addNumber(RDX, -1);
        code.jump(head);
        code.bind(end);
    }

    private void points() {
        if (step.compute().isEmpty() && step.restore().isEmpty() && step.sinks().isEmpty()) return;
        fullMask();
        if (step.folds().isEmpty()) {
            code.moveNumber(RAX, 0);
            pointLoops(List.of(), Operand.register(RSI));
        } else blocks();
    }

    /// The mask of all lanes, which is there but in the rest of a row.
    private void fullMask() {
        code.moveNumber(R11, form.lanes() == 64 ? -1 : (1L << form.lanes()) - 1);
        code.maskFromGeneral(MachineValues.LANES, R11);
    }

    // ---------------------------------------------------------------------------------------
    // folds

    /// One accumulator of a fold.
    private record Accumulator(Value fold, int number) {}

    /// One fold in progress.
    record Folding(Value fold, Reduction kind, List<Object> accumulators) {
        Value operand() {
            return fold.args.getFirst();
        }
    }

    private void blocks() {
        var foldings = new ArrayList<Folding>();
        for (var fold : step.folds()) {
            var accumulators = new ArrayList<Object>();
            for (int i = 0; i < StepWriter.accumulators(fold); i++)
                accumulators.add(new Accumulator(fold, i));
            foldings.add(new Folding(fold, (Reduction) fold.detail, accumulators));
        }
        for (var f : foldings) folds.neutralTotal(f);
        int head = code.newLabel();
        int end = code.newLabel();
        code.moveNumber(R11, 0);
        code.store(Memory.at(RSP, START), R11, 8);
        code.bind(head);
        code.general(General.MOV, RAX, Memory.at(RSP, START));
        code.general(General.CMP, RAX, Operand.register(RSI));
        code.jump(Condition.GREATER_EQUAL, end);
        registers.beginLoop();
        stop();
        for (var f : foldings) folds.neutralAccumulators(f);
        pointLoops(foldings, Memory.at(RSP, STOP));
        for (var f : foldings) folds.addBlock(f);
        registers.endLoop();
        code.general(General.MOV, R11, Memory.at(RSP, STOP));
        code.store(Memory.at(RSP, START), R11, 8);
        code.jump(head);
        code.bind(end);
    }

    /// The end of the block that begins at RAX.
    private void stop() {
        int inside = code.newLabel();
        code.move(R11, RAX);
        code.addNumber(R11, BLOCK * form.lanes());
        code.general(General.CMP, R11, Operand.register(RSI));
        code.jump(Condition.LESS, inside);
        code.move(R11, RSI);
        code.bind(inside);
        code.store(Memory.at(RSP, STOP), R11, 8);
    }

    // ------------------------------------------------------------------------------------------
    // points

    private void pointLoops(List<Folding> foldings, Operand end) {
        // With folds, which vectors have an accumulator in common is given.
        int unroll = foldings.isEmpty() ? sideBySide : 1;
        for (var f : foldings) unroll = Math.max(unroll, f.accumulators.size());
        if (unroll > 1) loop(foldings, end, unroll);
        loop(foldings, end, 1);
        rest(foldings, end);
    }

    private void loop(List<Folding> foldings, Operand end, int unroll) {
        int head = code.newLabel();
        int done = code.newLabel();
        int points = unroll * form.lanes();
        code.general(General.MOV, R11, end);
        code.addNumber(R11, 1 - points);
        code.store(Memory.at(RSP, LIMIT), R11, 8);
        code.general(General.CMP, RAX, Memory.at(RSP, LIMIT));
        code.jump(Condition.GREATER_EQUAL, done);
        code.align(32);
        code.bind(head);
        registers.beginLoop();
        int together = Math.min(unroll, sideBySide);
        while (unroll % together > 0) together--;
        for (int u = 0; u < unroll; u += together) bodies(foldings, u, together);
        unrolled = 0;
        registers.endLoop();
        code.addNumber(RAX, points);
        code.general(General.CMP, RAX, Memory.at(RSP, LIMIT));
        code.jump(Condition.LESS, head);
        code.bind(done);
    }

    /// The points that do not fill a vector, under a mask.
    private void rest(List<Folding> foldings, Operand end) {
        int done = code.newLabel();
        code.general(General.CMP, RAX, end);
        code.jump(Condition.GREATER_EQUAL, done);
        code.maskLoad(MachineValues.LANES, Memory.at(RSP, LEFT_MASK));
        tail = true;
        bodies(foldings, 0, 1);
        tail = false;
        code.bind(done);
    }

    /// Writes the body for some vectors, each of its operations for one after the other: while one waits for its operand, the next can go on.
    private void bodies(List<Folding> foldings, int first, int count) {
        int before = copy;
        for (var v : step.restore()) each(before, first, count, u -> memory.restore(v));
        for (var v : step.compute()) each(before, first, count, u -> lane.compute(v));
        each(
                before,
                first,
                count,
                u -> {
                    for (var v : step.save()) memory.save(v);
                    for (var f : foldings) folds.accumulate(f, u % f.accumulators.size());
                    for (var sink : step.sinks()) memory.sink(sink);
                });
    }

    private void each(int before, int first, int count, IntConsumer part) {
        for (int i = 0; i < count; i++) {
            copy = before + 1 + i;
            unrolled = (first + i) * form.lanes();
            part.accept(first + i);
        }
    }

    // ----------------------------------------------------------------------------------------
    // for the lane

    /// Which writing of the body this is: each has values of its own.
    int copy() {
        return copy;
    }

    /// Whether only the lanes of [MachineValues#LANES] exist.
    boolean isTail() {
        return tail;
    }

    Access access(int view) {
        return accesses.get(view);
    }

    static Memory stack(int place) {
        return Memory.at(RSP, place);
    }

    /// The memory of a value without a register.
    Memory slot(Object key) {
        return Memory.at(RSP, firstSlot + 64 * registers.slot(key));
    }

    /// The element of a view that is the same for the whole row.
    Memory rowAddress(int view) {
        return Memory.at(base(pointers.get(new Target.View(view))), 0);
    }

    /// The present point's element of a view whose elements are neighbours.
    Memory pointAddress(Place place) {
        int bytes = place.memory().bytes();
        int base = base(pointers.get(new Target.View(place.view())));
        return new Memory(base, RAX, bytes, unrolled * bytes);
    }

    /// Leaves in R11 the address of the present point's element of a strided view; of a ramp, its value.
    void stridedAddress(int view) {
        code.move(R10, RAX);
        if (unrolled > 0) code.addNumber(R10, unrolled);
        code.general(General.IMUL, R10, stride(view));
        var pointer = pointers.get(new Target.View(view));
        if (pointer.register >= 0) code.move(R11, pointer.register);
        else code.general(General.MOV, R11, Memory.at(RSP, pointer.place));
        code.general(General.ADD, R11, Operand.register(R10));
    }

    /// Bytes from point to point.
    Memory stride(int view) {
        return frame(Tile.VIEWS + Tile.VIEW * view + Tile.STEP);
    }

    Memory planeAddress(Value v) {
        int bytes = v.type.bytes();
        return new Memory(base(pointers.get(new Target.Plane(v))), RAX, bytes, unrolled * bytes);
    }

    private Memory slotAddress(Value v) {
        return Memory.at(base(pointers.get(new Target.Slot(v))), 0);
    }

    private int base(Pointer pointer) {
        if (pointer.register >= 0) return pointer.register;
        code.general(General.MOV, R11, Memory.at(RSP, pointer.place));
        return R11;
    }

    // --------------------------------------------------------------------------------------
    // pointers

    private void placePointers() {
        var uses = new HashMap<Target, Integer>();
        for (var v : step.compute()) if (v.detail instanceof Place p) count(uses, p.view(), 16);
        for (var sink : step.sinks()) count(uses, sink.view(), 16);
        for (var values : List.of(step.tile(), step.before(), step.after()))
            for (var v : values) if (v.detail instanceof Place p) count(uses, p.view(), 1);
        for (var sink : step.rowSinks()) count(uses, sink.view(), 1);
        for (var v : step.restore()) uses.merge(new Target.Plane(v), 16, Integer::sum);
        for (var v : step.save()) uses.merge(new Target.Plane(v), 16, Integer::sum);
        for (var v : step.restoreRow()) uses.merge(new Target.Slot(v), 1, Integer::sum);
        for (var v : step.saveRow()) uses.merge(new Target.Slot(v), 1, Integer::sum);
        var order = new ArrayList<>(uses.keySet());
        order.sort((a, b) -> {
            int byUse = Integer.compare(uses.get(b), uses.get(a));
            return byUse != 0 ? byUse : Integer.compare(number(a), number(b));
        });
        for (int i = 0; i < order.size(); i++)
            pointers.put(
                    order.get(i),
                    i < POINTERS.length
                            ? new Pointer(POINTERS[i], -1)
                            : new Pointer(-1, SCALARS + 8 * (i - POINTERS.length)));
    }

    private static void count(Map<Target, Integer> uses, int view, int times) {
        uses.merge(new Target.View(view), times, Integer::sum);
    }

    /// Any order, as long as it is always the same.
    private static int number(Target t) {
        return switch (t) {
            case Target.View v -> v.view;
            case Target.Plane p -> 1 << 16 | p.value.id;
            case Target.Slot s -> 1 << 20 | s.value.id;
        };
    }

    private void initialize(Target target, Pointer pointer) {
        int register = pointer.register >= 0 ? pointer.register : R11;
        switch (target) {
            case Target.View v ->
                    code.general(
                            General.MOV,
                            register,
                            frame(Tile.VIEWS + Tile.VIEW * v.view + Tile.ADDRESS));
            case Target.Slot s -> {
                code.general(General.MOV, register, frame(Tile.SCRATCH));
                code.addNumber(register, layout.slot(schedule.slots().indexOf(s.value)));
            }
            case Target.Plane p -> {
                code.moveNumber(register, schedule.planes().indexOf(p.value));
                code.general(General.IMUL, register, frame(Tile.PLANE));
                code.general(General.ADD, register, frame(Tile.SCRATCH));
                code.addNumber(register, layout.firstPlane());
            }
        }
        if (pointer.register < 0) code.store(Memory.at(RSP, pointer.place), R11, 8);
    }

    /// To the next row.
    private void advance(Target target, Pointer pointer) {
        int register = base(pointer);
        switch (target) {
            case Target.View v ->
                    code.general(
                            General.ADD,
                            register,
                            frame(Tile.VIEWS + Tile.VIEW * v.view + Tile.ROW_STEP));
            case Target.Slot _ -> code.addNumber(register, 8);
            case Target.Plane p ->
                    code.general(
                            General.LEA,
                            register,
                            new Memory(register, RSI, p.value.type.bytes(), 0));
        }
        if (pointer.register < 0) code.store(Memory.at(RSP, pointer.place), R11, 8);
    }

    // ----------------------------------------------------------------------------------------
    // calls

    /// The block for a call, on the stack.
    static Memory callOut(int place) {
        return Memory.at(RSP, CALL_OUT + place);
    }

    /// Calls Java with the block as it is. All registers stay.
    void callOut() {
        callsOut = true;
        code.callLabel(callRoutine);
    }

    private void writeCallRoutine() {
        int[] general = {RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11};
        code.bind(callRoutine);
        code.addNumber(RSP, -8); // and the return address: as the calling convention aligns it
        int area = saveArea + 16;
        for (int v = 0; v < 32; v++)
            code.vector(Instruction.STORE64, 64, v, Memory.at(RSP, area + 64 * v));
        for (int k = 1; k < 8; k++) code.maskStore(Memory.at(RSP, area + 2048 + 8 * k), k);
        for (int i = 0; i < general.length; i++)
            code.store(Memory.at(RSP, area + 2112 + 8 * i), general[i], 8);
        code.general(General.LEA, RDI, Memory.at(RSP, CALL_OUT + 16));
        code.moveNumber(RAX, CallOut.address());
        code.raw(0xC5, 0xF8, 0x77); // vzeroupper
        code.call(RAX);
        for (int v = 0; v < 32; v++)
            code.vector(Instruction.LOAD64, 64, v, Memory.at(RSP, area + 64 * v));
        for (int k = 1; k < 8; k++) code.maskLoad(k, Memory.at(RSP, area + 2048 + 8 * k));
        for (int i = 0; i < general.length; i++)
            code.general(General.MOV, general[i], Memory.at(RSP, area + 2112 + 8 * i));
        code.addNumber(RSP, 8);
        code.ret();
    }

    static Place place(Sink sink) {
        return new Place(sink.view(), sink.memory());
    }
}
