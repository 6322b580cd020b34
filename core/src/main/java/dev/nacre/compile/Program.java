package dev.nacre.compile;

import dev.nacre.ir.Binary;
import dev.nacre.ir.Reduction;
import dev.nacre.ir.Unary;
import dev.nacre.type.DType;
import java.util.ArrayList;
import java.util.List;

/// What a [Loop] does at every point of its iteration space, as a list of instructions in static single assignment: operands are indices of
/// earlier instructions. It says nothing of sizes, so equal programs share one compiled kernel whatever their shapes.
///
/// The iteration space is a nest of outer axes (any number) around one inner axis. An instruction's value lives on a level: it may be the same at all
/// points, vary only with the outer axes ("per row"), or vary along the inner axis ("per element"). The level follows from the operands: a load's from its
/// [Access], a [Instr.RowFold] is per row, anything else is on the highest level of its operands.
///
/// Arithmetic is on `f32`, `f64`, `i32`, `i64` and `bool` only; other types are loaded, stored and converted.
///
/// @param code the instructions
/// @param views how each view moves; instances list their views in this order
public record Program(List<Instr> code, List<Access> views) {

    /// The functions computed, in order, with counts of loads and stores.
    String summary() {
        List<String> names = new ArrayList<>();
        int loads = 0;
        int stores = 0;
        for (Instr i : code) {
            switch (i) {
                case Instr.Load _ -> loads++;
                case Instr.Store _ -> stores++;
                case Instr.Ramp _ -> names.add("index");
                case Instr.Literal _ -> {}
                case Instr.Apply1 a -> names.add(a.f().symbol());
                case Instr.Apply2 a -> names.add(a.f().symbol());
                case Instr.Choose _ -> names.add("where");
                case Instr.Convert c -> names.add(c.dtype().toString());
                case Instr.RowFold f ->
                        names.add("row_" + f.kind().name().toLowerCase(java.util.Locale.ROOT));
                case Instr.Accumulate a ->
                        names.add("total_" + a.kind().name().toLowerCase(java.util.Locale.ROOT));
            }
        }
        return loads
                + " in, "
                + stores
                + " out: "
                + (!names.isEmpty() ? String.join(" ", names) : loads == 0 ? "fill" : "copy");
    }

    /// Arithmetic instructions per point.
    int operations() {
        int n = 0;
        for (Instr i : code) {
            n +=
                    switch (i) {
                        case Instr.Apply1 _,
                                Instr.Apply2 _,
                                Instr.Choose _,
                                Instr.Convert _,
                                Instr.RowFold _,
                                Instr.Accumulate _ ->
                                1;
                        case Instr.Load _, Instr.Store _, Instr.Ramp _, Instr.Literal _ -> 0;
                    };
        }
        return n;
    }

    /// How a view moves through the iteration space.
    public enum Access {
        /// One element for all points.
        UNIFORM,
        /// Constant along the inner axis.
        ROW,
        /// Neighbours along the inner axis are neighbours in memory.
        UNIT,
        /// Any other stride along the inner axis.
        STRIDED;

        /// How a view moves whose last axis is the inner one.
        static Access of(View v) {
            int inner = v.rank() - 1;
            long step = v.strides()[inner];
            if (v.sizes()[inner] != 1 && step != 0) {
                return step == 1 ? UNIT : STRIDED;
            }
            for (int i = 0; i < inner; i++) {
                if (v.strides()[i] != 0) {
                    return ROW;
                }
            }
            return UNIFORM;
        }
    }

    /// One instruction.
    public sealed interface Instr {
        /// Type of the value; of a store, the type stored.
        DType dtype();

        /// The element of a view at this point.
        record Load(int view, DType dtype) implements Instr {}

        /// The affine position itself, `offset + Σ iⱼ·strideⱼ` of the view (whose buffer is ignored), as i64 or i32.
        record Ramp(int view, DType dtype) implements Instr {}

        /// A constant: the bits of a double for floating types, else a long.
        record Literal(DType dtype, long bits) implements Instr {}

        record Apply1(Unary f, DType dtype, int a) implements Instr {}

        /// `dtype` is that of the operands; a comparison's result is bool.
        record Apply2(Binary f, DType operands, int a, int b) implements Instr {
            @Override
            public DType dtype() {
                return f.isComparison() ? DType.BOOL : operands;
            }
        }

        record Choose(DType dtype, int condition, int a, int b) implements Instr {}

        /// Conversion with the meaning of the cast op.
        record Convert(DType dtype, int a) implements Instr {}

        /// Operand combined over the whole inner axis: one value per row, available to every point of that row.
        record RowFold(Reduction kind, DType dtype, int a) implements Instr {}

        /// Writes the value at every point. A value per row goes to a `ROW` or `UNIFORM` view.
        record Store(int view, DType dtype, int a) implements Instr {}

        /// Combines the values of all points that fall on one element of the view, whose strides are 0 along the axes combined. The element starts
        /// from the kind's neutral element: what the buffer held before does not matter. In a program with a [RowFold] a value
        /// per row is combined once per row, otherwise once per point.
        record Accumulate(Reduction kind, int view, DType dtype, int a) implements Instr {}
    }
}
