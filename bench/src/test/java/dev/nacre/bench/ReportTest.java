package dev.nacre.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

class ReportTest {
    private static final List<Row> ROWS =
            List.of(
                    new Row(
                            "W1",
                            "nacre",
                            Row.Metric.TIME,
                            0.05,
                            0.04,
                            0.9,
                            1000,
                            OptionalDouble.of(2.5),
                            OptionalDouble.of(0.1),
                            ""),
                    new Row(
                            "W1",
                            "peer",
                            Row.Metric.TIME,
                            0.125,
                            0.1,
                            2,
                            700,
                            OptionalDouble.empty(),
                            OptionalDouble.empty(),
                            "a \"note\""));

    @Test
    void jsonHasTheFieldsThatScriptsRead() throws IOException {
        Map<String, String> first = new LinkedHashMap<>();
        Map<String, String> second = new LinkedHashMap<>();
        try (JsonParser p = new JsonFactory().createParser(Report.json(ROWS))) {
            assertEquals(JsonToken.START_ARRAY, p.nextToken());
            read(p, first);
            read(p, second);
            assertEquals(JsonToken.END_ARRAY, p.nextToken());
        }
        assertEquals(
                Map.of(
                        "workload",
                        "W1",
                        "engine",
                        "nacre",
                        "metric",
                        "time",
                        "unit",
                        "ms",
                        "median",
                        "0.05",
                        "min",
                        "0.04",
                        "max",
                        "0.9",
                        "runs",
                        "1000",
                        "ratio",
                        "2.5"),
                first);
        assertTrue(!second.containsKey("ratio"));
        assertEquals("a \"note\"", second.get("note"));
    }

    private static void read(JsonParser p, Map<String, String> into) throws IOException {
        assertEquals(JsonToken.START_OBJECT, p.nextToken());
        while (p.nextToken() == JsonToken.FIELD_NAME) {
            String key = p.currentName();
            p.nextToken();
            into.put(key, p.getText());
        }
    }

    @Test
    void theTableShowsRatioAndGoal() {
        String table = Report.table(ROWS);
        String nacre = table.lines().filter(l -> l.contains("nacre")).findFirst().orElseThrow();
        assertTrue(nacre.contains("50.0 µs") && nacre.contains("2.50") && nacre.contains("≥ 2.0"));
        assertTrue(nacre.contains("10 %"));
    }

    @Test
    void aReportIsFourFiles(@TempDir Path folder) throws Exception {
        Report.write(folder, ROWS, Map.of("machine", "a small one"));
        String text = Files.readString(folder.resolve("bench.md"));
        assertTrue(text.contains("| machine | a small one |"));
        assertTrue(text.contains("| W1 time | nacre | 50.0 µs |"), text);
        for (String chart : List.of("ratios.svg", "limits.svg")) {
            Document d =
                    DocumentBuilderFactory.newInstance()
                            .newDocumentBuilder()
                            .parse(folder.resolve(chart).toFile());
            assertTrue(d.getElementsByTagName("rect").getLength() >= 2, chart);
        }
        assertEquals(Report.json(ROWS), Files.readString(folder.resolve("bench.json")));
    }
}
