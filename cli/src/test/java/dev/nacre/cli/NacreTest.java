package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class NacreTest {
    @Test
    void doctorRuns() {
        assertEquals(0, new CommandLine(new Nacre()).execute("doctor"));
    }
}
