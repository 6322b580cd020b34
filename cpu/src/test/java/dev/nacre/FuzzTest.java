package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.nacre.fuzz.Program;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Random programs against plain loops. To run one again: `-Dnacre.fuzz.seed=N`.
class FuzzTest {
    @Test
    void programsAreComputedAsWritten() {
        Integer one = Integer.getInteger("nacre.fuzz.seed");
        check(one == null ? 0 : one, one == null ? 400 : one + 1);
    }

    @Test
    @Tag("nightly")
    void manyProgramsAreComputedAsWritten() {
        check(400, 30_000);
    }

    private static void check(int from, int to) {
        Set<String> seen = new HashSet<>();
        for (int seed = from; seed < to; seed++) {
            Program p = Program.of(seed);
            seen.addAll(p.kinds());
            if (p.fault().isPresent()) {
                Program small = p.shrunk();
                fail(
                        "seed "
                                + seed
                                + ": "
                                + small.fault().or(p::fault).orElse("not again")
                                + "\n"
                                + small);
            }
        }
        if (to - from >= 400) {
            List<String> missing = new ArrayList<>(Program.allKinds());
            missing.removeAll(seen);
            assertEquals(List.of(), missing, "steps that no program has");
        }
    }
}
