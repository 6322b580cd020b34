package dev.nacre.cpu.loops;

import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.cpu.loops.VectorForm.Element;
import dev.nacre.ir.Reduction;
import dev.nacre.type.DType;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.HashMap;
import java.util.Map;

/// Several points at a time, by the Vector API: f32 as `FloatVector` and so on, bool as `VectorMask`. It names the API in what
/// it emits but does not use it, so it loads without that module.
final class VectorLane extends Lane {
    private static final ClassDesc VECTOR = api("Vector");
    private static final ClassDesc MASK = api("VectorMask");
    private static final ClassDesc SPECIES = api("VectorSpecies");
    private static final ClassDesc OPERATORS = api("VectorOperators");
    private static final ClassDesc UNARY = api("VectorOperators$Unary");
    private static final ClassDesc BINARY = api("VectorOperators$Binary");
    private static final ClassDesc ASSOCIATIVE = api("VectorOperators$Associative");
    private static final ClassDesc COMPARISON = api("VectorOperators$Comparison");
    private static final ClassDesc CONVERSION = api("VectorOperators$Conversion");
    private static final ClassDesc SEGMENT = ClassDesc.of("java.lang.foreign.MemorySegment");
    private static final ClassDesc ORDER = ClassDesc.of("java.nio.ByteOrder");

    private final VectorForm form;

    /// Of bools: what the mask's species is.
    private final Map<Value, Element> masks = new HashMap<>();

    VectorLane(StepWriter writer, VectorForm form) {
        super(writer);
        this.form = form;
    }

    static ClassDesc api(String name) {
        return ClassDesc.of("jdk.incubator.vector." + name);
    }

    @Override
    TypeKind local(DType type) {
        return TypeKind.REFERENCE;
    }

    // ------------------------------------------------------------------------------------------
    // memory

    @Override
    void load(DType memory, Runnable address) {
        var element = Element.inMemory(memory);
        int tail = writer.tail();
        if (form.isFew(element)) loadFew(element, address);
        else {
            species(element);
            all();
            address.run();
            var masked = tail >= 0 && form.hasMaskedMemory(element);
            if (tail >= 0 && !masked) stage(element);
            order();
            if (masked) {
                tailMask(element);
                callStatic(
                        element.vector,
                        "fromMemorySegment",
                        element.vector,
                        SPECIES,
                        SEGMENT,
                        ConstantDescs.CD_long,
                        ORDER,
                        MASK);
            } else
                callStatic(
                        element.vector,
                        "fromMemorySegment",
                        element.vector,
                        SPECIES,
                        SEGMENT,
                        ConstantDescs.CD_long,
                        ORDER);
        }
        switch (memory) {
            case BOOL -> {
                var compared = form.isFew(element) ? form.mask() : element;
                if (compared != element)
                    convert(element, extension(element, compared, false), compared);
                broadcast(compared, 0);
                comparison("NE", compared);
            }
            case U8, BF16, F16 ->
                    convert(element, extension(element, Element.INT, true), Element.INT);
            case I8 -> convert(element, extension(element, Element.INT, false), Element.INT);
            default -> {}
        }
    }

    private static String extension(Element from, Element to, boolean unsigned) {
        return (unsigned ? "ZERO_EXTEND_" : "") + letter(from) + "2" + letter(to);
    }

    private static char letter(Element element) {
        return element.name().charAt(0);
    }

    /// A vector of at least 64 bits whose first lanes are the elements.
    private void loadFew(Element element, Runnable address) {
        code.getstatic(Element.LONG.vector, "SPECIES_64", SPECIES);
        address.run();
        bytesLeft(element);
        callStatic(
                MEMORY, "few", ConstantDescs.CD_long, ConstantDescs.CD_long, ConstantDescs.CD_int);
        callStatic(
                Element.LONG.vector,
                "broadcast",
                Element.LONG.vector,
                SPECIES,
                ConstantDescs.CD_long);
        reinterpret(Element.LONG, element);
    }

    @Override
    void store(DType memory, Runnable address, Runnable value) {
        var element = Element.inMemory(memory);
        int tail = writer.tail();
        var staged = tail >= 0 && !form.hasMaskedMemory(element);
        if (form.isFew(element)) {
            address.run();
            value.run();
            narrow(memory, element);
            reinterpret(element, Element.LONG);
            code.loadConstant(0);
            code.invokevirtual(
                    Element.LONG.vector,
                    "lane",
                    MethodTypeDesc.of(ConstantDescs.CD_long, ConstantDescs.CD_int));
            bytesLeft(element);
            callStatic(
                    MEMORY,
                    "few",
                    ConstantDescs.CD_void,
                    ConstantDescs.CD_long,
                    ConstantDescs.CD_long,
                    ConstantDescs.CD_int);
            return;
        }
        value.run();
        narrow(memory, element);
        all();
        if (staged) writer.pushPad(0);
        else address.run();
        order();
        if (tail >= 0 && !staged) {
            tailMask(element);
            code.invokevirtual(
                    element.vector,
                    "intoMemorySegment",
                    MethodTypeDesc.of(
                            ConstantDescs.CD_void, SEGMENT, ConstantDescs.CD_long, ORDER, MASK));
        } else
            code.invokevirtual(
                    element.vector,
                    "intoMemorySegment",
                    MethodTypeDesc.of(
                            ConstantDescs.CD_void, SEGMENT, ConstantDescs.CD_long, ORDER));
        if (staged) {
            writer.pushPad(0);
            address.run();
            bytesLeft(element);
            callStatic(
                    MEMORY,
                    "stage",
                    ConstantDescs.CD_long,
                    ConstantDescs.CD_long,
                    ConstantDescs.CD_long,
                    ConstantDescs.CD_int);
            code.pop2();
        }
    }

    /// From what a value is in a register to what it is in memory.
    private void narrow(DType memory, Element element) {
        switch (memory) {
            case BOOL -> {
                // The mask is of the canonical species here; as a vector it is 0 and −1.
                code.invokevirtual(MASK, "toVector", MethodTypeDesc.of(VECTOR));
                code.checkcast(form.mask().vector);
                code.invokevirtual(
                        form.mask().vector, "neg", MethodTypeDesc.of(form.mask().vector));
                if (form.mask() != element)
                    convert(form.mask(), extension(form.mask(), element, false), element);
            }
            case U8, I8, BF16, F16 ->
                    convert(Element.INT, extension(Element.INT, element, false), element);
            default -> {}
        }
    }

    private void stage(Element element) {
        writer.pushPad(0);
        bytesLeft(element);
        callStatic(
                MEMORY,
                "stage",
                ConstantDescs.CD_long,
                ConstantDescs.CD_long,
                ConstantDescs.CD_long,
                ConstantDescs.CD_int);
    }

    private void bytesLeft(Element element) {
        if (writer.tail() < 0) code.loadConstant(form.bytes(element));
        else code.iload(writer.tail()).loadConstant(element.bytes).imul();
    }

    private void tailMask(Element element) {
        code.aload(writer.tailMask());
        castMask(form.mask(), element);
    }

    /// Pushes the mask of the first lanes, as many as a local variable says.
    void firstLanes(int count) {
        species(form.mask());
        code.loadConstant(1L).iload(count).lshl().loadConstant(1L).lsub();
        callStatic(MASK, "fromLong", MASK, SPECIES, ConstantDescs.CD_long);
    }

    private void all() {
        code.getstatic(MEMORY, "ALL", SEGMENT);
    }

    private void order() {
        code.getstatic(ORDER, "LITTLE_ENDIAN", ORDER);
    }

    // --------------------------------------------------------------------------------------
    // operations

    /// Keeps the vector whose lanes all are a value of the row or tile.
    void splat(Value v) {
        if (v.type == DType.BOOL) {
            species(form.mask());
            writer.scalars.push(v);
            code.invokeinterface(
                    SPECIES, "maskAll", MethodTypeDesc.of(MASK, ConstantDescs.CD_boolean));
            masks.put(v, form.mask());
        } else {
            var element = Element.of(v.type);
            species(element);
            writer.scalars.push(v);
            callStatic(element.vector, "broadcast", element.vector, SPECIES, element.scalar);
        }
        keep(v);
    }

    /// Keeps what [#load] has pushed, a value saved in scratch.
    void keepLoaded(Value v) {
        if (v.type == DType.BOOL) masks.put(v, loadedMask());
        keep(v);
    }

    /// Makes the mask that [#load] has pushed one of the canonical species.
    void canonicalLoaded() {
        castMask(loadedMask(), form.mask());
    }

    private Element loadedMask() {
        return form.isFew(Element.BYTE) ? form.mask() : Element.BYTE;
    }

    /// Pushes a bool as a mask of this species.
    private void pushMask(Value v, Element element) {
        push(v);
        castMask(maskOf(v), element);
    }

    /// Pushes what a store takes: masks of the canonical species.
    void pushStored(Value v) {
        if (v.type == DType.BOOL) pushMask(v, form.mask());
        else push(v);
    }

    private Element maskOf(Value v) {
        Element known = masks.get(v);
        if (known == null) masks.put(v, known = naturalMask(v));
        return known;
    }

    private Element naturalMask(Value v) {
        return switch (v.prim) {
            case LOAD -> loadedMask();
            case AND, OR, XOR, NOT -> maskOf(v.args.getFirst());
            default -> Element.of(v.operandType());
        };
    }

    private void castMask(Element from, Element to) {
        if (from == to) return;
        species(to);
        code.invokevirtual(MASK, "cast", MethodTypeDesc.of(MASK, SPECIES));
    }

    @Override
    void operation(Value v) {
        if (v.type == DType.BOOL) logic(v);
        else arithmetic(v, Element.of(v.type));
    }

    private void logic(Value v) {
        if (v.prim.isComparison()) {
            pushOperands(v);
            comparison(v.prim.name(), Element.of(v.operandType()));
            return;
        }
        var element = maskOf(v);
        for (var arg : v.args) pushMask(arg, element);
        switch (v.prim) {
            case NOT -> code.invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
            case AND, OR, XOR ->
                    code.invokevirtual(
                            MASK,
                            v.prim.name().toLowerCase(java.util.Locale.ROOT),
                            MethodTypeDesc.of(MASK, MASK));
            default -> throw new IllegalStateException(v.toString());
        }
    }

    private void comparison(String operator, Element element) {
        // The operator goes between the operands.
        int right = writer.allocate(TypeKind.REFERENCE);
        code.astore(right);
        code.getstatic(OPERATORS, operator, COMPARISON);
        code.aload(right);
        code.invokevirtual(element.vector, "compare", MethodTypeDesc.of(MASK, COMPARISON, VECTOR));
    }

    private void arithmetic(Value v, Element element) {
        var vector = element.vector;
        switch (v.prim) {
            case ADD, SUB, MUL, DIV, MIN, MAX -> {
                pushOperands(v);
                binary(vector, v.prim);
            }
            case AND, OR -> {
                pushOperands(v);
                binary(vector, v.prim);
            }
            case XOR -> {
                push(v.args.get(0));
                operator("XOR", ASSOCIATIVE);
                push(v.args.get(1));
                lanewise(vector, VECTOR);
            }
            case LESSER, GREATER -> {
                push(v.args.get(1));
                push(v.args.get(0));
                pushOperands(v);
                comparison(v.prim == Prim.LESSER ? "LT" : "GT", element);
                code.invokevirtual(vector, "blend", MethodTypeDesc.of(vector, VECTOR, MASK));
            }
            case NEG, ABS, NOT, SQRT -> {
                pushOperands(v);
                code.invokevirtual(
                        vector,
                        v.prim.name().toLowerCase(java.util.Locale.ROOT),
                        MethodTypeDesc.of(vector));
            }
            case FMA -> {
                pushOperands(v);
                code.invokevirtual(vector, "fma", MethodTypeDesc.of(vector, VECTOR, VECTOR));
            }
            case SHL -> shift(v, element, "LSHL");
            case SHR -> shift(v, element, "ASHR");
            case USHR -> shift(v, element, "LSHR");
            case SELECT -> {
                push(v.args.get(2));
                push(v.args.get(1));
                pushMask(v.args.get(0), element);
                code.invokevirtual(vector, "blend", MethodTypeDesc.of(vector, VECTOR, MASK));
            }
            case BITS -> {
                pushOperands(v);
                reinterpret(Element.of(v.operandType()), element);
            }
            case CAST -> {
                var from = Element.of(v.operandType());
                pushOperands(v);
                convert(from, extension(from, element, false), element);
            }
            case RAMP -> ramp(v, element);
            case PATCH1, PATCH2 -> patch(v);
            default -> throw new IllegalStateException(v.toString());
        }
    }

    private void binary(ClassDesc vector, Prim prim) {
        code.invokevirtual(
                vector,
                prim.name().toLowerCase(java.util.Locale.ROOT),
                MethodTypeDesc.of(vector, VECTOR));
    }

    private void operator(String name, ClassDesc type) {
        code.getstatic(OPERATORS, name, type);
    }

    private void lanewise(ClassDesc vector, ClassDesc operand) {
        code.invokevirtual(vector, "lanewise", MethodTypeDesc.of(vector, BINARY, operand));
    }

    private void shift(Value v, Element element, String name) {
        push(v.args.get(0));
        operator(name, BINARY);
        var distance = v.args.get(1);
        if (distance.isPoint()) {
            push(distance);
            lanewise(element.vector, VECTOR);
        } else {
            writer.scalars.push(distance);
            lanewise(element.vector, element.scalar);
        }
    }

    private void ramp(Value v, Element element) {
        species(element);
        writer.pushRamp(v);
        if (element == Element.INT) code.l2i();
        callStatic(element.vector, "broadcast", element.vector, SPECIES, element.scalar);
        broadcast(element, 0);
        code.loadConstant(1)
                .invokevirtual(
                        element.vector,
                        "addIndex",
                        MethodTypeDesc.of(element.vector, ConstantDescs.CD_int));
        writer.pushRampStep(v);
        if (element == Element.INT) code.l2i();
        code.invokevirtual(
                element.vector, "mul", MethodTypeDesc.of(element.vector, element.scalar));
        binary(element.vector, Prim.ADD);
    }

    /// The rare lanes go through memory, and the function is called for each.
    private void patch(Value v) {
        var unary = v.prim == Prim.PATCH1;
        int last = v.args.size() - 1;
        var condition = v.args.get(last);
        Label done = code.newLabel();
        int y = writer.allocate(TypeKind.REFERENCE);
        push(v.args.get(last - 1));
        code.astore(y);
        push(condition);
        code.invokevirtual(MASK, "anyTrue", MethodTypeDesc.of(ConstantDescs.CD_boolean));
        code.ifeq(done);
        for (int i = 0; i < last; i++) {
            push(v.args.get(i));
            int pad = i;
            intoPad(pad);
        }
        pushEnum((Enum<?>) v.detail);
        for (int i = 0; i < last; i++) writer.pushPad(i);
        push(condition);
        code.invokevirtual(MASK, "toLong", MethodTypeDesc.of(ConstantDescs.CD_long));
        var enumType = ((Enum<?>) v.detail).getDeclaringClass().describeConstable().orElseThrow();
        var at = ConstantDescs.CD_long;
        if (unary) callStatic(CALLS, "patch", ConstantDescs.CD_void, enumType, at, at, at);
        else callStatic(CALLS, "patch", ConstantDescs.CD_void, enumType, at, at, at, at);
        fromPad(last - 1);
        code.astore(y);
        code.labelBinding(done);
        code.aload(y);
    }

    private void intoPad(int pad) {
        all();
        writer.pushPad(pad);
        order();
        code.invokevirtual(
                Element.FLOAT.vector,
                "intoMemorySegment",
                MethodTypeDesc.of(ConstantDescs.CD_void, SEGMENT, ConstantDescs.CD_long, ORDER));
    }

    private void fromPad(int pad) {
        species(Element.FLOAT);
        all();
        writer.pushPad(pad);
        order();
        callStatic(
                Element.FLOAT.vector,
                "fromMemorySegment",
                Element.FLOAT.vector,
                SPECIES,
                SEGMENT,
                ConstantDescs.CD_long,
                ORDER);
    }

    // -------------------------------------------------------------------------------------------
    // folds

    /// Pushes an accumulator that holds nothing yet.
    void neutral(DType type, long bits) {
        if (type == DType.BOOL) {
            species(form.mask());
            code.loadConstant((int) bits);
            code.invokeinterface(
                    SPECIES, "maskAll", MethodTypeDesc.of(MASK, ConstantDescs.CD_boolean));
        } else {
            var element = Element.of(type);
            species(element);
            writer.scalars.constant(type, bits);
            callStatic(element.vector, "broadcast", element.vector, SPECIES, element.scalar);
        }
    }

    /// Pushes the operand of a fold; lanes behind the row's end are neutral.
    void pushFolded(Value v, long neutral) {
        var tail = writer.tail() >= 0;
        if (v.type == DType.BOOL) {
            pushMask(v, form.mask());
            if (!tail) return;
            code.aload(writer.tailMask());
            if (neutral != 0) {
                code.invokevirtual(MASK, "not", MethodTypeDesc.of(MASK));
                code.invokevirtual(MASK, "or", MethodTypeDesc.of(MASK, MASK));
            } else code.invokevirtual(MASK, "and", MethodTypeDesc.of(MASK, MASK));
            return;
        }
        if (!tail) {
            push(v);
            return;
        }
        var element = Element.of(v.type);
        neutral(v.type, neutral);
        push(v);
        tailMask(element);
        code.invokevirtual(
                element.vector, "blend", MethodTypeDesc.of(element.vector, VECTOR, MASK));
    }

    @Override
    void combine(Reduction kind, DType type) {
        if (type == DType.BOOL) {
            var name = kind == Reduction.SUM || kind == Reduction.MAX ? "or" : "and";
            code.invokevirtual(MASK, name, MethodTypeDesc.of(MASK, MASK));
        } else
            binary(
                    Element.of(type).vector,
                    switch (kind) {
                        case SUM -> Prim.ADD;
                        case PROD -> Prim.MUL;
                        case MAX -> Prim.MAX;
                        case MIN -> Prim.MIN;
                    });
    }

    /// Turns the accumulator on the stack into a scalar.
    void reduce(Reduction kind, DType type) {
        if (type == DType.BOOL) {
            var any = kind == Reduction.SUM || kind == Reduction.MAX;
            code.invokevirtual(
                    MASK, any ? "anyTrue" : "allTrue", MethodTypeDesc.of(ConstantDescs.CD_boolean));
            return;
        }
        var element = Element.of(type);
        if (type.isFloating() && (kind == Reduction.SUM || kind == Reduction.PROD)) {
            all();
            writer.pushPad(0);
            order();
            code.invokevirtual(
                    element.vector,
                    "intoMemorySegment",
                    MethodTypeDesc.of(
                            ConstantDescs.CD_void, SEGMENT, ConstantDescs.CD_long, ORDER));
            writer.foldMemory(kind, type, () -> writer.pushPad(0), form.lanes());
        } else {
            operator(
                    switch (kind) {
                        case SUM -> "ADD";
                        case PROD -> "MUL";
                        case MAX -> "MAX";
                        case MIN -> "MIN";
                    },
                    ASSOCIATIVE);
            code.invokevirtual(
                    element.vector, "reduceLanes", MethodTypeDesc.of(element.scalar, ASSOCIATIVE));
        }
    }

    // -----------------------------------------------------------------------------------------
    // species

    private void species(Element element) {
        int bits = Math.max(64, form.bytes(element) * 8);
        code.getstatic(element.vector, "SPECIES_" + bits, SPECIES);
    }

    private void broadcast(Element element, int value) {
        species(element);
        code.loadConstant((long) value);
        callStatic(element.vector, "broadcast", element.vector, SPECIES, ConstantDescs.CD_long);
    }

    private void reinterpret(Element from, Element to) {
        var name =
                switch (to) {
                    case BYTE -> "reinterpretAsBytes";
                    case SHORT -> "reinterpretAsShorts";
                    case INT -> "reinterpretAsInts";
                    case LONG -> "reinterpretAsLongs";
                    case FLOAT -> "reinterpretAsFloats";
                    case DOUBLE -> "reinterpretAsDoubles";
                };
        code.invokevirtual(from.vector, name, MethodTypeDesc.of(to.vector));
    }

    private void convert(Element from, String conversion, Element to) {
        code.getstatic(OPERATORS, conversion, CONVERSION);
        species(to);
        code.loadConstant(0);
        code.invokevirtual(
                from.vector,
                "convertShape",
                MethodTypeDesc.of(VECTOR, CONVERSION, SPECIES, ConstantDescs.CD_int));
        code.checkcast(to.vector);
    }
}
