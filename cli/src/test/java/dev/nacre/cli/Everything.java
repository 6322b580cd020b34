package dev.nacre.cli;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.formats.npy.Npy;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.ir.Algebra;
import dev.nacre.ir.Attention;
import dev.nacre.nn.Activation;
import dev.nacre.nn.BatchNorm2d;
import dev.nacre.nn.Conv2d;
import dev.nacre.nn.Dropout;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.GRU;
import dev.nacre.nn.LSTM;
import dev.nacre.nn.Linear;
import dev.nacre.nn.MaxPool2d;
import dev.nacre.nn.Module;
import dev.nacre.nn.MultiheadAttention;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.loss.CrossEntropyLoss;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.train.Batches;
import dev.nacre.nn.train.Trainer;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// Computes something of every kind and prints it, a line for each: what, and all its numbers. A program for JVMs of their own.
final class Everything {
    private Everything() {}

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        elementwise();
        products();
        networks();
        training();
        files(folder);
        segments(folder);
        commandLine(folder);
    }

    private static void line(String what, Tensor x) {
        StringBuilder text = new StringBuilder(what).append(' ').append(x.type());
        if (x.dtype().isFloating()) {
            for (float f : x.toFloatArray()) {
                text.append(' ').append(f);
            }
        } else {
            for (long n : x.toLongArray()) {
                text.append(' ').append(n);
            }
        }
        System.out.println(text);
    }

    /// Every function of a tensor, or of two, without other arguments, on every type.
    private static void elementwise() throws IllegalAccessException {
        Tensor x = Tensor.of(new float[] {0, 1, 2, 3, 1, 0.5f, 7, 4.25f, 1, 2, 3, 5}, 3, 4);
        Tensor y = Tensor.of(new float[] {1, 1, 3, 2, 1, 1.5f, 2, 4.25f, 2, 1, 5, 3}, 3, 4);
        List<Method> functions =
                Stream.of(Tensor.class.getMethods())
                        .filter(m -> !Modifier.isStatic(m.getModifiers()) && !m.isBridge())
                        .filter(m -> Algebra.class.isAssignableFrom(m.getReturnType()))
                        .filter(m ->
                                m.getParameterCount() == 0
                                        || m.getParameterCount() == 1
                                                && m.getParameterTypes()[0] == Algebra.class)
                        .sorted(Comparator.comparing(Method::getName))
                        .toList();
        if (functions.size() < 50) {
            throw new IllegalStateException("only " + functions.size() + " functions");
        }
        for (DType type : DType.values()) {
            Map<String, Tensor> results = new LinkedHashMap<>();
            for (Method f : functions) {
                Object[] second =
                        f.getParameterCount() == 0 ? new Object[0] : new Object[] {y.cast(type)};
                String what = f.getName() + " " + type;
                try {
                    results.put(what, (Tensor) f.invoke(x.cast(type), second));
                } catch (InvocationTargetException e) {
                    if (!(e.getCause() instanceof NacreException)) {
                        throw new IllegalStateException(what, e.getCause());
                    }
                    System.out.println(what + " is refused");
                }
            }
            Tensor.realize(results.values().toArray(new Tensor[0])); // in one plan
            results.forEach(Everything::line);
        }
    }

    private static void products() {
        Rng rng = Rng.seed(5);
        for (DType type : List.of(DType.F32, DType.F64, DType.I32)) {
            Tensor a = rng.normal(7, 33).mul(4).cast(type);
            Tensor b = rng.normal(33, 19).mul(4).cast(type);
            line("matmul " + type, a.matmul(b));
            line("transposed " + type, b.transpose().matmul(a.transpose()).slice(0, 1, 4));
        }
        Tensor q = rng.normal(2, 3, 20, 8);
        Tensor k = rng.normal(2, 3, 20, 8);
        line("attention", q.scaledDotProductAttention(k, k.neg(), Attention.CAUSAL));
        Tensor image = rng.normal(2, 16, 12, 12);
        line("conv2d", image.conv2d(rng.normal(16, 16, 3, 3), 1, 1, 1, 1).mean(2));
        line("strided", image.conv2d(rng.normal(4, 8, 3, 3), 2, 1, 1, 2).mean(2));
        line("convTranspose2d", image.convTranspose2d(rng.normal(16, 3, 2, 2), 2, 0, 0, 1).mean(2));
        line("maxPool2d", image.maxPool2d(3, 2, 1).mean(2));
        line("avgPool2d", image.avgPool2d(2, 2, 0).mean(2));
        line("uniform", rng.uniform(9));
        line("integers", rng.integers(100, 9));
        line("permutation", rng.permutation(20));
        line("dropout", rng.dropout(Tensor.ones(20), 0.5));
        line("sort", rng.normal(4, 9).sort(1, false));
        line("large", rng.normal(1 << 19).square().sum());
    }

    private static void networks() {
        Rng rng = Rng.seed(6);
        Tensor x = rng.normal(5, 2, 12);
        for (Module m :
                List.of(
                        LSTM.of(12, 8, 2, true, rng),
                        GRU.of(12, 8, rng),
                        MultiheadAttention.of(12, 3, rng))) {
            Function f = Function.of((Tensor in) -> m.forward(in));
            line(m.getClass().getSimpleName(), f.apply(x));
            m.forward(x).square().sum().backward();
            m.parameters()
                    .forEach(p -> line("gradient of " + p.name(), p.grad().orElseThrow().sum()));
        }
    }

    private static Sequential network(Rng rng) {
        return Sequential.of(
                Conv2d.of(1, 4, 3, rng).withoutBias(), // whose gradient would be rounding errors
                BatchNorm2d.of(4),
                Activation.RELU,
                MaxPool2d.of(2),
                new Flatten(),
                Linear.of(4 * 3 * 3, 16, rng),
                Dropout.of(0.1, rng),
                Linear.of(16, 3, rng));
    }

    private static void training() {
        Rng rng = Rng.seed(7);
        Module net = network(rng);
        Trainer trainer = Trainer.of(net, new CrossEntropyLoss(), Adam.of(net.parameters(), 1e-2));
        Batches batches =
                Batches.of(rng.normal(50, 1, 8, 8), Tensor.arange(50).mod(3), 16).shuffled(3);
        for (int epoch = 0; epoch < 3; epoch++) {
            System.out.println("loss " + trainer.epoch(batches).get("loss"));
        }
        net.state().forEach((name, v) -> line("trained " + name, v));
    }

    private static void files(Path folder) {
        Module net = network(Rng.seed(8));
        Path file = folder.resolve("net.safetensors");
        SafeTensors.save(file, net);
        Module other = network(Rng.seed(9));
        SafeTensors.load(file, other);
        line("loaded", other.forward(Rng.seed(10).normal(2, 1, 8, 8)));
        SafeTensors.read(file).tensors().forEach((name, t) -> line("read " + name, t));
        for (DType type : List.of(DType.F64, DType.I64, DType.U8, DType.BOOL)) {
            Path npy = folder.resolve(type + ".npy");
            Npy.write(npy, Tensor.arange(40).reshape(8, 5).cast(type));
            line("npy", Npy.read(npy));
        }
    }

    /// Memory of others: mapped, on the heap, and what is left when nobody holds the tensor.
    private static void segments(Path folder) throws IOException {
        Path file = folder.resolve("mapped");
        float[] values = new float[1000];
        for (int i = 0; i < values.length; i++) {
            values[i] = i / 3f;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mapped = map(file, arena);
            mapped.copyFrom(MemorySegment.ofArray(values));
        }
        Tensor x = Tensor.ofMapped(Tensor.zeros(1000).type(), map(file, Arena.ofAuto()));
        line("mapped", x.reshape(10, 100).sum(0));
        line("heap", Tensor.of(x.type(), MemorySegment.ofArray(values)).mul(2).sum());
        MemorySegment kept = x.add(1).toSegment().asSlice(400, 80);
        MemorySegment small = Tensor.of(new float[] {1, 2, 3}).mul(3).toSegment().asSlice(4);
        double sum = 0;
        for (int i = 0; i < 10; i++) { // would be written over what nobody holds
            sum += Tensor.full(i, DType.F32, 1000).add(1).sum().item();
            sum += Tensor.full(i, DType.F32, 3).add(1).sum().item();
            System.gc();
        }
        System.out.println("sum " + sum);
        System.out.println("kept " + Arrays.toString(kept.toArray(ValueLayout.JAVA_FLOAT)));
        System.out.println("small " + Arrays.toString(small.toArray(ValueLayout.JAVA_FLOAT)));
    }

    private static MemorySegment map(Path file, Arena arena) throws IOException {
        Files.write(file, new byte[0], java.nio.file.StandardOpenOption.CREATE);
        try (FileChannel c =
                FileChannel.open(
                        file,
                        java.nio.file.StandardOpenOption.READ,
                        java.nio.file.StandardOpenOption.WRITE)) {
            return c.map(FileChannel.MapMode.READ_WRITE, 0, 4000, arena);
        }
    }

    private static void commandLine(Path folder) throws IOException {
        Path save = folder.resolve("chars.safetensors");
        Run run = Run.of(Rhyme.train(folder, "--steps", 12, "--temperature", 0, "--save", save));
        if (run.status() != 0) {
            throw new IllegalStateException(run.err());
        }
        for (Map.Entry<String, Tensor> e : SafeTensors.read(save).tensors().entrySet()) {
            line("chars " + e.getKey(), e.getValue().cast(DType.F64).square().sum());
        }
    }
}
