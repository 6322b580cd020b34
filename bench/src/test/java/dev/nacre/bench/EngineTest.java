package dev.nacre.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Cases;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class EngineTest {
    @Test
    void enginesNameWorkloadsThatExist() {
        Set<String> workloads =
                Cases.all().stream().map(Case::workload).collect(Collectors.toSet());
        for (Engine e : Engine.of(Engine.PEERS)) {
            assertTrue(workloads.containsAll(e.only()), e.name());
        }
    }

    @Test
    void everyPeerHasAnEngineAndAProject() {
        for (String peer : Engine.PEERS) {
            List<Engine> engines = Engine.of(List.of(peer));
            assertTrue(engines.stream().anyMatch(e -> e.name().equals(peer)));
            assertTrue(engines.stream().allMatch(e -> e.project().isPresent()));
        }
    }

    @Test
    void wordsNameCases() {
        assertEquals(Cases.all(), Cases.named(List.of()));
        assertEquals(1, Cases.named(List.of("w9-full-fwd")).size());
        assertEquals(4, Cases.named(List.of("W9")).size());
        assertEquals(List.of("W1"), Cases.named(List.of("W1")).stream().map(Case::id).toList());
        assertThrows(IllegalArgumentException.class, () -> Cases.named(List.of("W99")));
    }
}
