package dev.nacre.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.bench.protocol.Cases;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Engines in processes of their own, in turn.
class RunTest {
    @TempDir private Path folder;
    private final StringWriter said = new StringWriter();

    private static Engine engine(String name, String behaviour) {
        return new Engine(
                name,
                Optional.empty(),
                Optional.empty(),
                StandIn.class.getName(),
                List.of("-XX:TieredStopAtLevel=1", "-Dbehaviour=" + behaviour),
                Map.of(),
                0.01,
                Set.of());
    }

    private List<Row> measure(String id, Engine... engines) throws IOException {
        Run run =
                new Run(
                        List.of(engines),
                        _ -> System.getProperty("java.class.path"),
                        Run.ROUNDS,
                        0.02,
                        folder.resolve("log"),
                        new PrintWriter(said));
        return run.measure(Cases.of(id), Summary.Limits.UNKNOWN);
    }

    private static Row row(List<Row> rows, String engine, Row.Metric metric) {
        return rows.stream()
                .filter(r -> r.engine().equals(engine) && r.metric() == metric)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void enginesThatAgreeGiveARatio() throws IOException {
        List<Row> rows = measure("W1", engine("nacre", "2.5"), engine("peer", "2.5"));
        Row nacre = row(rows, "nacre", Row.Metric.TIME);
        Row peer = row(rows, "peer", Row.Metric.TIME);
        assertEquals(peer.median() / nacre.median(), nacre.ratio().getAsDouble());
        assertTrue(peer.ratio().isEmpty());
        assertTrue(nacre.runs() >= 10, "two steps at least in each of five windows");
        assertTrue(nacre.min() > 0 && nacre.min() <= nacre.median());
        assertTrue(row(rows, "peer", Row.Metric.MEMORY).median() > 0);
    }

    @Test
    void aMismatchWithholdsTheRatioAndIsPrinted() throws IOException {
        List<Row> rows = measure("W1", engine("nacre", "2.5"), engine("peer", "2.6"));
        assertTrue(rows.stream().allMatch(r -> r.ratio().isEmpty()));
        assertTrue(said.toString().contains("MISMATCH"), said::toString);
        assertEquals("results differ", row(rows, "nacre", Row.Metric.TIME).note());
    }

    @Test
    void whatCannotBeComparedIsNoted() throws IOException {
        List<Row> rows = measure("W1", engine("nacre", "2.5"), engine("peer", "unchecked"));
        assertTrue(row(rows, "nacre", Row.Metric.TIME).ratio().isPresent());
        assertEquals("not compared: it is special", row(rows, "peer", Row.Metric.TIME).note());
    }

    @Test
    void enginesWithoutTheCaseOrThatFailAreLeftOut() throws IOException {
        List<Row> rows =
                measure(
                        "W1",
                        engine("none", "none"),
                        engine("thrower", "throws"),
                        engine("mortal", "dies"),
                        engine("nacre", "1"));
        assertTrue(rows.stream().allMatch(r -> r.engine().equals("nacre")));
        assertTrue(rows.stream().allMatch(r -> r.ratio().isEmpty()), "there is no peer");
        assertTrue(said.toString().contains("thrower failed: "), said::toString);
        assertTrue(said.toString().contains("no such luck at all"), said::toString);
        assertTrue(said.toString().contains("mortal failed: its process ended"), said::toString);
        assertFalse(said.toString().contains("none failed"), said::toString);
    }

    @Test
    void manyThreadsAskAtOnce() throws IOException {
        List<Row> rows = measure("W14-4", engine("nacre", "1"), engine("peer", "1"));
        for (Row.Metric metric : List.of(Row.Metric.THROUGHPUT, Row.Metric.SLOWEST)) {
            assertEquals(5, row(rows, "peer", metric).runs());
            assertTrue(row(rows, "nacre", metric).ratio().isPresent());
        }
    }

    @Test
    void startsAreProcessesOfTheirOwn() throws IOException {
        List<Row> rows = measure("W11", engine("nacre", "1"), engine("peer", "1"));
        assertEquals(3, row(rows, "nacre", Row.Metric.TIME).runs());
        assertTrue(row(rows, "nacre", Row.Metric.TIME).ratio().isPresent());
        assertTrue(row(rows, "nacre", Row.Metric.MEMORY).ratio().isPresent());
    }

    @Test
    void coldStartsTellWhatWarmStepsTake() throws IOException {
        List<Row> rows = measure("W13-gpt", engine("nacre", "1"));
        double cold = row(rows, "nacre", Row.Metric.TIME).median();
        double warm = row(rows, "nacre", Row.Metric.WARM).median();
        assertTrue(warm > 0 && warm < cold, warm + " ms warm, " + cold + " ms cold");
    }
}
