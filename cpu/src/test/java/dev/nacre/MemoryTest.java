package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Memory that nobody closes.
class MemoryTest {
    @Test
    void outOfMemoryNamesWhatIsHeld() throws Exception {
        List<String> out = Jvm.usual("-Dnacre.memory=64m").run("exhaust").out();
        assertEquals(Long.toString(8 << 20), out.getFirst());
        assertEquals(
                "out of memory: 8.0 MiB wanted for result of mul; largest blocks held:",
                out.get(1));
        assertEquals("  20 MiB  parameter embedding.weight", out.get(2));
        assertEquals("  8.0 MiB  result of mul", out.get(3));
        assertEquals(
                "  hint: raise the limit with -Dnacre.memory=… (it defaults to -Xmx), or use smaller batches",
                out.get(out.size() - 2));
        assertEquals("true", out.getLast(), "and goes on when there is memory again");
    }

    /// 2,000 steps that allocate and never close: as much memory at the end as after the first 500.
    @ParameterizedTest
    @ValueSource(strings = {"function", "eager"})
    @EnabledOnOs(OS.LINUX)
    void memoryStaysFlat(String kind) throws Exception {
        // C2, which is not done at step 500, would grow by more than a leak; a young generation of
        // the usual size would not have been used whole by then
        List<String> out =
                Jvm.usual("-Xmx64m", "-Xmn8m", "-XX:TieredStopAtLevel=1")
                        .run("soak", kind, "2000")
                        .out();
        long early = Long.parseLong(out.get(0));
        long late = Long.parseLong(out.get(1));
        assertTrue(late <= early * 1.05, () -> early + " KiB at step 500, " + late + " at the end");
        assertEquals("true", out.get(2), "the loss falls");
    }
}
