package dev.nacre.cpu.loops;

import dev.nacre.compile.Program.Access;
import dev.nacre.cpu.loops.Lowering.Sink;
import dev.nacre.cpu.loops.Schedule.Step;
import dev.nacre.cpu.loops.Value.Level;
import dev.nacre.cpu.loops.Value.Place;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Writes the method that runs a tile:
///
///     values of the tile
///     for each row
///         values of the row that are known
///         for each step
///             for each block of the row, if the step folds
///                 for each vector, and once more for the rest, or for each element
///                     restore, compute, save, fold, store
///             values of the row that are known now
///         what is stored once a row
///         all addresses one row further
final class TileWriter {
    /// Folds are summed up this many points at a time, and the blocks in double precision. A multiple of all accumulators' lanes.
    private static final int BLOCK = 2048;
    /// Accumulators of a fold whose operand is cheap: enough that one's latency does not matter.
    private static final int ACCUMULATORS = 4;
    /// Operations that hide the latency of a single accumulator.
    private static final int BUSY = 6;
    private static final int PADS = 4;
    static final int PAD_BYTES = 64;
    private static final ClassDesc REDUCTION = Reduction.class.describeConstable().orElseThrow();

    final CodeBuilder code;
    final ScalarLane scalars;
    private final VectorLane vectors;
    private final VectorForm form;
    private final Schedule schedule;
    private final List<Access> accesses;
    private final Layout layout;
    private final Map<Value, Integer> scratchRows = new HashMap<>();
    private final Set<Value> splats = new LinkedHashSet<>();

    private int nextLocal = 2; // after `this` and the frame
    private final int rows;
    private final int length;
    private final int scratch;
    private final int pitch;
    private final Map<Integer, Integer> addresses = new HashMap<>();
    private final Map<Integer, Integer> steps = new HashMap<>();
    private final Map<Integer, Integer> rowSteps = new HashMap<>();

    // Where the code being written is.
    private int index = -1;
    private int unrolled;
    private int tail = -1;
    private int tailMask = -1;

    /// What scratch memory the code needs: `fixed` bytes and then rows of elements.
    record Layout(int fixed, int rows, int elementBytes) {
        long bytes(long length) {
            return fixed + rows * pitch(length);
        }

        /// Whole cache lines, and room for a whole vector at the end.
        long pitch(long length) {
            return (length * elementBytes + 2 * PAD_BYTES - 1) / PAD_BYTES * PAD_BYTES;
        }

        static Layout of(Schedule schedule, VectorForm form) {
            int folds = 0;
            for (var step : schedule.steps()) folds += step.folds().size();
            int width = 1;
            for (var v : schedule.scratch()) width = Math.max(width, v.type.bytes());
            return new Layout(PADS * PAD_BYTES + folds * accumulatorBytes(form), schedule.scratch().size(), width);
        }

        private static int accumulatorBytes(VectorForm form) {
            return ACCUMULATORS * form.lanes() * 8;
        }
    }

    TileWriter(CodeBuilder code, Schedule schedule, List<Access> accesses, VectorForm form) {
        this.code = code;
        this.schedule = schedule;
        this.accesses = accesses;
        this.form = form;
        this.layout = Layout.of(schedule, form);
        this.rows = allocate(TypeKind.LONG);
        this.length = allocate(TypeKind.INT);
        this.scratch = allocate(TypeKind.LONG);
        this.pitch = allocate(TypeKind.LONG);
        this.scalars = new ScalarLane(this);
        this.vectors = new VectorLane(this, form);
        for (var v : schedule.scratch()) scratchRows.put(v, scratchRows.size());
        for (var step : schedule.steps()) if (step.vector()) findSplats(step);
    }

    private void findSplats(Step step) {
        for (var v : step.compute())
            for (var arg : v.args) if (!arg.isPoint() && !isDistance(v, arg)) splats.add(arg);
        for (var sink : step.sinks()) if (!sink.value().isPoint()) splats.add(sink.value());
    }

    private static boolean isDistance(Value v, Value arg) {
        return switch (v.prim) {
            case SHL, SHR, USHR -> arg == v.args.get(1) && arg != v.args.get(0);
            default -> false;
        };
    }

    // --------------------------------------------------------------------------------------- structure

    void write() {
        entry(Tile.ROWS, rows, false);
        entry(Tile.LENGTH, length, true);
        entry(Tile.SCRATCH, scratch, false);
        entry(Tile.PITCH, pitch, false);
        for (int view = 0; view < accesses.size(); view++) readView(view);
        for (var v : schedule.tile()) compute(v);
        row();
        code.return_();
    }

    private void entry(int position, int local, boolean narrow) {
        code.aload(1).loadConstant(position).laload();
        if (narrow) code.l2i().istore(local);
        else code.lstore(local);
    }

    private void readView(int view) {
        int entry = Tile.VIEWS + Tile.VIEW * view;
        read(addresses, view, entry + Tile.ADDRESS);
        read(rowSteps, view, entry + Tile.ROW_STEP);
        read(steps, view, entry + Tile.STEP);
    }

    private void read(Map<Integer, Integer> locals, int view, int entry) {
        int local = allocate(TypeKind.LONG);
        locals.put(view, local);
        entry(entry, local, false);
    }

    /// A value of the tile or row.
    private void compute(Value v) {
        if (!v.isConstant()) scalars.compute(v);
        if (splats.contains(v)) vectors.splat(v);
    }

    private void row() {
        Label head = code.newLabel();
        Label end = code.newLabel();
        int row = allocate(TypeKind.LONG);
        code.lconst_0().lstore(row);
        code.labelBinding(head).lload(row).lload(rows).lcmp().ifge(end);
        int mark = nextLocal;
        for (int k = 0; k < schedule.rows().size(); k++) {
            for (var v : schedule.rows().get(k)) compute(v);
            if (k < schedule.steps().size()) step(schedule.steps().get(k), k);
        }
        schedule.rowSinks().forEach(this::rowSink);
        nextLocal = mark;
        for (int view = 0; view < accesses.size(); view++)
            code.lload(addresses.get(view)).lload(rowSteps.get(view)).ladd().lstore(addresses.get(view));
        code.lload(row).lconst_1().ladd().lstore(row).goto_(head).labelBinding(end);
    }

    private void rowSink(Sink sink) {
        Runnable address = () -> code.lload(addresses.get(sink.view()));
        scalars.store(sink.memory(), address, () -> {
            sink.kind().ifPresent(kind -> scalars.load(sink.memory(), address));
            scalars.push(sink.value());
            sink.kind().ifPresent(kind -> scalars.combine(kind, sink.value().type));
        });
    }

    // ------------------------------------------------------------------------------------------- steps

    private void step(Step step, int number) {
        if (step.folds().isEmpty()) {
            int end = allocate(TypeKind.INT);
            int start = allocate(TypeKind.INT);
            code.iload(length).istore(end).iconst_0().istore(start);
            points(step, List.of(), start, end);
        } else blocks(step, number);
    }

    /// One fold in progress.
    ///
    /// @param type of the operand
    /// @param total local variable with the result of all blocks so far
    /// @param locals accumulators of the vector lane
    /// @param memory where the scalar lane's accumulators begin in scratch memory
    private record Folding(Value fold, Reduction kind, DType type, int total, int[] locals, int memory) {
        Value operand() {
            return fold.args.getFirst();
        }

        /// Sums and products of blocks are combined in double precision.
        DType totalType() {
            return fold.type;
        }

        long neutral(DType of) {
            return switch (of) {
                case F32 -> Float.floatToRawIntBits((float) kind.identity());
                case F64 -> Double.doubleToRawLongBits(kind.identity());
                default -> kind.identity(of);
            };
        }
    }

    private void blocks(Step step, int number) {
        var foldings = step.folds().stream().map(f -> folding(f, step.vector(), number)).toList();
        Label head = code.newLabel();
        Label end = code.newLabel();
        int start = allocate(TypeKind.INT);
        int stop = allocate(TypeKind.INT);
        for (var f : foldings) {
            scalars.constant(f.totalType(), f.neutral(f.totalType()));
            code.storeLocal(scalars.local(f.totalType()), f.total);
        }
        code.iconst_0().istore(start);
        code.labelBinding(head).iload(start).iload(length).if_icmpge(end);
        code.iload(length).iload(start).loadConstant(BLOCK).iadd();
        callMin();
        code.istore(stop);
        for (var f : foldings) begin(f, step.vector());
        int from = allocate(TypeKind.INT);
        code.iload(start).istore(from);
        points(step, foldings, from, stop);
        for (var f : foldings) addBlock(f, step.vector());
        code.iload(stop).istore(start).goto_(head).labelBinding(end);
        for (var f : foldings) {
            code.loadLocal(scalars.local(f.totalType()), f.total);
            scalars.keep(f.fold);
            if (splats.contains(f.fold)) vectors.splat(f.fold);
        }
    }

    private void callMin() {
        code.invokestatic(
                ClassDesc.of("java.lang.Math"),
                "min",
                java.lang.constant.MethodTypeDesc.of(ConstantDescs.CD_int, ConstantDescs.CD_int, ConstantDescs.CD_int));
    }

    private int foldNumber;

    private Folding folding(Value fold, boolean vector, int step) {
        var type = fold.operandType();
        int memory = PADS * PAD_BYTES + foldNumber++ * Layout.accumulatorBytes(form);
        var folding = new Folding(fold, (Reduction) fold.detail, type, 0, new int[vector ? accumulators(fold) : 0], memory);
        for (int u = 0; u < folding.locals.length; u++) folding.locals[u] = allocate(TypeKind.REFERENCE);
        int total = allocate(scalars.local(folding.totalType()));
        return new Folding(fold, folding.kind, type, total, folding.locals, memory);
    }

    /// How many accumulators a fold has. Both lanes must agree.
    private static int accumulators(Value fold) {
        var seen = new LinkedHashSet<Value>();
        busy(fold.args.getFirst(), seen);
        return seen.size() <= BUSY ? ACCUMULATORS : 1;
    }

    private static void busy(Value v, Set<Value> seen) {
        if (!v.isPoint() || v.prim == Prim.LOAD || seen.size() > BUSY || !seen.add(v)) return;
        for (var arg : v.args) busy(arg, seen);
    }

    private void begin(Folding f, boolean vector) {
        if (vector)
            for (int local : f.locals) {
                vectors.neutral(f.type, f.neutral(f.type));
                code.astore(local);
            }
        else {
            pushScratch(f.memory);
            code.loadConstant(accumulators(f.fold) * form.lanes());
            scalars.constant(f.type, f.neutral(f.type));
            var wide = f.type.bytes() == 8;
            if (f.type.isFloating())
                code.invokestatic(
                        wide ? ClassDesc.of("java.lang.Double") : ClassDesc.of("java.lang.Float"),
                        wide ? "doubleToRawLongBits" : "floatToRawIntBits",
                        java.lang.constant.MethodTypeDesc.of(
                                wide ? ConstantDescs.CD_long : ConstantDescs.CD_int,
                                wide ? ConstantDescs.CD_double : ConstantDescs.CD_float));
            scalars.callStatic(
                    Lane.FOLDS,
                    wide ? "fill64" : "fill32",
                    ConstantDescs.CD_void,
                    ConstantDescs.CD_long,
                    ConstantDescs.CD_int,
                    wide ? ConstantDescs.CD_long : ConstantDescs.CD_int);
        }
    }

    private void addBlock(Folding f, boolean vector) {
        var kind = scalars.local(f.totalType());
        code.loadLocal(kind, f.total);
        if (vector) {
            for (int half = f.locals.length / 2; half > 0; half /= 2)
                for (int u = 0; u < half; u++) {
                    code.aload(f.locals[u]).aload(f.locals[u + half]);
                    vectors.combine(f.kind, f.type);
                    code.astore(f.locals[u]);
                }
            code.aload(f.locals[0]);
            vectors.reduce(f.kind, f.type);
        } else foldMemory(f.kind, f.type, () -> pushScratch(f.memory), accumulators(f.fold) * form.lanes());
        if (f.totalType() != f.type) code.f2d();
        scalars.combine(f.kind, f.totalType());
        code.storeLocal(kind, f.total);
    }

    /// Pushes the combination of accumulators in memory.
    void foldMemory(Reduction kind, DType type, Runnable address, int count) {
        code.getstatic(REDUCTION, kind.name(), REDUCTION);
        address.run();
        code.loadConstant(count);
        var memory = type == DType.BOOL ? DType.I32 : type;
        scalars.callStatic(
                Lane.FOLDS, memory.toString(), Lane.scalar(memory), REDUCTION, ConstantDescs.CD_long, ConstantDescs.CD_int);
        if (type == DType.BOOL) scalars.nonZero();
    }

    // ------------------------------------------------------------------------------------------ points

    private void points(Step step, List<Folding> foldings, int start, int end) {
        index = start;
        int mark = nextLocal;
        if (step.vector()) {
            int unroll = 1;
            for (var f : foldings) unroll = Math.max(unroll, f.locals.length);
            if (unroll > 1) vectorLoop(step, foldings, end, unroll);
            vectorLoop(step, foldings, end, 1);
            rest(step, foldings, end);
        } else scalarLoop(step, foldings, end);
        nextLocal = mark;
        index = -1;
    }

    private void vectorLoop(Step step, List<Folding> foldings, int end, int unroll) {
        int limit = allocate(TypeKind.INT);
        int points = unroll * form.lanes();
        code.iload(end).loadConstant(points - 1).isub().istore(limit);
        loop(limit, points, () -> {
            for (int u = 0; u < unroll; u++) {
                unrolled = u * form.lanes();
                int accumulator = u;
                body(step, vectors, () -> foldings.forEach(f -> accumulate(f, f.locals[accumulator % f.locals.length])));
            }
            unrolled = 0;
        });
    }

    /// The points that do not fill a vector, under a mask.
    private void rest(Step step, List<Folding> foldings, int end) {
        Label done = code.newLabel();
        tail = allocate(TypeKind.INT);
        code.iload(end).iload(index).isub().istore(tail);
        code.iload(tail).ifle(done);
        code.iload(tail);
        vectors.firstLanes();
        tailMask = allocate(TypeKind.REFERENCE);
        code.astore(tailMask);
        body(step, vectors, () -> foldings.forEach(f -> accumulate(f, f.locals[0])));
        code.labelBinding(done);
        tail = -1;
        tailMask = -1;
    }

    private void accumulate(Folding f, int accumulator) {
        code.aload(accumulator);
        vectors.pushFolded(f.operand(), f.neutral(f.type));
        vectors.combine(f.kind, f.type);
        code.astore(accumulator);
    }

    private void scalarLoop(Step step, List<Folding> foldings, int end) {
        int whole = allocate(TypeKind.INT);
        code.iload(end).loadConstant(-ACCUMULATORS * form.lanes()).iand().istore(whole);
        loop(end, 1, () -> body(step, scalars, () -> foldings.forEach(f -> accumulateInMemory(f, whole))));
    }

    /// Takes the accumulator that the vector lane would: the lane of the vector that the point would be in.
    private void accumulateInMemory(Folding f, int whole) {
        int accumulators = accumulators(f.fold);
        int lanes = form.lanes();
        int at = allocate(TypeKind.LONG);
        code.iload(index);
        if (accumulators > 1) {
            Label few = code.newLabel();
            Label join = code.newLabel();
            code.iload(index).iload(whole).if_icmpge(few);
            code.loadConstant(accumulators * lanes - 1).goto_(join);
            code.labelBinding(few).loadConstant(lanes - 1);
            code.labelBinding(join);
        } else code.loadConstant(lanes - 1);
        var memory = f.type == DType.BOOL ? DType.I32 : f.type;
        code.iand().i2l().loadConstant((long) memory.bytes()).lmul();
        pushScratch(f.memory);
        code.ladd().lstore(at);
        scalars.store(memory, () -> code.lload(at), () -> {
            scalars.load(memory, () -> code.lload(at));
            scalars.push(f.operand());
            scalars.combine(f.kind, f.type);
        });
    }

    private void loop(int limit, int points, Runnable body) {
        Label head = code.newLabel();
        Label end = code.newLabel();
        code.labelBinding(head).iload(index).iload(limit).if_icmpge(end);
        body.run();
        code.iinc(index, points).goto_(head).labelBinding(end);
    }

    private void body(Step step, Lane lane, Runnable fold) {
        int mark = nextLocal;
        for (var v : step.restore()) restore(lane, v);
        step.compute().forEach(lane::compute);
        for (var v : step.save()) save(lane, v);
        fold.run();
        for (var sink : step.sinks()) sink(lane, sink);
        nextLocal = mark;
    }

    private void restore(Lane lane, Value v) {
        whole(() -> lane.load(v.type, () -> pushScratchRow(v)));
        if (lane == vectors) vectors.keepLoaded(v);
        else lane.keep(v);
    }

    private void save(Lane lane, Value v) {
        whole(() -> lane.store(v.type, () -> pushScratchRow(v), () -> pushStored(lane, v)));
    }

    /// Scratch rows have room for a whole vector.
    private void whole(Runnable access) {
        int left = tail;
        tail = -1;
        access.run();
        tail = left;
    }

    private void sink(Lane lane, Sink sink) {
        var value = sink.value();
        Runnable address = () -> pushAddress(new Place(sink.view(), sink.memory()));
        lane.store(sink.memory(), address, () -> {
            if (sink.kind().isPresent()) {
                lane.load(sink.memory(), address);
                if (lane == vectors && value.type == DType.BOOL) vectors.canonicalLoaded();
            }
            pushStored(lane, value);
            sink.kind().ifPresent(kind -> lane.combine(kind, value.type));
        });
    }

    private void pushStored(Lane lane, Value v) {
        if (lane == vectors) vectors.pushStored(v);
        else lane.push(v);
    }

    // --------------------------------------------------------------------------------------- addresses

    void pushAddress(Place place) {
        int view = place.view();
        code.lload(addresses.get(view));
        switch (accesses.get(view)) {
            case UNIFORM, ROW -> {}
            case UNIT -> {
                pushIndex();
                code.loadConstant((long) place.memory().bytes()).lmul().ladd();
            }
            case STRIDED -> {
                pushIndex();
                code.lload(steps.get(view)).lmul().ladd();
            }
        }
    }

    void pushRamp(Value ramp) {
        int view = ((Place) ramp.detail).view();
        code.lload(addresses.get(view));
        if (ramp.level != Level.POINT) return;
        pushIndex();
        code.lload(steps.get(view)).lmul().ladd();
    }

    void pushRampStep(Value ramp) {
        code.lload(steps.get(((Place) ramp.detail).view()));
    }

    private void pushIndex() {
        code.iload(index).i2l();
        if (unrolled > 0) code.loadConstant((long) unrolled).ladd();
    }

    private void pushScratchRow(Value v) {
        pushScratch(layout.fixed);
        code.lload(pitch).loadConstant((long) scratchRows.get(v)).lmul().ladd();
        pushIndex();
        code.loadConstant((long) v.type.bytes()).lmul().ladd();
    }

    private void pushScratch(int offset) {
        code.lload(scratch).loadConstant((long) offset).ladd();
    }

    /// Pushes the address of a place for one vector.
    void pushPad(int pad) {
        pushScratch(pad * PAD_BYTES);
    }

    void pushLength() {
        code.iload(length).i2l();
    }

    /// The local variable with the number of points left, less than a vector; −1 if a whole vector is being worked on.
    int tail() {
        return tail;
    }

    int tailMask() {
        return tailMask;
    }

    int allocate(TypeKind kind) {
        int local = nextLocal;
        nextLocal += kind.slotSize();
        return local;
    }
}
