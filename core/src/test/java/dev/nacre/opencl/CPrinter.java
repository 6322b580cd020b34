package dev.nacre.opencl;

import dev.nacre.compile.Loop;
import dev.nacre.compile.View;
import dev.nacre.compile.loop.Lowering;
import dev.nacre.compile.loop.Lowering.Sink;
import dev.nacre.compile.loop.Prim;
import dev.nacre.compile.loop.Value;
import dev.nacre.compile.loop.Value.Level;
import dev.nacre.compile.loop.Value.Place;
import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Prints a loop as OpenCL C, one row after the other and one point after the other: a second reading of what lowered programs mean, by a compiler that nobody here wrote.
///
/// ```c
/// kernel void run(global uchar* b0, global uchar* b1) {
///     for (long i0 = 0; i0 < 8; i0++) {
///         for (long i1 = 0; i1 < 100; i1++) {
///             float v0 = ((global float*) b0)[0 + 100 * i0 + 1 * i1];
///             float v1 = v0 * v0;
///             ((global float*) b1)[0 + 100 * i0 + 1 * i1] = v1;
/// ```
///
/// Every element that something is combined into must hold its neutral number before. Its memory may be of a wider type than [Loop] has it; narrow memory would round each sum.
public final class CPrinter {
    /// A function that C has no formula for.
    public static final class Unprintable extends RuntimeException {
        private static final long serialVersionUID = 1;

        Unprintable(String function) {
            super(function + " is called, not computed by a formula");
        }
    }

    /// What OpenCL leaves open: Java's casts, minima and integers that wrap.
    private static final String PRELUDE =
            """
            #pragma OPENCL EXTENSION cl_khr_fp64 : enable
            #pragma OPENCL FP_CONTRACT OFF
            int wrap_int(uint x) { return as_int(x); }
            long wrap_long(ulong x) { return as_long(x); }
            int div_int(int a, int b) { return b == 0 ? 0 : b == -1 ? wrap_int(0u - as_uint(a)) : a / b; }
            long div_long(long a, long b) { return b == 0 ? 0 : b == -1 ? wrap_long(0ul - as_ulong(a)) : a / b; }
            float min_float(float a, float b) { return a != a ? a : b != b ? b : a == 0 && b == 0 ? as_float(as_int(a) | as_int(b)) : a < b ? a : b; }
            float max_float(float a, float b) { return a != a ? a : b != b ? b : a == 0 && b == 0 ? as_float(as_int(a) & as_int(b)) : a > b ? a : b; }
            double min_double(double a, double b) { return a != a ? a : b != b ? b : a == 0 && b == 0 ? as_double(as_long(a) | as_long(b)) : a < b ? a : b; }
            double max_double(double a, double b) { return a != a ? a : b != b ? b : a == 0 && b == 0 ? as_double(as_long(a) & as_long(b)) : a > b ? a : b; }
            int min_int(int a, int b) { return a < b ? a : b; }
            int max_int(int a, int b) { return a > b ? a : b; }
            long min_long(long a, long b) { return a < b ? a : b; }
            long max_long(long a, long b) { return a > b ? a : b; }
            int int_of(double x) { return x != x ? 0 : x <= -0x1p31 ? INT_MIN : x >= 0x1p31 ? INT_MAX : (int) x; }
            long long_of(double x) { return x != x ? 0 : x <= -0x1p63 ? LONG_MIN : x >= 0x1p63 ? LONG_MAX : (long) x; }
            """;

    private final Loop.Instance instance;
    private final List<Sink> sinks;
    private final StringBuilder out = new StringBuilder();
    private final Set<Value> values = new TreeSet<>((a, b) -> Integer.compare(a.id, b.id));
    private String margin = "    ";

    private CPrinter(Loop.Instance instance, List<Sink> sinks) {
        this.instance = instance;
        this.sinks = sinks;
        for (Sink s : sinks) {
            gather(s.value(), values);
        }
    }

    /// @param instance one of the loop's iteration spaces
    /// @throws Unprintable if the loop calls a function
    public static String print(Loop loop, int instance) {
        CPrinter p = new CPrinter(loop.instances().get(instance), Lowering.of(loop.program()));
        p.kernel();
        return PRELUDE + p.out;
    }

    /// The buffers that the kernel takes, in the order of its parameters.
    public static List<Integer> buffers(Loop loop, int instance) {
        return loop.instances().get(instance).views().stream()
                .map(View::buffer)
                .filter(b -> b >= 0)
                .distinct()
                .sorted()
                .toList();
    }

    private static void gather(Value v, Set<Value> into) {
        if (into.add(v)) {
            v.args.forEach(a -> gather(a, into));
        }
    }

    private void line(String text, Object... values) {
        out.append(margin).append(String.format(Locale.ROOT, text, values)).append('\n');
    }

    private void open(String text, Object... values) {
        line(text + " {", values);
        margin += "    ";
    }

    private void close() {
        margin = margin.substring(4);
        line("}");
    }

    private void kernel() {
        margin = "";
        open(
                "kernel void run(%s)",
                instance.views().stream()
                        .map(View::buffer)
                        .filter(b -> b >= 0)
                        .distinct()
                        .sorted()
                        .map(b -> "global uchar* b" + b)
                        .collect(Collectors.joining(", ")));
        define(Level.TILE, 0, Set.of());
        int inner = instance.extents().length - 1;
        for (int a = 0; a < inner; a++) {
            open("for (long i%d = 0; i%d < %d; i%d++)", a, a, instance.extents()[a], a);
        }
        row(inner);
        for (int a = 0; a <= inner; a++) {
            close();
        }
    }

    /// How many folds a value waits for, one after the other.
    private static int stage(Value v) {
        int before = v.args.stream().mapToInt(CPrinter::stage).max().orElse(0);
        return v.prim == Prim.FOLD ? before + 1 : before;
    }

    private void row(int inner) {
        int last = values.stream().mapToInt(CPrinter::stage).max().orElse(0);
        define(Level.ROW, 0, Set.of());
        for (int stage = 1; stage <= last; stage++) {
            fold(inner, stage);
            define(Level.ROW, stage, Set.of());
        }
        List<Sink> points = sinks.stream().filter(Sink::point).toList();
        if (!points.isEmpty()) {
            open(
                    "for (long i%d = 0; i%d < %d; i%d++)",
                    inner, inner, instance.extents()[inner], inner);
            define(Level.POINT, 0, closure(points.stream().map(Sink::value).toList()));
            points.forEach(this::sink);
            close();
        }
        sinks.stream().filter(s -> !s.point()).forEach(this::sink);
    }

    private static Set<Value> closure(List<Value> roots) {
        Set<Value> out = new HashSet<>();
        roots.forEach(v -> gather(v, out));
        return out;
    }

    /// All folds of a stage, in one pass over the row.
    private void fold(int inner, int stage) {
        List<Value> folds =
                values.stream().filter(v -> v.prim == Prim.FOLD && stage(v) == stage).toList();
        for (Value f : folds) {
            line("%s v%d = %s;", type(f.type), f.id, neutral((Reduction) f.detail, f.type));
        }
        open("for (long i%d = 0; i%d < %d; i%d++)", inner, inner, instance.extents()[inner], inner);
        define(Level.POINT, 0, closure(folds.stream().map(f -> f.args.getFirst()).toList()));
        for (Value f : folds) {
            String x = "(" + type(f.type) + ") v" + f.args.getFirst().id;
            line("v%d = %s;", f.id, combined((Reduction) f.detail, f.type, "v" + f.id, x));
        }
        close();
    }

    /// Defines the values of a level. Of points, those in `only`; of rows, those of a stage.
    private void define(Level level, int stage, Set<Value> only) {
        for (Value v : values) {
            boolean now =
                    v.level == level
                            && v.prim != Prim.FOLD
                            && (level == Level.POINT
                                    ? only.contains(v)
                                    : level == Level.TILE || stage(v) == stage);
            if (now) {
                line("%s v%d = %s;", type(v.type), v.id, expression(v));
            }
        }
    }

    private void sink(Sink s) {
        // what is combined may be wider in memory than it is by itself
        DType memory = s.kind().isPresent() ? instance.views().get(s.view()).dtype() : s.memory();
        String at = element(s.view(), memory);
        String value = "(" + memory(memory) + ") v" + s.value().id;
        line("%s = %s;", at, s.kind().map(k -> combined(k, memory, at, value)).orElse(value));
    }

    // ------------------------------------------------------------------------------------------
    // memory

    private String element(int view, DType memory) {
        View v = instance.views().get(view);
        return "((global " + memory(memory) + "*) b" + v.buffer() + ")[" + position(v) + "]";
    }

    private String position(View v) {
        StringBuilder sum = new StringBuilder(v.offset() + "L");
        for (int a = 0; a < v.rank(); a++) {
            if (v.strides()[a] != 0) {
                sum.append(" + ").append(v.strides()[a]).append("L * i").append(a);
            }
        }
        return sum.toString();
    }

    private static String memory(DType t) {
        return switch (t) {
            case BOOL, U8 -> "uchar";
            case I8 -> "char";
            case BF16, F16 -> "ushort";
            default -> type(t);
        };
    }

    private static String type(DType t) {
        return switch (t) {
            case F32 -> "float";
            case F64 -> "double";
            case I64 -> "long";
            default -> "int";
        };
    }

    private String load(Place p) {
        String at = element(p.view(), p.memory());
        return p.memory() == DType.BOOL ? at + " != 0" : at;
    }

    // ------------------------------------------------------------------------------------------
    // numbers

    private static String constant(DType type, long bits) {
        return switch (type) {
            case F32 -> "as_float(" + (int) bits + ")";
            case F64 -> "as_double(" + literal(bits) + ")";
            case I64 -> literal(bits);
            default -> bits == Integer.MIN_VALUE ? "INT_MIN" : Long.toString(bits);
        };
    }

    private static String literal(long bits) {
        return bits == Long.MIN_VALUE ? "LONG_MIN" : bits + "L";
    }

    private static String neutral(Reduction kind, DType type) {
        return constant(
                type,
                switch (type) {
                    case F32 -> Float.floatToRawIntBits((float) kind.identity());
                    case F64 -> Double.doubleToRawLongBits(kind.identity());
                    default -> kind.identity(type);
                });
    }

    private static String combined(Reduction kind, DType t, String a, String b) {
        if (t == DType.BOOL) {
            return a + (kind == Reduction.SUM || kind == Reduction.MAX ? " | " : " & ") + b;
        }
        return switch (kind) {
            case SUM -> arithmetic("+", t, a, b);
            case PROD -> arithmetic("*", t, a, b);
            case MAX -> "max_" + type(t) + "(" + a + ", " + b + ")";
            case MIN -> "min_" + type(t) + "(" + a + ", " + b + ")";
        };
    }

    /// Integers wrap, which those of C with a sign need not.
    private static String arithmetic(String op, DType t, String a, String b) {
        return t.isFloating()
                ? a + " " + op + " " + b
                : "wrap_%s((u%s) (%s) %s (u%s) (%s))"
                        .formatted(type(t), type(t), a, op, type(t), b);
    }

    private String expression(Value v) {
        List<String> x = v.args.stream().map(a -> "v" + a.id).toList();
        String t = type(v.type);
        String width = v.type == DType.I64 ? "63" : "31";
        return switch (v.prim) {
            case CONSTANT -> constant(v.type, (long) v.detail);
            case LOAD -> load((Place) v.detail);
            case RAMP ->
                    "("
                            + t
                            + ") ("
                            + position(instance.views().get(((Place) v.detail).view()))
                            + ")";
            case LENGTH -> instance.extents()[instance.extents().length - 1] + "L";
            case FOLD -> throw new IllegalStateException("a fold is defined by its loop");
            case ADD -> arithmetic("+", v.type, x.get(0), x.get(1));
            case SUB -> arithmetic("-", v.type, x.get(0), x.get(1));
            case MUL -> arithmetic("*", v.type, x.get(0), x.get(1));
            case DIV ->
                    v.type.isFloating()
                            ? x.get(0) + " / " + x.get(1)
                            : "div_" + t + "(" + x.get(0) + ", " + x.get(1) + ")";
            case FMA -> "fma(" + String.join(", ", x) + ")";
            case MIN -> "min_" + t + "(" + String.join(", ", x) + ")";
            case MAX -> "max_" + t + "(" + String.join(", ", x) + ")";
            case LESSER -> x.get(0) + " < " + x.get(1) + " ? " + x.get(0) + " : " + x.get(1);
            case GREATER -> x.get(0) + " > " + x.get(1) + " ? " + x.get(0) + " : " + x.get(1);
            case NEG ->
                    v.type.isFloating() ? "-" + x.get(0) : arithmetic("-", v.type, "0", x.get(0));
            case ABS ->
                    v.type.isFloating()
                            ? "fabs(" + x.get(0) + ")"
                            : x.get(0)
                                    + " < 0 ? "
                                    + arithmetic("-", v.type, "0", x.get(0))
                                    + " : "
                                    + x.get(0);
            case SQRT ->
                    "("
                            + t
                            + ") sqrt((double) "
                            + x.get(0)
                            + ")"; // rounding twice gives the f32 root
            case AND -> x.get(0) + " & " + x.get(1);
            case OR -> x.get(0) + " | " + x.get(1);
            case XOR -> x.get(0) + " ^ " + x.get(1);
            case NOT -> v.type == DType.BOOL ? "1 ^ " + x.get(0) : "~" + x.get(0);
            case SHL -> "wrap_%s((u%s) %s << (%s & %s))".formatted(t, t, x.get(0), x.get(1), width);
            case SHR -> x.get(0) + " >> (" + x.get(1) + " & " + width + ")";
            case USHR ->
                    "wrap_%s((u%s) %s >> (%s & %s))".formatted(t, t, x.get(0), x.get(1), width);
            case EQ -> x.get(0) + " == " + x.get(1);
            case NE -> x.get(0) + " != " + x.get(1);
            case LT -> x.get(0) + " < " + x.get(1);
            case LE -> x.get(0) + " <= " + x.get(1);
            case GT -> x.get(0) + " > " + x.get(1);
            case GE -> x.get(0) + " >= " + x.get(1);
            case SELECT -> x.get(0) + " ? " + x.get(1) + " : " + x.get(2);
            case BITS -> "as_" + t + "(" + x.get(0) + ")";
            case CAST -> cast(x.get(0), v.operandType(), v.type);
            case CALL1, PATCH1 -> throw new Unprintable(((Unary) v.detail).symbol());
            case CALL2, PATCH2 -> throw new Unprintable(((Binary) v.detail).symbol());
        };
    }

    private static String cast(String x, DType from, DType to) {
        boolean saturates = from.isFloating() && !to.isFloating();
        return saturates ? type(to) + "_of(" + x + ")" : "(" + type(to) + ") " + x;
    }
}
