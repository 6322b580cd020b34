package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.nn.train.Screen;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private final StringWriter text = new StringWriter();
    private long now;

    private Progress progress(boolean live, int width, int epochs, int batches) {
        return new Progress(
                new Screen(new PrintWriter(text), live, width),
                () -> now,
                new Progress.Work((long) epochs * batches, batches, 10, true),
                0);
    }

    private String text() {
        return text.toString().replace(System.lineSeparator(), "\n");
    }

    @Test
    void plainLinesNowAndThenAndAtTheEndOfAnEpoch() {
        Progress p = progress(false, 80, 2, 3);
        now += 5_000_000_000L;
        p.step(1, 10, 2, 5);
        now += 6_000_000_000L;
        p.step(2, 10, 1, 10);
        now += 1_000_000_000L;
        p.step(3, 10, 0, 10);
        now += 3_000_000_000L;
        p.step(4, 10, 0.5, 9);
        p.step(5, 10, 0.5, 9);
        p.step(6, 10, 0.5, 9);
        p.close();
        assertEquals(
                """
                epoch 1/2 batch 2/3  loss 1.5000  accuracy 0.7500  2 examples/s  0:24 left
                epoch 1/2  loss 1.0000  accuracy 0.8333  3 examples/s  0:11 left
                epoch 2/2  loss 0.5000  accuracy 0.9000  5 examples/s  0:00 left
                """,
                text());
    }

    @Test
    void aTerminalsLineIsDrawnOverAndNeverWraps() {
        Progress p = progress(true, 200, 1, 2);
        now += 1_000_000_000L;
        p.step(1, 10, 2, 5);
        p.step(2, 10, 1, 10);
        p.close();
        assertEquals(
                "\r"
                        + "epoch 1/1 batch 1/2 [==========          ]  loss 2.0000  accuracy 0.5000  10"
                        + " ex/s  0:01 left\u001b[K\r"
                        + "epoch 1/1 batch 2/2  loss 1.5000  accuracy 0.7500  10,000,000,000 ex/s  0:00 left"
                        + "\u001b[K\n",
                text());
    }

    @Test
    void aNarrowTerminalShortensTheBarThenDropsItThenCuts() {
        for (int width : new int[] {80, 70, 60, 50, 20}) {
            Progress p = progress(true, width, 1, 2);
            now += 1_000_000_000L;
            p.step(1, 10, 2, 5);
            p.close();
        }
        assertEquals(
                """
                \repoch 1/1 batch 1/2 [=======        ]  loss 2.0000  accuracy 0.5000  0:01 left\u001b[K
                \repoch 1/1 batch 1/2 [==   ]  loss 2.0000  accuracy 0.5000  0:01 left\u001b[K
                \repoch 1/1 batch 1/2  loss 2.0000  0:01 left\u001b[K
                \repoch 1/1 batch 1/2  loss 2.0000  0:01 left\u001b[K
                \repoch 1/1 batch 1/2\u001b[K
                """,
                text());
    }
}
