package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/// Same seed, same bits.
class DeterminismTest {
    @Test
    void twoRunsInOneProcess() {
        List<String> first = Programs.train();
        assertEquals(first, Programs.train());
        double start = Float.parseFloat(first.getFirst().substring("loss ".length()));
        double end = Float.parseFloat(first.get(5).substring("loss ".length()));
        assertTrue(end < start, "it learns");
    }

    @Test
    void anyNumberOfThreads() throws Exception {
        for (String program : List.of("train", "attend", "convolve")) {
            List<String> one = Jvm.usual("-Dnacre.threads=1").run(program).out();
            assertEquals(one, Jvm.usual("-Dnacre.threads=2").run(program).out());
            assertEquals(one, Jvm.usual("-Dnacre.threads=3").run(program).out());
        }
    }
}
