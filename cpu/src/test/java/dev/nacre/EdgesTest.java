package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The table of [Edges], computed by every code generator.
class EdgesTest {
    @Test
    void asAlways() {
        assertEquals("", String.join("\n", Edges.failures()));
    }

    @Test
    void withoutVectors() throws Exception {
        assertRight("off");
    }

    @Tag("nightly")
    @ParameterizedTest
    @ValueSource(strings = {"128", "256", "512"})
    void ofAllWidths(String width) throws Exception {
        assertRight(width);
    }

    private static void assertRight(String width) throws Exception {
        assertEquals(List.of(), Jvm.usual("-Dnacre.vector=" + width).run("edges").out());
    }
}
