package dev.nacre.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ExamplesTest {
    private static final Pattern LOSS = Pattern.compile("loss[: ]+([0-9.]+)");

    private interface Main {
        void run(String[] args);
    }

    /// The losses that a program prints.
    private static List<Double> losses(Main program, String... args) {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            program.run(args);
        } finally {
            System.setOut(before);
        }
        Matcher m = LOSS.matcher(out.toString(StandardCharsets.UTF_8));
        return m.results().map(r -> Double.valueOf(r.group(1))).toList();
    }

    @Test
    void pyTorchStyle() {
        var losses = losses(PyTorchStyle::main);
        assertEquals(10, losses.size());
        for (int i = 1; i < 10; i++) {
            assertTrue(losses.get(i) < losses.get(i - 1), losses.toString());
        }
        var data = Blobs.of(50, 100, 10, Rng.seed(4));
        assertEquals(
                PyTorchStyle.train(new PyTorchStyle.Net(Rng.seed(0)), data.x(), data.y(), 5),
                PyTorchStyle.train(new PyTorchStyle.Net(Rng.seed(0)), data.x(), data.y(), 5),
                "same seed, other bits");
    }

    @Test
    void kerasStyle() {
        var losses = losses(KerasStyle::main);
        assertEquals(10, losses.size());
        assertTrue(losses.getLast() < losses.getFirst() / 10, losses.toString());
    }

    @Test
    void theanoStyle() {
        var losses = losses(TheanoStyle::main);
        assertEquals(7, losses.size());
        for (int i = 1; i < losses.size(); i++) {
            assertTrue(losses.get(i) < losses.get(i - 1), losses.toString());
        }
        assertTrue(losses.getLast() < losses.getFirst() / 10, losses.toString());
    }

    @Test
    void fromScratch() {
        var losses = losses(FromScratch::main);
        assertEquals(11, losses.size());
        assertTrue(losses.getLast() < losses.getFirst() / 20, losses.toString());
    }

    /// The first steps of what takes longer to learn.
    @Test
    void addingProblem() {
        var losses = losses(AddingProblem::main, "200");
        assertEquals(2, losses.size());
        assertTrue(losses.getLast() < 0.25, losses.toString());
    }
}
