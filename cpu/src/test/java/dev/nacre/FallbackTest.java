package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.cpu.CpuBackend;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Without machine code of our own, without the Vector API, without oneDNN, without all of them, without native access: the same program trains to the same losses, and one warning says what is missing.
class FallbackTest {
    private static final String VECTORS = "start Java with --add-modules jdk.incubator.vector";
    private static final String ONEDNN = "org.bytedeco:dnnl";

    private static List<String> usual;

    @BeforeAll
    static void usualRun() throws Exception {
        Jvm.Result r = Jvm.usual().run("train");
        usual = losses(r);
        assertEquals(List.of(), r.err(), "no warning where nothing is missing");
    }

    private static List<String> losses(Jvm.Result r) {
        return r.out().stream()
                .filter(l -> l.startsWith("loss "))
                .map(l -> l.substring("loss ".length()))
                .toList();
    }

    private static void assertSame(Jvm.Result r) {
        List<String> actual = losses(r);
        assertEquals(usual.size(), actual.size());
        for (int i = 0; i < actual.size(); i++) {
            float expected = Float.parseFloat(usual.get(i));
            assertEquals(
                    expected,
                    Float.parseFloat(actual.get(i)),
                    1e-4 * Math.abs(expected),
                    "loss " + i);
        }
    }

    private static void assertOneWarning(String names, Jvm.Result r) {
        List<String> warnings = r.err().stream().filter(l -> l.startsWith("WARNING: ")).toList();
        assertEquals(1, warnings.size(), () -> String.join("\n", r.err()));
        assertTrue(warnings.getFirst().contains(names), warnings::getFirst);
    }

    /// Loops need the module only where they are no machine code of our own.
    @Test
    void withoutTheVectorModule() throws Exception {
        Jvm.Result r = Jvm.withoutVectors().run("train");
        assertSame(r);
        if (CpuBackend.isMachineCode()) assertEquals(List.of(), r.err());
        else assertOneWarning(VECTORS, r);
    }

    /// A width asks for the Vector API.
    @Test
    void neitherMachineCodeNorTheVectorModule() throws Exception {
        Jvm.Result r = Jvm.withoutVectors("-Dnacre.vector=256").run("train");
        assertSame(r);
        assertOneWarning(VECTORS, r);
    }

    /// Who switches something off has asked for it: no warning.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "-Dnacre.onednn=off",
                "-Dnacre.vector=off",
                "-Dnacre.vector=128",
                "-Dnacre.vector=256"
            })
    void switchedOff(String option) throws Exception {
        Jvm.Result r = Jvm.usual(option).run("train");
        assertSame(r);
        assertEquals(List.of(), r.err());
    }

    /// A setting that says nothing is named, and the program runs as without it.
    @Test
    void settingsThatSayNothing() throws Exception {
        List<String> settings =
                List.of(
                        "-Dnacre.vector=64",
                        "-Dnacre.threads=two",
                        "-Dnacre.idle=-1",
                        "-Dnacre.memory=-1g");
        Jvm.Result r = Jvm.usual(settings.toArray(String[]::new)).run("train");
        assertSame(r);
        for (String setting : settings) {
            assertEquals(
                    1,
                    r.err().stream().filter(l -> l.contains(setting + " is not ")).count(),
                    setting);
        }
    }

    @Test
    void plainJava() throws Exception {
        Jvm.Result r = Jvm.withoutVectors("-Dnacre.onednn=off", "-Dnacre.vector=off").run("train");
        assertSame(r);
        assertEquals(List.of(), r.err());
    }

    @Test
    void aLibraryThatIsNotThere() throws Exception {
        Jvm.Result r = Jvm.usual("-Dnacre.onednn=/no/such/library.so").run("train");
        assertSame(r);
        assertOneWarning(ONEDNN, r);
    }

    @Test
    void nativeAccessDenied() throws Exception {
        Jvm.Result r = Jvm.denied().run("train");
        assertSame(r);
        assertOneWarning("start Java with --enable-native-access=ALL-UNNAMED", r);
        assertOneWarning("without oneDNN and machine code", r);
        Jvm.Result off = Jvm.denied("-Dnacre.onednn=off").run("train");
        assertOneWarning(
                "slower, without machine code", off); // what was switched off is not missed
    }
}
