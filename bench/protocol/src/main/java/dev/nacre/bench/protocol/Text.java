package dev.nacre.bench.protocol;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.GZIPInputStream;

/// A text to learn character by character, and how it is learned: what `nacre train chars` does by default. The last tenth is for validation.
///
/// @param learn the numbers of characters, in the order of their code points
/// @param validate the same of the last tenth
/// @param vocabulary how many characters there are
public record Text(int[] learn, int[] validate, int vocabulary) {
    public static final int STEPS = 1500;
    public static final double DROPOUT = 0.1;
    public static final double DECAY = 0.1;
    public static final double BETA2 = 0.99;
    public static final double NORM = 1;

    private static final double RATE = 1e-3;
    private static final int WARMUP = STEPS / 10;
    private static final int VALIDATED = 64; // passages

    /// Ambrose Bierce's "The Devil's Dictionary" (1911, public domain) from Debian's package dict-devil.
    private static final Path FILE = Path.of("/usr/share/dictd/devil.dict.dz");

    public static Text devilsDictionary() {
        if (!Files.exists(FILE)) {
            throw new IllegalStateException(
                    FILE + " is missing; Debian's package dict-devil has it");
        }
        String text;
        try (InputStream in = new GZIPInputStream(Files.newInputStream(FILE))) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        int[] alphabet = text.codePoints().sorted().distinct().toArray();
        int[] all = text.codePoints().map(c -> Arrays.binarySearch(alphabet, c)).toArray();
        int cut = all.length - all.length / 10;
        return new Text(
                Arrays.copyOfRange(all, 0, cut),
                Arrays.copyOfRange(all, cut, all.length),
                alphabet.length);
    }

    /// The size of the model.
    public Decoder model() {
        return new Decoder(4, 128, 4, 128, vocabulary, 16);
    }

    /// Tokens and the ones that follow them, each `[passages, length]` laid out row by row.
    public record Passages(int count, long[] tokens, long[] next) {}

    /// What a step learns from, drawn at random.
    public Passages ofStep(int step) {
        SplittableRandom random = new SplittableRandom(step);
        int length = model().length();
        int[] begins = new int[model().batch()];
        Arrays.setAll(begins, _ -> random.nextInt(learn.length - length));
        return passages(learn, begins);
    }

    /// Passages that lie evenly over the validation text, without overlap.
    public Passages ofValidation() {
        int length = model().length();
        int there = (validate.length - 1) / length;
        int n = Math.min(there, VALIDATED);
        int[] begins = new int[n];
        Arrays.setAll(begins, i -> (int) ((long) i * there / n) * length);
        return passages(validate, begins);
    }

    private Passages passages(int[] text, int[] begins) {
        int length = model().length();
        long[] tokens = new long[begins.length * length];
        long[] next = new long[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            int at = begins[i / length] + i % length;
            tokens[i] = text[at];
            next[i] = text[at + 1];
        }
        return new Passages(begins.length, tokens, next);
    }

    /// The learning rate of a step from 0: it rises for a tenth of the steps, then falls to a tenth along a cosine.
    public static double rate(int step) {
        if (step < WARMUP) {
            return RATE * (step + 1) / WARMUP;
        }
        double part = Math.min(1, (step - WARMUP) / (double) (STEPS - WARMUP));
        return RATE * (0.1 + 0.9 * (1 + Math.cos(Math.PI * part)) / 2);
    }
}
