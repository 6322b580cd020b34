package dev.nacre.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class GoalsTest {
    private static Row row(String workload, String engine, Row.Metric metric, double median) {
        OptionalDouble none = OptionalDouble.empty();
        return new Row(workload, engine, metric, median, median, median, 1, none, none, "");
    }

    private static Map<String, Boolean> met(Row... rows) {
        return Goals.of(List.of(rows)).stream()
                .collect(Collectors.toMap(Goals.Goal::what, Goals.Goal::isMet));
    }

    @Test
    void timeToTheFirstStep() {
        assertTrue(met(row("W11", "nacre", Row.Metric.TIME, 599)).containsValue(true));
        assertTrue(met(row("W11", "nacre", Row.Metric.TIME, 601)).containsValue(false));
        assertEquals(Map.of(), met(row("W11", "libtorch", Row.Metric.TIME, 601)));
    }

    @Test
    void coldStepsAgainstWarmOnes() {
        Row warm = row("W13-gpt", "nacre", Row.Metric.WARM, 2000);
        assertTrue(met(row("W13-gpt", "nacre", Row.Metric.TIME, 3999), warm).containsValue(true));
        assertTrue(met(row("W13-gpt", "nacre", Row.Metric.TIME, 4001), warm).containsValue(false));
    }

    @Test
    void answersToManyThreads() {
        Map<String, Boolean> met =
                met(
                        row("W14-1", "nacre", Row.Metric.THROUGHPUT, 1000),
                        row("W14-16", "nacre", Row.Metric.THROUGHPUT, 1700),
                        row("W14-16", "nacre", Row.Metric.LATENCY, 5),
                        row("W14-16", "nacre", Row.Metric.SLOWEST, 99));
        assertEquals(2, met.size());
        assertFalse(met.get("W14 answers of 16 threads, times those of one"));
        assertTrue(met.get("W14-16 p99 latency, times the median"));
    }

    @Test
    void comparisonsWithOnePeerAndWithItself() {
        Map<String, Boolean> met =
                met(
                        row("W7", "nacre", Row.Metric.TIME, 500),
                        row("W10-gpt", "nacre", Row.Metric.TIME, 250),
                        row("W7", "nacre", Row.Metric.MEMORY, 69),
                        row("W7", "libtorch", Row.Metric.MEMORY, 100),
                        row("W2", "nacre", Row.Metric.TIME, 1),
                        row("W2", "dl4j", Row.Metric.TIME, 1.9),
                        row("W2", "tensorflow", Row.Metric.TIME, 1.9));
        assertEquals(
                Map.of(
                        "W10-gpt against W7 in f32",
                        false,
                        "W7 peak memory, part of libtorch's",
                        true,
                        "W2 against dl4j",
                        false,
                        "W2 against tensorflow",
                        true),
                met);
    }
}
