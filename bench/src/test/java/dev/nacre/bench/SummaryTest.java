package dev.nacre.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import dev.nacre.bench.protocol.Window;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SummaryTest {
    private static final Summary.Limits LIMITS = new Summary.Limits(100, 400, 50);

    private static List<Row> rows(Case c, String engine, long... nanos) {
        long wall = 0;
        for (long n : nanos) {
            wall += n;
        }
        return Summary.of(c, engine, List.of(new Window(wall, 0, nanos)), LIMITS, "");
    }

    private static List<Row> compared(Case c) {
        List<Row> rows = new ArrayList<>(rows(c, "nacre", 2_000_000, 4_000_000, 3_000_000));
        rows.addAll(rows(c, "slow", 9_000_000, 9_000_000, 9_000_000));
        rows.addAll(rows(c, "fast", 6_000_000, 6_000_000, 1_000_000));
        return rows;
    }

    @Test
    void timesAreMediansInMilliseconds() {
        Row r = compared(Cases.of("W2")).getFirst();
        assertEquals(3, r.median());
        assertEquals(2, r.min());
        assertEquals(4, r.max());
        assertEquals(3, r.runs());
    }

    @Test
    void theRatioIsToTheBestPeersMedian() {
        Row times = Summary.withRatios(compared(Cases.of("W2")), true).getFirst();
        assertEquals(2, times.ratio().getAsDouble());
        Case product = Cases.of("W12-matmul-f32-512");
        Row speeds = Summary.withRatios(compared(product), true).getFirst();
        assertEquals("nacre", speeds.engine());
        assertEquals(product.flop() / 3_000_000, speeds.median());
        assertEquals(2, speeds.ratio().getAsDouble());
    }

    @Test
    void noAgreementNoRatio() {
        assertTrue(
                Summary.withRatios(compared(Cases.of("W2")), false).stream()
                        .allMatch(r -> r.ratio().isEmpty()));
    }

    @Test
    void thePartOfTheLimitIsThatOfTheBoundThatCounts() {
        Case products = Cases.of("W2");
        assertEquals(
                products.flop() / 100 / 3_000_000,
                rows(products, "nacre", 3_000_000).getFirst().limit().getAsDouble());
        Case streams = Cases.of("W9-full-fwd");
        assertEquals(
                streams.bytes() / 50 / 30_000_000,
                rows(streams, "nacre", 30_000_000).getFirst().limit().getAsDouble());
    }

    @Test
    void answersPerSecondAreOfAllThreads() {
        long[] nanos = {1_000_000, 1_000_000, 1_000_000, 4_000_000};
        Window w = new Window(4_000_000, 0, nanos);
        List<Row> rows = Summary.of(Cases.of("W14-4"), "nacre", List.of(w), LIMITS, "");
        assertEquals(1000, rows.get(0).median());
        assertEquals(Row.Metric.LATENCY, rows.get(1).metric());
        assertEquals(1, rows.get(1).median());
        assertEquals(4, rows.get(2).median());
    }
}
