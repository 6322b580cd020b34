package dev.nacre.cpu.loops;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Random programs as OpenCL C. The other tests of loops are judged, too, where the system property `nacre.test.opencl` is true.
class JudgeTest {
    private static final int PROGRAMS = 200;

    @Test
    @Tag("nightly")
    void anotherCompilerReadsProgramsTheSameWay() {
        assumeTrue(Judge.sits(), "no OpenCL here: Debian's package pocl-opencl-icd has a device");
        for (int seed = 10_000; seed < 10_000 + PROGRAMS; seed++) {
            var m = RandomProgramsTest.make(seed);
            var results = Compare.allWays("program " + seed, m.loop(), m.buffers());
            Judge.judge("program " + seed, m.loop(), m.buffers(), results, m.tolerance());
        }
        System.out.println(Judge.report());
        assertTrue(
                Judge.count(how -> !how.equals(Judge.UNPRINTABLE)) > PROGRAMS / 2, Judge::report);
    }
}
