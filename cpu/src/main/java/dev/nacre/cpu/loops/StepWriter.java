package dev.nacre.cpu.loops;

import dev.nacre.compile.Program.Access;
import dev.nacre.compile.loop.Lowering.Sink;
import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.compile.loop.Value.Level;
import dev.nacre.compile.loop.Value.Place;
import dev.nacre.cpu.loops.Schedule.Step;
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
import java.util.TreeMap;
import java.util.TreeSet;

/// Writes the method that does one step of a tile:
///
///     values of the tile
///     for each row
///         values of the row, restored or computed
///         for each block of the row, if the step folds
///             for each vector, and once more for the rest, or for each element
///                 restore, compute, save, fold, store
///         values of the row that follow from its folds
///         what is stored once a row, what waits for later steps
///         all addresses one row further
final class StepWriter {
    /// Folds are summed up this many vectors at a time, and such blocks in double precision. A multiple of the accumulators.
    static final int BLOCK = 128;

    /// Accumulators of a fold whose operand is cheap: enough that one's latency does not matter.
    static final int ACCUMULATORS = 4;

    /// Operations that hide the latency of a single accumulator.
    private static final int BUSY = 6;

    private static final ClassDesc REDUCTION = Reduction.class.describeConstable().orElseThrow();

    final CodeBuilder code;
    final ScalarLane scalars;
    private final VectorLane vectors;
    private final VectorForm form;
    private final Schedule schedule;
    private final Step step;
    private final List<Access> accesses;
    private final Layout layout;
    private final Set<Value> splats = new LinkedHashSet<>();

    private int nextLocal = 2; // after the frame
    private final int rows;
    private final int length;
    private final int scratch;
    private final int plane;
    private final int row;

    /// Index of the row's first point in the planes.
    private final int rowStart;

    private final Map<Integer, Integer> addresses = new TreeMap<>();
    private final Map<Integer, Integer> rowSteps = new HashMap<>();
    private final Map<Integer, Integer> steps = new HashMap<>();
    private int left;
    private int leftMask;
    private int nextFold;

    // Where the code being written is.
    private int index = -1;
    private int unrolled;
    private int tail = -1;

    /// @param firstFold number of the step's first fold among all
    StepWriter(
            CodeBuilder code,
            Schedule schedule,
            int number,
            int firstFold,
            List<Access> accesses,
            VectorForm form) {
        this.code = code;
        this.schedule = schedule;
        this.step = schedule.steps().get(number);
        this.nextFold = firstFold;
        this.accesses = accesses;
        this.form = form;
        this.layout = Layout.of(schedule, form);
        this.rows = allocate(TypeKind.INT);
        this.length = allocate(TypeKind.INT);
        this.scratch = allocate(TypeKind.LONG);
        this.plane = allocate(TypeKind.LONG);
        this.row = allocate(TypeKind.INT);
        this.rowStart = allocate(TypeKind.LONG);
        this.scalars = new ScalarLane(this);
        this.vectors = new VectorLane(this, form);
        if (step.vector()) findSplats();
    }

    private void findSplats() {
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

    // ---------------------------------------------------------------------------------------
    // structure

    void write() {
        entry(Tile.ROWS, rows, true);
        entry(Tile.LENGTH, length, true);
        entry(Tile.SCRATCH, scratch, false);
        entry(Tile.PLANE, plane, false);
        views().forEach(this::readView);
        if (step.vector()) prepareRest();
        step.tile().forEach(this::compute);
        rows();
        code.return_();
    }

    private void entry(int position, int local, boolean narrow) {
        code.lload(0).loadConstant(8L * position).ladd();
        code.invokestatic(
                Lane.MEMORY,
                "i64",
                java.lang.constant.MethodTypeDesc.of(ConstantDescs.CD_long, ConstantDescs.CD_long));
        if (narrow) code.l2i().istore(local);
        else code.lstore(local);
    }

    /// The views that the step touches.
    private Set<Integer> views() {
        var views = new TreeSet<Integer>();
        for (var values : List.of(step.tile(), step.before(), step.compute(), step.after()))
            for (var v : values) if (v.detail instanceof Place place) views.add(place.view());
        for (var sinks : List.of(step.sinks(), step.rowSinks()))
            for (var sink : sinks) views.add(sink.view());
        return views;
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

    /// What does not fill a vector is the same in every row.
    private void prepareRest() {
        left = allocate(TypeKind.INT);
        leftMask = allocate(TypeKind.REFERENCE);
        code.iload(length).loadConstant(form.lanes() - 1).iand().istore(left);
        vectors.firstLanes(left);
        code.astore(leftMask);
    }

    /// A value of the tile or row.
    private void compute(Value v) {
        if (!v.isConstant()) scalars.compute(v);
        splat(v);
    }

    private void splat(Value v) {
        if (splats.contains(v)) vectors.splat(v);
    }

    private void rows() {
        Label head = code.newLabel();
        Label end = code.newLabel();
        code.iconst_0().istore(row).lconst_0().lstore(rowStart);
        code.labelBinding(head).iload(row).iload(rows).if_icmpge(end);
        int mark = nextLocal;
        for (var v : step.restoreRow()) {
            scalars.load(v.type, () -> pushSlot(v));
            scalars.keep(v);
            splat(v);
        }
        step.before().forEach(this::compute);
        points();
        step.after().forEach(this::compute);
        for (var v : step.saveRow())
            scalars.store(v.type, () -> pushSlot(v), () -> scalars.push(v));
        step.rowSinks().forEach(this::rowSink);
        nextLocal = mark;
        addresses.forEach((view, address) ->
                code.lload(address).lload(rowSteps.get(view)).ladd().lstore(address));
        code.lload(rowStart).iload(length).i2l().ladd().lstore(rowStart);
        code.iinc(row, 1).goto_(head).labelBinding(end);
    }

    private void rowSink(Sink sink) {
        Runnable address = () -> code.lload(addresses.get(sink.view()));
        scalars.store(
                sink.memory(),
                address,
                () -> {
                    sink.kind().ifPresent(kind -> scalars.load(sink.memory(), address));
                    scalars.push(sink.value());
                    sink.kind().ifPresent(kind -> scalars.combine(kind, sink.value().type));
                });
    }

    private void points() {
        if (step.compute().isEmpty() && step.restore().isEmpty() && step.sinks().isEmpty()) return;
        if (!step.folds().isEmpty()) {
            blocks();
            return;
        }
        int start = allocate(TypeKind.INT);
        code.iconst_0().istore(start);
        points(List.of(), start, length);
    }

    // -------------------------------------------------------------------------------------------
    // folds

    /// One fold in progress.
    ///
    /// @param type of the operand
    /// @param total local variable with the result of all blocks so far
    /// @param locals accumulators of the vector lane
    /// @param memory where the scalar lane's accumulators begin in scratch memory
    private record Folding(
            Value fold, Reduction kind, DType type, int total, int[] locals, int memory) {
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

    private void blocks() {
        var foldings = step.folds().stream().map(this::folding).toList();
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
        code.iload(length).iload(start).loadConstant(BLOCK * form.lanes()).iadd();
        callMin();
        code.istore(stop);
        for (var f : foldings) begin(f);
        int from = allocate(TypeKind.INT);
        code.iload(start).istore(from);
        points(foldings, from, stop);
        for (var f : foldings) addBlock(f);
        code.iload(stop).istore(start).goto_(head).labelBinding(end);
        for (var f : foldings) {
            code.loadLocal(scalars.local(f.totalType()), f.total);
            scalars.keep(f.fold);
        }
    }

    private void callMin() {
        code.invokestatic(
                ClassDesc.of("java.lang.Math"),
                "min",
                java.lang.constant.MethodTypeDesc.of(
                        ConstantDescs.CD_int, ConstantDescs.CD_int, ConstantDescs.CD_int));
    }

    private Folding folding(Value fold) {
        var type = fold.operandType();
        int[] locals = new int[step.vector() ? accumulators(fold) : 0];
        for (int u = 0; u < locals.length; u++) locals[u] = allocate(TypeKind.REFERENCE);
        int total = allocate(scalars.local(fold.type));
        return new Folding(
                fold,
                (Reduction) fold.detail,
                type,
                total,
                locals,
                layout.accumulators(nextFold++));
    }

    /// How many accumulators a fold has. Both lanes must agree.
    static int accumulators(Value fold) {
        var seen = new LinkedHashSet<Value>();
        busy(fold.args.getFirst(), seen);
        return seen.size() <= BUSY ? ACCUMULATORS : 1;
    }

    private static void busy(Value v, Set<Value> seen) {
        if (!v.isPoint() || v.prim == Prim.LOAD || seen.size() > BUSY || !seen.add(v)) return;
        for (var arg : v.args) busy(arg, seen);
    }

    private void begin(Folding f) {
        if (step.vector())
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

    private void addBlock(Folding f) {
        var kind = scalars.local(f.totalType());
        code.loadLocal(kind, f.total);
        if (step.vector()) {
            for (int half = f.locals.length / 2; half > 0; half /= 2)
                for (int u = 0; u < half; u++) {
                    code.aload(f.locals[u]).aload(f.locals[u + half]);
                    vectors.combine(f.kind, f.type);
                    code.astore(f.locals[u]);
                }
            code.aload(f.locals[0]);
            vectors.reduce(f.kind, f.type);
        } else
            foldMemory(
                    f.kind,
                    f.type,
                    () -> pushScratch(f.memory),
                    accumulators(f.fold) * form.lanes());
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
                Lane.FOLDS,
                memory.toString(),
                Lane.scalar(memory),
                REDUCTION,
                ConstantDescs.CD_long,
                ConstantDescs.CD_int);
        if (type == DType.BOOL) scalars.nonZero();
    }

    // ------------------------------------------------------------------------------------------
    // points

    private void points(List<Folding> foldings, int start, int end) {
        index = start;
        int mark = nextLocal;
        if (step.vector()) {
            int unroll = 1;
            for (var f : foldings) unroll = Math.max(unroll, f.locals.length);
            if (unroll > 1) vectorLoop(foldings, end, unroll);
            vectorLoop(foldings, end, 1);
            rest(foldings, end);
        } else scalarLoop(foldings, end);
        nextLocal = mark;
        index = -1;
    }

    private void vectorLoop(List<Folding> foldings, int end, int unroll) {
        int limit = allocate(TypeKind.INT);
        int points = unroll * form.lanes();
        code.iload(end).loadConstant(points - 1).isub().istore(limit);
        loop(
                limit,
                points,
                () -> {
                    for (int u = 0; u < unroll; u++) {
                        unrolled = u * form.lanes();
                        int accumulator = u;
                        body(
                                vectors,
                                () ->
                                        foldings.forEach(f ->
                                                accumulate(
                                                        f,
                                                        f.locals[accumulator % f.locals.length])));
                    }
                    unrolled = 0;
                });
    }

    /// The points that do not fill a vector, under a mask.
    private void rest(List<Folding> foldings, int end) {
        Label done = code.newLabel();
        code.iload(index).iload(end).if_icmpge(done);
        tail = left;
        body(vectors, () -> foldings.forEach(f -> accumulate(f, f.locals[0])));
        code.labelBinding(done);
        tail = -1;
    }

    private void accumulate(Folding f, int accumulator) {
        code.aload(accumulator);
        vectors.pushFolded(f.operand(), f.neutral(f.type));
        vectors.combine(f.kind, f.type);
        code.astore(accumulator);
    }

    private void scalarLoop(List<Folding> foldings, int end) {
        int whole = allocate(TypeKind.INT);
        code.iload(end).loadConstant(-ACCUMULATORS * form.lanes()).iand().istore(whole);
        loop(
                end,
                1,
                () -> body(scalars, () -> foldings.forEach(f -> accumulateInMemory(f, whole))));
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
        scalars.store(
                memory,
                () -> code.lload(at),
                () -> {
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

    private void body(Lane lane, Runnable fold) {
        int mark = nextLocal;
        for (var v : step.restore()) restore(lane, v);
        step.compute().forEach(lane::compute);
        for (var v : step.save()) save(lane, v);
        fold.run();
        for (var sink : step.sinks()) sink(lane, sink);
        nextLocal = mark;
    }

    private void restore(Lane lane, Value v) {
        whole(() -> lane.load(v.type, () -> pushPlane(v)));
        if (lane == vectors) vectors.keepLoaded(v);
        else lane.keep(v);
    }

    private void save(Lane lane, Value v) {
        whole(() -> lane.store(v.type, () -> pushPlane(v), () -> pushStored(lane, v)));
    }

    /// Planes have room for a whole vector at the end; rows behind the present one are written later.
    private void whole(Runnable access) {
        int rest = tail;
        tail = -1;
        access.run();
        tail = rest;
    }

    private void sink(Lane lane, Sink sink) {
        var value = sink.value();
        Runnable address = () -> pushAddress(new Place(sink.view(), sink.memory()));
        lane.store(
                sink.memory(),
                address,
                () -> {
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

    // ---------------------------------------------------------------------------------------
    // addresses

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

    private void pushPlane(Value v) {
        pushScratch(layout.firstPlane());
        code.lload(plane).loadConstant((long) schedule.planes().indexOf(v)).lmul().ladd();
        code.lload(rowStart);
        pushIndex();
        code.ladd().loadConstant((long) v.type.bytes()).lmul().ladd();
    }

    private void pushSlot(Value v) {
        pushScratch(layout.slot(schedule.slots().indexOf(v)));
        code.iload(row).i2l().loadConstant(8L).lmul().ladd();
    }

    private void pushScratch(int offset) {
        code.lload(scratch).loadConstant((long) offset).ladd();
    }

    /// Pushes the address of a place for one vector.
    void pushPad(int pad) {
        pushScratch(layout.pad(pad));
    }

    void pushLength() {
        code.iload(length).i2l();
    }

    /// The local variable with the number of points left, less than a vector; −1 if a whole vector is being worked on.
    int tail() {
        return tail;
    }

    int tailMask() {
        return leftMask;
    }

    int allocate(TypeKind kind) {
        int local = nextLocal;
        nextLocal += kind.slotSize();
        return local;
    }
}
