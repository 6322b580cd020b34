package dev.nacre.compile.loop;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A primitive operation and its operands: a node of the graph that a program is lowered to. Equal operations on equal
/// operands are one node. Its methods make further nodes, so that [Formulas] read like formulas.
public final class Value {
    /// Where a value changes.
    public enum Level {
        /// The same in the whole tile.
        TILE,
        /// Changes from row to row.
        ROW,
        /// Changes along the row.
        POINT
    }

    /// What lies in memory at the present point of a view.
    public record Place(int view, DType memory) {}

    /// All nodes of one program.
    public static final class Graph {
        private record Key(Prim prim, DType type, List<Value> args, Object detail) {}

        private final Map<Key, Value> nodes = new HashMap<>();

        /// An empty graph.
        public Graph() {}

        public Value of(Prim prim, DType type, Level level, Object detail, List<Value> args) {
            return nodes.computeIfAbsent(
                    new Key(prim, type, args, detail),
                    key -> new Value(this, nodes.size(), prim, type, level, detail, args));
        }

        public Value constant(DType type, double value) {
            return bits(
                    type,
                    switch (type) {
                        case F32 -> Float.floatToRawIntBits((float) value);
                        case F64 -> Double.doubleToRawLongBits(value);
                        default -> (long) value;
                    });
        }

        /// The constant with these bits; of an integer or bool, the value itself.
        public Value bits(DType type, long bits) {
            return of(Prim.CONSTANT, type, Level.TILE, bits, List.of());
        }
    }

    private static final Object NONE = "";

    public final Graph graph;

    /// Greater than that of every operand.
    public final int id;

    public final Prim prim;

    /// f32, f64, i32, i64 or bool.
    public final DType type;

    public final Level level;
    public final Object detail;
    public final List<Value> args;

    private Value(
            Graph graph,
            int id,
            Prim prim,
            DType type,
            Level level,
            Object detail,
            List<Value> args) {
        this.graph = graph;
        this.id = id;
        this.prim = prim;
        this.type = type;
        this.level = level;
        this.detail = detail;
        this.args = args;
    }

    public boolean isPoint() {
        return level == Level.POINT;
    }

    public boolean isConstant() {
        return prim == Prim.CONSTANT;
    }

    /// The type in which the operands come.
    public DType operandType() {
        return args.getLast().type;
    }

    private static Value make(Prim prim, DType type, Object detail, Value... args) {
        var level = Level.TILE;
        for (var arg : args) if (arg.level.compareTo(level) > 0) level = arg.level;
        return args[0].graph.of(prim, type, level, detail, List.of(args));
    }

    private Value with(Prim prim, Value... others) {
        var args = new ArrayList<Value>();
        args.add(this);
        args.addAll(List.of(others));
        return make(
                prim, prim.isComparison() ? DType.BOOL : type, NONE, args.toArray(Value[]::new));
    }

    /// A constant of this value's type.
    public Value like(double constant) {
        return graph.constant(type, constant);
    }

    public Value add(Value b) {
        return with(Prim.ADD, b);
    }

    public Value add(double b) {
        return add(like(b));
    }

    public Value sub(Value b) {
        return with(Prim.SUB, b);
    }

    public Value sub(double b) {
        return sub(like(b));
    }

    public Value mul(Value b) {
        return with(Prim.MUL, b);
    }

    public Value mul(double b) {
        return mul(like(b));
    }

    public Value div(Value b) {
        return with(Prim.DIV, b);
    }

    /// `this·b + c`, rounded once.
    public Value fma(Value b, Value c) {
        return with(Prim.FMA, b, c);
    }

    public Value fma(double b, Value c) {
        return fma(like(b), c);
    }

    public Value fma(Value b, double c) {
        return fma(b, like(c));
    }

    /// `c₀ + c₁·this + c₂·this² + …` by Horner's rule.
    public Value polynomial(double... coefficients) {
        var sum = like(coefficients[coefficients.length - 1]);
        for (int i = coefficients.length - 2; i >= 0; i--) sum = sum.fma(this, coefficients[i]);
        return sum;
    }

    public Value min(Value b) {
        return with(Prim.MIN, b);
    }

    public Value max(Value b) {
        return with(Prim.MAX, b);
    }

    /// This float or the other, whichever is less; the other where one is NaN.
    public Value lesser(Value b) {
        return with(Prim.LESSER, b);
    }

    /// This float or the other, whichever is greater; the other where one is NaN.
    public Value greater(Value b) {
        return with(Prim.GREATER, b);
    }

    /// From `low` to `high`. NaN passes.
    public Value within(double low, double high) {
        return like(low).greater(like(high).lesser(this));
    }

    public Value neg() {
        return with(Prim.NEG);
    }

    public Value abs() {
        return with(Prim.ABS);
    }

    public Value sqrt() {
        return with(Prim.SQRT);
    }

    public Value square() {
        return mul(this);
    }

    public Value and(Value b) {
        return with(Prim.AND, b);
    }

    public Value and(long b) {
        return and(graph.bits(type, b));
    }

    public Value or(Value b) {
        return with(Prim.OR, b);
    }

    public Value or(long b) {
        return or(graph.bits(type, b));
    }

    public Value xor(Value b) {
        return with(Prim.XOR, b);
    }

    public Value not() {
        return with(Prim.NOT);
    }

    public Value shl(Value b) {
        return with(Prim.SHL, b);
    }

    public Value shl(int b) {
        return shl(like(b));
    }

    public Value shr(Value b) {
        return with(Prim.SHR, b);
    }

    public Value shr(int b) {
        return shr(like(b));
    }

    public Value ushr(int b) {
        return with(Prim.USHR, like(b));
    }

    public Value eq(Value b) {
        return with(Prim.EQ, b);
    }

    public Value eq(double b) {
        return eq(like(b));
    }

    public Value ne(Value b) {
        return with(Prim.NE, b);
    }

    public Value ne(double b) {
        return ne(like(b));
    }

    public Value lt(Value b) {
        return with(Prim.LT, b);
    }

    public Value lt(double b) {
        return lt(like(b));
    }

    public Value le(Value b) {
        return with(Prim.LE, b);
    }

    public Value le(double b) {
        return le(like(b));
    }

    public Value gt(Value b) {
        return with(Prim.GT, b);
    }

    public Value gt(double b) {
        return gt(like(b));
    }

    public Value ge(Value b) {
        return with(Prim.GE, b);
    }

    public Value ge(double b) {
        return ge(like(b));
    }

    public Value isNaN() {
        return ne(this);
    }

    /// This bool decides: `this ? a : b`.
    public Value select(Value a, Value b) {
        if (a.type == DType.BOOL) return and(a).or(not().and(b));
        return make(Prim.SELECT, a.type, NONE, this, a, b);
    }

    /// The bits of a float as an integer of its width, or the other way round.
    public Value bits() {
        var other =
                switch (type) {
                    case F32 -> DType.I32;
                    case I32 -> DType.F32;
                    case F64 -> DType.I64;
                    default -> DType.F64;
                };
        return make(Prim.BITS, other, NONE, this);
    }

    public Value cast(DType to) {
        return to == type ? this : make(Prim.CAST, to, NONE, this);
    }

    public Value call(Unary f) {
        return make(Prim.CALL1, type, f, this);
    }

    public Value call(Binary f, Value b) {
        return make(Prim.CALL2, f.isComparison() ? DType.BOOL : type, f, this, b);
    }

    /// This value, but `f(x)` where the condition holds.
    public Value patch(Value condition, Unary f, Value x) {
        return make(Prim.PATCH1, type, f, x, this, condition);
    }

    /// This value, but `f(a, b)` where the condition holds.
    public Value patch(Value condition, Binary f, Value a, Value b) {
        return make(Prim.PATCH2, type, f, a, b, this, condition);
    }

    /// The magnitude of this float with the sign of another.
    public Value withSignOf(Value sign) {
        long mask = type == DType.F32 ? Integer.MIN_VALUE : Long.MIN_VALUE;
        return abs().bits().or(sign.bits().and(mask)).bits();
    }

    /// This value combined along the row; sums and products of f32 are f64.
    public Value fold(Reduction kind) {
        var sum = kind == Reduction.SUM || kind == Reduction.PROD;
        return graph.of(
                Prim.FOLD,
                sum && type == DType.F32 ? DType.F64 : type,
                Level.ROW,
                kind,
                List.of(this));
    }

    @Override
    public String toString() {
        var text = new StringBuilder("v" + id + " = " + prim + " " + type);
        for (var arg : args) text.append(arg.isConstant() ? " #" + arg.detail : " v" + arg.id);
        return text.append(detail == NONE ? "" : " " + detail).toString();
    }
}
