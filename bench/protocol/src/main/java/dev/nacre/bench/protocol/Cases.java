package dev.nacre.bench.protocol;

import dev.nacre.bench.protocol.Case.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// All cases, in order.
public final class Cases {
    /// Rows and columns of W9.
    public static final int ROWS = 16384;

    public static final int COLUMNS = 1024;

    private static final double STREAM = 4.0 * ROWS * COLUMNS;

    /// Rounding differs from engine to engine, and an optimizer that divides by a gradient's size enlarges it.
    private static final double TRAINED = 1e-3;

    private static final double EXACT = 1e-4;
    private static final double BF16 = 3e-2;

    private Cases() {}

    /// All of them.
    public static List<Case> all() {
        List<Case> out = new ArrayList<>();
        out.add(step("W1", "train MLP 100-64-10, batch 32", smallMlp(), TRAINED, 2.0));
        out.add(step("W2", "train MLP 784-512-512-10, batch 128", mlp(), TRAINED, 1.3));
        out.add(step("W3", "train CNN 28×28, batch 64", 3 * 64 * cnn(), TRAINED, 1.4));
        out.add(step("W4", "train ResNet-18, 32×32, batch 32", 3 * 32 * 1.11e9, 5e-3, 1.2));
        out.add(step("W5-b1", "ResNet-50 inference, batch 1", 8.18e9, EXACT * 10, 1.05));
        out.add(step("W5-b8", "ResNet-50 inference, batch 8", 8 * 8.18e9, EXACT * 10, 1.05));
        out.add(step("W6", "train LSTM 128-256, T 64, batch 32", lstm(), TRAINED, 1.5));
        out.add(
                step(
                        "W7",
                        "train GPT, 6 layers of 384, T 256, batch 8",
                        Decoder.W7.flop(),
                        TRAINED,
                        1.2));
        out.add(step("W8", "BERT-base inference, T 128, batch 1", bert(), EXACT * 10, 1.15));
        out.add(stream("full-fwd", "forward, w and b full", 4, 2.5));
        out.add(stream("full-fwdbwd", "forward and backward, w and b full", 7, 4.0));
        out.add(stream("bcast-fwd", "forward, w and b per column", 2, 2.5));
        out.add(stream("bcast-fwdbwd", "forward and backward, w and b per column", 3, 4.0));
        out.add(bf16("W10-mlp", "W2 in bf16 mixed precision", mlp()));
        out.add(bf16("W10-resnet18", "W4 in bf16 mixed precision", 3 * 32 * 1.11e9));
        out.add(bf16("W10-gpt", "W7 in bf16 mixed precision", Decoder.W7.flop()));
        out.add(timed("W11", "process start to end of first W1 step", Kind.START, 1));
        products(out);
        out.add(timed("W13-resnet18", "ten cold steps of W4", Kind.COLD, 0));
        out.add(timed("W13-gpt", "ten cold steps of W7", Kind.COLD, 0));
        for (int threads : new int[] {1, 4, 16}) {
            String title = "W3's model, one image at a time, threads: " + threads;
            out.add(
                    new Case(
                            "W14-" + threads,
                            title,
                            Kind.SERVE,
                            cnn(),
                            0,
                            false,
                            threads,
                            EXACT,
                            0));
        }
        return List.copyOf(out);
    }

    /// A training from begin to end, which is measured only if it is named: its losses must be within 2 % of each other, though each engine drops out what its own random numbers say.
    private static final Case CHARS =
            new Case(
                    "chars",
                    "train a character GPT on a text for " + Text.STEPS + " steps",
                    Case.Kind.STEP,
                    0,
                    0,
                    false,
                    1,
                    1e-2,
                    0);

    /// The cases that words name: an id, or a workload. All if there are no words.
    ///
    /// @throws IllegalArgumentException for a word that names none
    public static List<Case> named(List<String> words) {
        if (words.isEmpty()) {
            return all();
        }
        for (String w : words) {
            if (nameable().noneMatch(c -> names(w, c))) {
                throw new IllegalArgumentException("there is no workload '" + w + "'");
            }
        }
        return nameable().filter(c -> words.stream().anyMatch(w -> names(w, c))).toList();
    }

    private static Stream<Case> nameable() {
        return Stream.concat(all().stream(), Stream.of(CHARS));
    }

    private static boolean names(String word, Case c) {
        String id = c.id().toLowerCase(java.util.Locale.ROOT);
        String w = word.toLowerCase(java.util.Locale.ROOT);
        return id.equals(w) || id.startsWith(w + "-");
    }

    /// The case of that id.
    public static Case of(String id) {
        return nameable().filter(c -> c.id().equals(id)).findFirst().orElseThrow();
    }

    private static void products(List<Case> out) {
        for (boolean bf16 : new boolean[] {false, true}) {
            for (int n = 64; n <= 2048; n *= 2) {
                String type = bf16 ? "bf16" : "f32";
                out.add(
                        new Case(
                                "W12-matmul-" + type + "-" + n,
                                "product of two " + n + "×" + n + " matrices into a third, " + type,
                                Kind.PRODUCT,
                                2.0 * n * n * n,
                                0,
                                bf16,
                                1,
                                bf16 ? BF16 : EXACT,
                                n >= 256 ? 0.95 : 0));
            }
        }
        for (int mib : new int[] {4, 64, 512}) {
            out.add(
                    new Case(
                            "W12-copy-" + mib,
                            "copy of " + mib + " MiB",
                            Kind.COPY,
                            0,
                            2.0 * mib * (1 << 20),
                            false,
                            1,
                            0,
                            0));
        }
    }

    private static Case step(String id, String title, double flop, double tolerance, double goal) {
        return new Case(id, title, Kind.STEP, flop, 0, false, 1, tolerance, goal);
    }

    private static Case bf16(String id, String title, double flop) {
        return new Case(id, title, Kind.STEP, flop, 0, true, 1, BF16, 1.2);
    }

    private static Case timed(String id, String title, Kind kind, double goal) {
        return new Case(id, title, kind, 0, 0, false, 1, TRAINED, goal);
    }

    private static Case stream(String variant, String title, int streams, double goal) {
        return new Case(
                "W9-" + variant,
                "gelu(x·w+b)·sigmoid(x), " + title,
                Kind.STEP,
                0,
                streams * STREAM,
                false,
                1,
                EXACT,
                goal);
    }

    /// Operations of training: forward, the weights' gradients, and the inputs' gradients but for the first layer's.
    private static double trained(double rows, double... sizes) {
        double all = 0;
        for (int i = 0; i + 1 < sizes.length; i++) {
            all += 3 * sizes[i] * sizes[i + 1];
        }
        return 2 * rows * (all - sizes[0] * sizes[1]);
    }

    private static double smallMlp() {
        return trained(32, 100, 64, 10);
    }

    private static double mlp() {
        return trained(128, 784, 512, 512, 10);
    }

    /// Of one image, forward.
    private static double cnn() {
        double convolutions = 26 * 26 * 9 * 32 + 24.0 * 24 * 9 * 32 * 64;
        return 2 * (convolutions + 9216 * 128 + 128 * 10);
    }

    private static double lstm() {
        double steps = Task.LSTM_LENGTH * 32.0;
        double cell = 4.0 * Task.LSTM_HIDDEN;
        return 2
                * steps
                * (2 * cell * Task.LSTM_INPUT
                        + 3 * cell * Task.LSTM_HIDDEN
                        + 3.0 * Task.LSTM_HIDDEN * 64);
    }

    private static double bert() {
        double d = Task.BERT_WIDTH;
        double layer = 4 * d * d + 2 * d * Task.BERT_INNER + 2.0 * Task.BERT_LENGTH * d;
        return 2.0 * Task.BERT_LENGTH * Task.BERT_LAYERS * layer;
    }
}
