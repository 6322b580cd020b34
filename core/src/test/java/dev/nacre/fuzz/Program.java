package dev.nacre.fuzz;

import dev.nacre.Function;
import dev.nacre.Gradients;
import dev.nacre.Tensor;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// A random program: inputs and steps over them. Whatever way it is computed, the numbers must be those of plain loops, and the gradient must agree with the
/// rates at which those change: both exactly, since all numbers are small.
public final class Program {
    private static final int INPUTS = 5;

    /// A step, or an input if it has no kind.
    private record Line(Optional<Kind> kind, List<Integer> operands, long[] args, Numbers value) {}

    private final List<Line> lines;
    private final boolean gradient;

    private Program(List<Line> lines, boolean gradient) {
        this.lines = lines;
        this.gradient = gradient;
    }

    /// A program drawn from a seed.
    public static Program of(long seed) {
        Random r = new Random(seed);
        boolean gradient = r.nextInt(3) == 0;
        DType[] types = gradient ? new DType[] {DType.F64} : types(r);
        List<Line> lines = new ArrayList<>();
        int[] sizes = {1 + r.nextInt(4), 1 + r.nextInt(7), 1 + r.nextInt(20), r.nextInt(3)};
        for (int i = 0; i < INPUTS; i++) {
            lines.add(input(r, types[r.nextInt(types.length)], sizes, gradient));
        }
        lines.add(indices(r));
        int count = 2 + r.nextInt(30);
        for (int tries = 0; lines.size() < INPUTS + 1 + count && tries < 40 * count; tries++) {
            step(r, lines).ifPresent(lines::add);
        }
        return new Program(lines, gradient);
    }

    private static DType[] types(Random r) {
        DType[] all = DType.values();
        return new DType[] {all[r.nextInt(all.length)], all[r.nextInt(all.length)], DType.F32};
    }

    private static Line input(Random r, DType dtype, int[] sizes, boolean moving) {
        int[] shape = new int[r.nextInt(5)];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = r.nextInt(12) == 0 ? sizes[3] : sizes[r.nextInt(3)];
        }
        while (Arrays.stream(shape).asLongStream().reduce(1, (a, b) -> a * b) > 500) {
            shape = Arrays.copyOf(shape, shape.length - 1);
        }
        int n = Numbers.count(shape);
        int low = dtype == DType.U8 || dtype == DType.BOOL ? 0 : -3;
        int high = dtype == DType.BOOL ? 2 : 4;
        double[] v = IntStream.range(0, n).mapToDouble(_ -> r.nextInt(low, high)).toArray();
        double[] t =
                IntStream.range(0, n).mapToDouble(_ -> moving ? r.nextInt(-2, 3) : 0).toArray();
        return new Line(Optional.empty(), List.of(), Kind.NONE, new Numbers(dtype, shape, v, t));
    }

    private static Line indices(Random r) {
        double[] v = IntStream.range(0, 1 + r.nextInt(6)).mapToDouble(_ -> r.nextInt(9)).toArray();
        return new Line(
                Optional.empty(),
                List.of(),
                Kind.NONE,
                Numbers.of(DType.I64, new int[] {v.length}, v));
    }

    /// A step of some kind, on operands that fit it. Recent values are preferred.
    private static Optional<Line> step(Random r, List<Line> lines) {
        Kind kind = Kinds.ALL.get(r.nextInt(Kinds.ALL.size()));
        for (int tries = 0; tries < 12; tries++) {
            List<Integer> operands = new ArrayList<>();
            for (int i = 0; i < kind.arity(); i++) {
                int n = lines.size();
                operands.add(r.nextBoolean() ? r.nextInt(n) : Math.max(0, n - 1 - r.nextInt(5)));
            }
            List<Numbers> in = operands.stream().map(i -> lines.get(i).value).toList();
            try {
                long[] args = kind.draw().apply(r, in);
                Numbers value = kind.loops().apply(in, args);
                return Optional.of(new Line(Optional.of(kind), operands, args, value));
            } catch (Numbers.Unfit _) {
                continue; // with other operands
            }
        }
        return Optional.empty();
    }

    // ------------------------------------------------------------------------------------------
    // checking

    private List<Tensor> inputs() {
        return lines.stream()
                .filter(l -> l.kind.isEmpty())
                .map(l -> tensor(l.value.values(), l.value))
                .toList();
    }

    private static Tensor tensor(double[] values, Numbers like) {
        long[] shape = Arrays.stream(like.shape()).asLongStream().toArray();
        return Tensor.of(values).reshape(Shape.of(shape)).cast(like.dtype()).realize();
    }

    /// The values of all lines from those of the inputs.
    ///
    /// @param early whether a line is computed at once
    private List<Tensor> build(List<Tensor> inputs, java.util.function.IntPredicate early) {
        List<Tensor> values = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < lines.size(); i++) {
            Line l = lines.get(i);
            if (l.kind.isEmpty()) {
                values.add(inputs.get(next++));
                continue;
            }
            List<Tensor> in = l.operands.stream().map(values::get).toList();
            Tensor y = l.kind.get().tensors().apply(in, l.args);
            values.add(early.test(i) ? y.realize() : y);
        }
        return values;
    }

    /// What nothing else uses.
    private int[] results() {
        TreeSet<Integer> unused = new TreeSet<>();
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).kind.isPresent()) {
                unused.add(i);
            }
            lines.get(i).operands.forEach(unused::remove);
        }
        return unused.stream().mapToInt(i -> i).toArray();
    }

    /// What is wrong with the ways in which it is computed.
    public Optional<String> fault() {
        try {
            return computed();
        } catch (RuntimeException | Error e) {
            return Optional.of("threw " + e);
        }
    }

    private Optional<String> computed() {
        int[] results = results();
        List<Tensor> inputs = inputs();
        List<Tensor> lazy = build(inputs, _ -> false);
        Tensor.realize(Arrays.stream(results).mapToObj(lazy::get).toArray(Tensor[]::new));
        Optional<String> fault = compare("in one plan", results, lazy);
        if (fault.isEmpty()) {
            Random r = new Random(lines.size());
            fault = compare("in pieces", results, build(inputs, _ -> r.nextInt(3) == 0));
        }
        if (fault.isEmpty() && results.length > 0) {
            Function f =
                    Function.ofMany(in -> {
                        List<Tensor> all = build(in, _ -> false);
                        return Arrays.stream(results).mapToObj(all::get).toList();
                    });
            for (int call = 1; call <= 2 && fault.isEmpty(); call++) {
                List<Tensor> values = new ArrayList<>(lazy);
                List<Tensor> out = f.call(inputs.toArray(Tensor[]::new));
                for (int k = 0; k < results.length; k++) {
                    values.set(results[k], out.get(k));
                }
                fault = compare("as a function, call " + call, results, values);
            }
        }
        return fault.isEmpty() && gradient ? slopes(results) : fault;
    }

    private Optional<String> compare(String how, int[] results, List<Tensor> values) {
        for (int k : results) {
            Numbers want = lines.get(k).value;
            Tensor got = values.get(k);
            int[] shape = Kinds.ints(got.shape().toArray());
            if (got.dtype() != want.dtype() || !Arrays.equals(shape, want.shape())) {
                return Optional.of(how + ": t" + k + " is " + got.type());
            }
            double[] v = got.cast(DType.F64).toDoubleArray();
            for (int i = 0; i < v.length; i++) {
                if (v[i] != want.values()[i]) {
                    return Optional.of(
                            how
                                    + ": t"
                                    + k
                                    + " has "
                                    + v[i]
                                    + " instead of "
                                    + want.values()[i]
                                    + " at "
                                    + Arrays.toString(Numbers.coordinates(shape, i)));
                }
            }
        }
        return Optional.empty();
    }

    /// `⟨w, J·t⟩`, from the tangents, against `⟨Jᵀ·w, t⟩`, from the gradients.
    private Optional<String> slopes(int[] results) {
        List<Tensor> inputs = inputs();
        List<Tensor> values = build(inputs, _ -> false);
        Random r = new Random(7);
        Optional<Tensor> loss = Optional.empty();
        double want = 0;
        for (int k : results) {
            Numbers n = lines.get(k).value;
            if (n.dtype() == DType.F64 && n.count() > 0) {
                double[] w =
                        IntStream.range(0, n.count()).mapToDouble(_ -> r.nextInt(-2, 3)).toArray();
                for (int i = 0; i < w.length; i++) {
                    want += w[i] * n.tangents()[i];
                }
                Tensor part = values.get(k).mul(tensor(w, n)).sum();
                loss = Optional.of(loss.map(l -> l.add(part)).orElse(part));
            }
        }
        if (loss.isEmpty()) {
            return Optional.empty();
        }
        List<Tensor> wrt = inputs.stream().filter(x -> x.dtype() == DType.F64).toList();
        List<Tensor> g = Gradients.of(loss.get(), wrt.toArray(Tensor[]::new)).all();
        double got = 0;
        int next = 0;
        for (Line l : lines) {
            if (l.kind.isEmpty() && l.value.dtype() == DType.F64) {
                double[] slope = g.get(next++).toDoubleArray();
                for (int i = 0; i < slope.length; i++) {
                    got += slope[i] * l.value.tangents()[i];
                }
            }
        }
        return got == want
                ? Optional.empty()
                : Optional.of("gradient: " + got + " along the tangents instead of " + want);
    }

    // ------------------------------------------------------------------------------------------
    // shrinking

    /// A smaller program that is wrong too: as long as one can be found, results are left out and values replaced by inputs.
    public Program shrunk() {
        Program best = this;
        for (boolean smaller = true; smaller; ) {
            smaller = false;
            for (Program p : best.smaller()) {
                if (p.fault().isPresent()) {
                    best = p;
                    smaller = true;
                    break;
                }
            }
        }
        return best;
    }

    private List<Program> smaller() {
        List<Program> out = new ArrayList<>();
        int[] results = results();
        if (results.length > 1) {
            for (int k : results) {
                out.add(without(k));
            }
        }
        for (int k = lines.size() - 1; k >= 0; k--) {
            Line l = lines.get(k);
            if (l.kind.isPresent() && (results.length > 1 || results[0] != k)) {
                List<Line> copy = new ArrayList<>(lines);
                copy.set(k, new Line(Optional.empty(), List.of(), Kind.NONE, l.value));
                out.add(new Program(copy, gradient));
            } else if (l.kind.isEmpty()) {
                int line = k;
                if (lines.stream().noneMatch(x -> x.operands.contains(line))) {
                    out.add(without(k));
                }
            }
        }
        return out;
    }

    private Program without(int k) {
        List<Line> copy = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            Line l = lines.get(i);
            if (i != k) {
                copy.add(
                        new Line(
                                l.kind,
                                l.operands.stream().map(o -> o > k ? o - 1 : o).toList(),
                                l.args,
                                l.value));
            }
        }
        return new Program(copy, gradient);
    }

    /// Number of steps.
    public int size() {
        return (int) lines.stream().filter(l -> l.kind.isPresent()).count();
    }

    /// Names of the kinds it has.
    public List<String> kinds() {
        return lines.stream().flatMap(l -> l.kind.stream()).map(Kind::name).toList();
    }

    /// All kinds there are.
    public static List<String> allKinds() {
        return Kinds.ALL.stream().map(Kind::name).distinct().toList();
    }

    @Override
    public String toString() {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.size(); i++) {
            Line l = lines.get(i);
            out.append('t').append(i).append(" = ");
            if (l.kind.isEmpty()) {
                out.append(
                        Arrays.toString(
                                Arrays.copyOf(l.value.values(), Math.min(64, l.value.count()))));
            } else {
                out.append(l.kind.get().name())
                        .append(
                                l.operands.stream()
                                        .map(o -> "t" + o)
                                        .collect(Collectors.joining(", ", "(", ")")))
                        .append(Arrays.toString(l.args));
            }
            out.append(' ')
                    .append(l.value.dtype())
                    .append(Arrays.toString(l.value.shape()))
                    .append('\n');
        }
        return out.toString();
    }
}
