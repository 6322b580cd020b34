package dev.nacre;

import dev.nacre.ir.Node;
import dev.nacre.type.Frames;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Says what somebody who trains should know, once for each of his lines.
final class Remarks {
    private static final int MOST = 100; // lines, in case they are made up by the thousand

    private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

    private Remarks() {}

    /// Logs the remark on a loss that gradients are asked for of, if there is one.
    static void report(Node loss) {
        Optional<String> remark = loss.remark();
        if (remark.isPresent() && SAID.size() < MOST) {
            String line = Frames.line();
            if (SAID.add(line + remark.get())) {
                System.getLogger("dev.nacre")
                        .log(
                                System.Logger.Level.WARNING,
                                "training step at " + line + ": " + remark.get());
            }
        }
    }
}
