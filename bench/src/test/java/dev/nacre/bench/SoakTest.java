package dev.nacre.bench;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// The loops of the soak, some steps of each under one of the collectors; nightly a tenth of the whole matrix. C2, which takes its time from short runs, is left out here.
@EnabledOnOs(OS.LINUX)
class SoakTest {
    /// In a quarter of the heap, a quarter of the memory that is kept for later fills in a quarter of the steps.
    private static final int HEAP = 64;

    @ParameterizedTest
    @CsvSource({
        "LENGTHS, 80, Serial",
        "FORGOTTEN_ZERO_GRAD, 500, Parallel",
        "HEAD_ALONE, 500, G1",
        "CARRIED_STATE, 200, Z",
        "CONSTANTS, 1000, Serial",
        "PRODUCTS, 100, G1",
        "SHARED, 200, Parallel"
    })
    void memoryStaysFlat(Soak.Case c, int steps, String collector) throws Exception {
        List<String> jvm =
                List.of(
                        "-XX:+Use" + collector + "GC",
                        "-XX:+DisableExplicitGC",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:TrimNativeHeapInterval=500",
                        "--enable-native-access=ALL-UNNAMED");
        Soak.Outcome outcome = Soak.run(c, steps, HEAP, jvm);
        assertTrue(outcome.flat(), outcome::text);
    }

    static List<Soak.Case> loops() {
        return Soak.Case.loops();
    }

    @Tag("nightly")
    @ParameterizedTest
    @MethodSource("loops")
    void underEverySetting(Soak.Case c) throws Exception {
        for (Soak.Setting s : Soak.Setting.all()) {
            Soak.Outcome outcome = Soak.run(c, c.steps() / 10, 256, s.flags());
            assertTrue(outcome.flat(), () -> s + "\n" + outcome.text());
        }
    }
}
