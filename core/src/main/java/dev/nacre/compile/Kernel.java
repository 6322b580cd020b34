package dev.nacre.compile;

import dev.nacre.ir.Composite;
import dev.nacre.ir.Op;
import dev.nacre.ir.Unary;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// What a backend must execute: a closed, small set. Backends switch over it exhaustively.
///
/// Operands are views of any strides unless said otherwise; results are views a kernel owns alone while it runs.
public sealed interface Kernel
        permits Loop,
                Repeat,
                Kernel.Product,
                Kernel.Pack,
                Kernel.Packed,
                Kernel.Call,
                Kernel.Indexed,
                Kernel.Ordered,
                Kernel.Random {

    String name();

    /// Views whose elements the kernel reads.
    List<View> reads();

    /// Views that the kernel writes.
    List<View> writes();

    /// The same kernel on other views.
    Kernel map(UnaryOperator<View> f);

    /// Whether it depends on values if it can be run: an index may be out of range.
    default boolean mayFail() {
        return this instanceof Indexed;
    }

    /// Whether an op becomes a [Product].
    static boolean isProduct(Op op) {
        return op instanceof Op.Contract || op instanceof Op.Convolve;
    }

    /// What a contraction or convolution does to its result before it is written, first to last.
    ///
    /// @param bias one value per column (contraction: last axis; convolution: channel axis 1), if any
    /// @param addend added after the bias, of the result's sizes and type, if any
    /// @param activation applied last, if any
    record Epilogue(Optional<View> bias, Optional<View> addend, Optional<Activation> activation) {
        public static final Epilogue NONE = new Epilogue(Optional.empty(), Optional.empty());

        /// Without an addend.
        public Epilogue(Optional<View> bias, Optional<Activation> activation) {
            this(bias, Optional.empty(), activation);
        }

        public boolean isEmpty() {
            return bias.isEmpty() && addend.isEmpty() && activation.isEmpty();
        }

        private List<View> reads() {
            return Stream.concat(bias.stream(), addend.stream()).toList();
        }

        private Epilogue map(UnaryOperator<View> f) {
            return new Epilogue(bias.map(f), addend.map(f), activation);
        }
    }

    /// Functions that libraries apply to a result while it is in registers.
    enum Activation {
        RELU(Unary.RELU),
        SIGMOID(Unary.SIGMOID),
        TANH(Unary.TANH);

        private final Unary function;

        Activation(Unary function) {
            this.function = function;
        }

        /// The same as a function of the graph.
        public Unary function() {
            return function;
        }

        /// That of a function, if libraries know it.
        static Optional<Activation> of(Unary f) {
            return Arrays.stream(values()).filter(a -> a.function == f).findFirst();
        }
    }

    /// What libraries do best: each element of the result is a sum of products of elements of `a` and `b`.
    sealed interface Product extends Kernel permits Contraction, Convolution {
        View a();

        /// The right operand; of a layer, its weights.
        View b();

        Epilogue epilogue();

        View out();

        /// The same with another right operand.
        Product withB(View b);

        /// The same with something else done to its result.
        Product with(Epilogue other);

        @Override
        default List<View> reads() {
            return Stream.concat(Stream.of(a(), b()), epilogue().reads().stream()).toList();
        }

        @Override
        default List<View> writes() {
            return List.of(out());
        }
    }

    /// Brings the right operand of a product into the form in which the backend computes with it ([Backend#packing]).
    ///
    /// @param product how the operand lies, and what will be computed with it; nothing else of it is read or written
    /// @param out its bytes in that form
    record Pack(Product product, View out) implements Kernel {
        @Override
        public List<View> reads() {
            return List.of(product.b());
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public Kernel map(UnaryOperator<View> f) {
            return new Pack(product.withB(f.apply(product.b())), f.apply(out));
        }

        @Override
        public String name() {
            return "pack";
        }
    }

    /// A product whose right operand is what [Pack] has made of it.
    ///
    /// @param product its view `b` tells sizes and type; in the buffer there lies the other form
    record Packed(Product product) implements Kernel {
        @Override
        public List<View> reads() {
            return product.reads();
        }

        @Override
        public List<View> writes() {
            return product.writes();
        }

        @Override
        public Kernel map(UnaryOperator<View> f) {
            return new Packed((Product) product.map(f));
        }

        @Override
        public String name() {
            return product.name();
        }
    }

    /// `out = activation(a · b + bias + addend)`, batched over equal leading axes; a leading stride may be 0. Sums in f32 for 16-bit operands.
    record Contraction(View a, View b, Epilogue epilogue, View out) implements Product {
        @Override
        public Kernel map(UnaryOperator<View> f) {
            return new Contraction(f.apply(a), f.apply(b), epilogue.map(f), f.apply(out));
        }

        @Override
        public Contraction withB(View other) {
            return new Contraction(a, other, epilogue, out);
        }

        @Override
        public Contraction with(Epilogue other) {
            return new Contraction(a, b, other, out);
        }

        @Override
        public String name() {
            return "matmul";
        }

        /// Multiplications and additions.
        public long flops() {
            return 2 * out.count() * a.sizes()[a.rank() - 1];
        }
    }

    /// One of the three kinds of convolution; operands as in [Op.Convolve]. The epilogue is only on the forward kind.
    record Convolution(Op.Convolve op, View a, View b, Epilogue epilogue, View out)
            implements Product {
        @Override
        public Kernel map(UnaryOperator<View> f) {
            return new Convolution(op, f.apply(a), f.apply(b), epilogue.map(f), f.apply(out));
        }

        @Override
        public Convolution withB(View other) {
            return new Convolution(op, a, other, epilogue, out);
        }

        @Override
        public Convolution with(Epilogue other) {
            return new Convolution(op, a, b, other, out);
        }

        @Override
        public String name() {
            return op.name();
        }
    }

    /// A composite that the backend has claimed ([Backend#claims]). Outputs are those of the composite's body that are wanted, by number.
    record Call(Composite what, List<View> in, List<Integer> outputs, List<View> out)
            implements Kernel {
        @Override
        public List<View> reads() {
            return in;
        }

        @Override
        public List<View> writes() {
            return out;
        }

        @Override
        public Kernel map(UnaryOperator<View> f) {
            return new Call(
                    what, in.stream().map(f).toList(), outputs, out.stream().map(f).toList());
        }

        @Override
        public String name() {
            return what.name();
        }
    }

    /// Gather, or scatter-add where `base` is what is added to. See [Op.Gather] and [Op.ScatterAdd].
    record Indexed(int axis, Optional<View> base, View source, View index, View out)
            implements Kernel {
        @Override
        public List<View> reads() {
            return Stream.concat(base.stream(), Stream.of(source, index)).toList();
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public Kernel map(UnaryOperator<View> f) {
            return new Indexed(axis, base.map(f), f.apply(source), f.apply(index), f.apply(out));
        }

        @Override
        public String name() {
            return base.isPresent() ? "scatter_add" : "gather";
        }
    }

    /// What goes along one axis in order: argsort, arg-reduction, linear recurrence (operands a, b).
    record Ordered(Op op, List<View> in, View out) implements Kernel {
        @Override
        public List<View> reads() {
            return in;
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public Kernel map(UnaryOperator<View> f) {
            return new Ordered(op, in.stream().map(f).toList(), f.apply(out));
        }

        @Override
        public String name() {
            return op.name();
        }
    }

    /// Philox bits from a key; see [Op.RandomBits]. The result is dense.
    record Random(View key, View out) implements Kernel {
        @Override
        public List<View> reads() {
            return List.of(key);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public Kernel map(UnaryOperator<View> f) {
            return new Random(f.apply(key), f.apply(out));
        }

        @Override
        public String name() {
            return "random";
        }
    }
}
