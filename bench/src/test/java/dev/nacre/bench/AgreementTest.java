package dev.nacre.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AgreementTest {
    private static final Case CASE = Cases.of("W1");

    private static List<String> problems(double[] a, double... b) {
        Map<String, double[]> results = new LinkedHashMap<>();
        results.put("a", a);
        results.put("b", b);
        return Agreement.problems(CASE, results);
    }

    private static final double[] HERE = {2, 2};

    @Test
    void withinTheTolerance() {
        double off = 2 * CASE.tolerance();
        assertEquals(List.of(), problems(HERE, 2 + off, 2));
        assertEquals(1, problems(HERE, 2 + 3 * off, 2).size());
        assertEquals(List.of(), Agreement.problems(CASE, Map.of()));
    }

    @Test
    void neverIfSomethingIsNoNumberOrMissing() {
        assertEquals(1, problems(HERE, 2, Double.NaN).size());
        assertTrue(problems(new double[] {2, Double.NaN}, 2, 2).size() > 0);
        assertEquals(1, problems(HERE, 2).size());
    }

    @Test
    void theProblemNamesBoth() {
        String text = problems(HERE, 2, 3).getFirst();
        assertTrue(text.startsWith("b and a differ: number 2 is 3"), text);
    }
}
