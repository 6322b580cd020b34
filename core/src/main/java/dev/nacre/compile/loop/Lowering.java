package dev.nacre.compile.loop;

import dev.nacre.compile.Program;
import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Program.Instr;
import dev.nacre.compile.loop.Value.Level;
import dev.nacre.compile.loop.Value.Place;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Rewrites a program as a graph of primitive [Value]s. Values of type bf16, f16, i8 and u8 are kept as the f32 or i32 of
/// equal value, and narrowed when they are stored.
public final class Lowering {
    /// What is done with a value in the end.
    ///
    /// @param kind how the value is combined with what is there; empty if it replaces that
    /// @param point whether there is an element for each point, not for each row
    public record Sink(
            Optional<Reduction> kind, int view, DType memory, Value value, boolean point) {}

    private final Program program;
    private final Value.Graph graph = new Value.Graph();
    private final Value[] values;
    private final boolean inRows; // whether the inner axis is a row, not just one of the axes
    private final List<Sink> sinks = new ArrayList<>();

    private Lowering(Program program) {
        this.program = program;
        this.values = new Value[program.code().size()];
        this.inRows = program.code().stream().anyMatch(Instr.RowFold.class::isInstance);
    }

    /// What the program does, as the sinks of a graph.
    public static List<Sink> of(Program program) {
        var lowering = new Lowering(program);
        for (int i = 0; i < lowering.values.length; i++) lowering.instruction(i);
        return List.copyOf(lowering.sinks);
    }

    private void instruction(int i) {
        switch (program.code().get(i)) {
            case Instr.Load(int view, DType dtype) ->
                    values[i] = widen(place(Prim.LOAD, view, dtype, raw(dtype)), dtype);
            case Instr.Ramp(int view, DType dtype) ->
                    values[i] = place(Prim.RAMP, view, dtype, dtype);
            case Instr.Literal(DType dtype, long bits) -> values[i] = literal(dtype, bits);
            case Instr.Apply1(Unary f, DType dtype, int a) -> values[i] = Formulas.of(f, values[a]);
            case Instr.Apply2(Binary f, DType operands, int a, int b) ->
                    values[i] = Formulas.of(f, values[a], values[b]);
            case Instr.Choose(DType dtype, int condition, int a, int b) ->
                    values[i] = values[condition].select(values[a], values[b]);
            case Instr.Convert(DType dtype, int a) -> values[i] = convert(values[a], dtype);
            case Instr.RowFold(Reduction kind, DType dtype, int a) ->
                    values[i] = round(alongRow(kind, values[a]).cast(dtype.arithmetic()), dtype);
            case Instr.Store(int view, DType dtype, int a) -> {
                values[i] =
                        program.code().get(a).dtype() == dtype
                                ? values[a]
                                : convert(values[a], dtype);
                sinks.add(
                        new Sink(
                                Optional.empty(),
                                view,
                                dtype,
                                narrow(values[i], dtype),
                                isPoint(view)));
            }
            case Instr.Accumulate(Reduction kind, int view, DType dtype, int a) -> {
                values[i] = values[a];
                var oncePerRow = isPoint(view) || inRows && !values[a].isPoint();
                var value = oncePerRow ? values[a] : alongRow(kind, values[a]);
                var memory = dtype.arithmetic();
                sinks.add(
                        new Sink(
                                Optional.of(kind),
                                view,
                                memory,
                                value.cast(memory),
                                isPoint(view)));
            }
        }
    }

    private boolean isPoint(int view) {
        return level(view) == Level.POINT;
    }

    private Level level(int view) {
        return switch (program.views().get(view)) {
            case Access.UNIFORM -> Level.TILE;
            case Access.ROW -> Level.ROW;
            case Access.UNIT, Access.STRIDED -> Level.POINT;
        };
    }

    private Value place(Prim prim, int view, DType memory, DType type) {
        return graph.of(prim, type, level(view), new Place(view, memory), List.of());
    }

    /// The type as which an element is read or written.
    private static DType raw(DType memory) {
        return memory == DType.BF16 || memory == DType.F16 ? DType.I32 : memory.arithmetic();
    }

    private static Value widen(Value raw, DType memory) {
        return switch (memory) {
            case BF16 -> raw.shl(16).bits();
            case F16 -> Formulas.fromF16(raw);
            default -> raw;
        };
    }

    private static Value narrow(Value value, DType memory) {
        return switch (memory) {
            case BF16 -> value.bits().ushr(16);
            case F16 -> Formulas.toF16(value);
            default -> value;
        };
    }

    private Value literal(DType dtype, long bits) {
        return dtype.isFloating()
                ? graph.constant(dtype.arithmetic(), dtype.round(Double.longBitsToDouble(bits)))
                : graph.bits(dtype.arithmetic(), dtype.wrap(bits));
    }

    /// Rounds a value of the arithmetic type to what a narrower type can hold.
    private static Value round(Value value, DType dtype) {
        return switch (dtype) {
            case BF16 -> Formulas.roundToBf16(value);
            case F16 -> Formulas.fromF16(Formulas.toF16(value));
            case I8 -> value.shl(24).shr(24);
            case U8 -> value.and(255);
            default -> value;
        };
    }

    private static Value convert(Value value, DType to) {
        var arithmetic = to.arithmetic();
        Value same;
        if (value.type == arithmetic) same = value;
        else if (arithmetic == DType.BOOL) same = value.ne(0);
        else if (value.type == DType.BOOL)
            same =
                    value.select(
                            value.graph.constant(arithmetic, 1),
                            value.graph.constant(arithmetic, 0));
        else same = arithmetic == to ? value.cast(to) : exactly(value, arithmetic);
        boolean narrow = to == DType.I8 || to == DType.U8;
        return narrow && value.type.isFloating()
                ? same.max(same.like(to.least())).min(same.like(to.most()))
                : round(same, to);
    }

    /// A value on its way to a type narrower than `to`, such that rounding it again gives what rounding it at once would.
    private static Value exactly(Value value, DType to) {
        return switch (value.type) {
            case I32 -> to == DType.F32 ? Formulas.toOdd(value.cast(DType.F64)) : value.cast(to);
            case I64 -> to == DType.F32 ? Formulas.toOdd(Formulas.toOdd(value)) : value.cast(to);
            case F64 -> to == DType.F32 ? Formulas.toOdd(value) : value.cast(to);
            default -> value.cast(to);
        };
    }

    /// A fold over the row. A value that does not change along the row counts as often as the row has points.
    private static Value alongRow(Reduction kind, Value value) {
        if (value.isPoint()) return value.fold(kind);
        var graph = value.graph;
        var length = graph.of(Prim.LENGTH, DType.I64, Level.TILE, "", List.of());
        if (value.type == DType.BOOL) return value; // any and all of equal values
        return switch (kind) {
            case SUM -> value.mul(length.cast(value.type));
            case PROD -> value.call(Binary.POW, length.cast(value.type));
            case MAX, MIN -> {
                var neutral =
                        value.type.isFloating()
                                ? value.like(kind.identity())
                                : graph.bits(value.type, kind.identity(value.type));
                yield length.eq(0).select(neutral, value);
            }
        };
    }
}
