package dev.nacre;

import dev.nacre.compile.Memory;
import dev.nacre.ir.Attention;
import dev.nacre.type.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What tests run in a JVM of its own; see [Jvm].
final class Programs {
    private Programs() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        switch (args[0]) {
            case "train" -> train().forEach(System.out::println);
            case "attend" -> attend().forEach(System.out::println);
            case "convolve" -> convolve().forEach(System.out::println);
            case "exhaust" -> exhaust();
            case "churn" -> churn();
            case "edges" -> Edges.failures().forEach(System.out::println);
            case "soak" -> soak(Integer.parseInt(args[1]));
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    /// Holds nothing: results of 4 MiB, ten times as many as there is room for, and a function of ever other lengths.
    static void churn() {
        Tensor x = Tensor.ones(1 << 20).realize();
        for (int i = 0; i < 160; i++) {
            require(i + 2 == x.add((double) i + 1).max().item());
            require(i + 1 == x.mul((double) i + 1).realize().min().item());
        }
        Variable w = Variable.of("w", Tensor.ones(64, 64));
        Function f = Function.of((Tensor in) -> in.matmul(w).tanh().matmul(w).sum());
        for (int n = 1; n <= 60; n++) {
            require(f.apply(Tensor.zeros(n * 50, 64).realize()).item() == 0);
        }
        System.out.println("right");
    }

    private static void require(boolean right) {
        if (!right) {
            throw new IllegalStateException("wrong");
        }
    }

    /// Losses of some steps of two networks, as functions and as eager loops, and sums over all parameters' bits: exact to the last bit.
    static List<String> train() {
        List<String> lines = new ArrayList<>();
        for (boolean convolutional : new boolean[] {false, true}) {
            for (boolean eager : new boolean[] {false, true}) {
                Nets.Net net = convolutional ? Nets.convolutional() : Nets.mlp();
                Nets.Optimizer adam = Nets.adam(net.parameters(), 1e-2);
                Function step = net.step(adam);
                for (int i = 0; i < 6; i++) {
                    Tensor loss = eager ? Nets.eagerStep(net, adam) : step.apply(net.x(), net.y());
                    lines.add("loss " + Float.toHexString((float) loss.item()));
                }
                for (Variable v : net.parameters()) {
                    lines.add(v.name() + " " + bits(v));
                }
            }
        }
        return lines;
    }

    /// Attention's result and gradients, of few and of many heads, as sums over all bits.
    static List<String> attend() {
        List<String> lines = new ArrayList<>();
        Rng rng = Rng.seed(9);
        for (int heads : new int[] {1, 20}) {
            List<Variable> in = new ArrayList<>();
            for (String name : List.of("q", "k", "v")) {
                in.add(Variable.of(name, rng.normal(Shape.of(heads, 600, 16))));
            }
            Tensor out =
                    in.get(0).scaledDotProductAttention(in.get(1), in.get(2), Attention.CAUSAL);
            Gradients g = Gradients.of(out.square().sum(), in.toArray(Variable[]::new));
            lines.add("out " + bits(out));
            in.forEach(v -> lines.add(v.name() + " " + bits(g.of(v))));
        }
        return lines;
    }

    /// Results and gradients of a convolution that takes fewer multiplications than its definition, as sums over all bits.
    static List<String> convolve() {
        List<String> lines = new ArrayList<>();
        Rng rng = Rng.seed(9);
        Variable k = Variable.of("k", rng.normal(Shape.of(64, 64, 3, 3)).mul(0.1));
        for (int size : new int[] {6, 30}) {
            Variable x = Variable.of("x", rng.normal(Shape.of(20, 64, size, size)));
            Tensor out = x.relu().conv2d(k, 1, 1, 1, 1).relu();
            Gradients g = Gradients.of(out.square().sum(), x, k);
            lines.add("out " + bits(out));
            lines.add("x " + bits(g.of(x)));
            lines.add("k " + bits(g.of(k)));
        }
        return lines;
    }

    private static String bits(Tensor x) {
        long bits = 0;
        for (float f : x.toFloatArray()) {
            bits = 31 * bits + Float.floatToIntBits(f);
        }
        return Long.toHexString(bits);
    }

    /// Takes memory until there is none, keeping all of it.
    private static void exhaust() {
        List<Tensor> held = new ArrayList<>();
        Variable big = Variable.zeros("embedding.weight", 5 << 20); // 20 MiB
        try {
            for (int i = 0; i < 100; i++) {
                held.add(Tensor.ones(2 << 20).mul(i).realize()); // 8 MiB
            }
            System.out.println("no end to memory: " + held.size());
        } catch (Memory.OutOfNativeMemory e) {
            System.out.println(e.bytes());
            System.out.println(e.getMessage());
        }
        held.clear();
        Tensor again = big.add(1); // what nobody holds is there again
        System.out.println(again.sum().item() == 5 << 20);
    }

    /// Takes so many steps as a function and as many eager ones, in turn, and prints the resident memory after the first 3,000 and at the end in KiB.
    private static void soak(int steps) throws IOException, InterruptedException {
        Nets.Net traced = Nets.mlp();
        Function step = traced.step(Nets.adam(traced.parameters(), 1e-3));
        Nets.Net net = Nets.mlp();
        Nets.Optimizer adam = Nets.adam(net.parameters(), 1e-3);
        Rng rng = Rng.seed(3);
        double first = 0;
        double last = 0;
        for (int i = 1; i <= steps; i++) {
            last =
                    step.apply(rng.normal(32, 100), traced.y()).item()
                            + Nets.eagerStep(net, adam).item();
            first = i == 1 ? last : first;
            if (i == 3000) {
                System.out.println(atRest());
            }
        }
        System.out.println(atRest());
        System.out.println(first > last && Double.isFinite(last));
    }

    /// Resident memory when the JIT, whose own memory would outweigh a leak, has caught up and what it has freed is back at the system: it keeps that for 5 s, and
    /// the launcher has it given back every second.
    private static long atRest() throws IOException, InterruptedException {
        Thread.sleep(7000);
        return resident();
    }

    private static long resident() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(l -> l.startsWith("VmRSS:"))
                .map(l -> Long.parseLong(l.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
