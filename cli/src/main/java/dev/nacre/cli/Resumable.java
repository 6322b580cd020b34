package dev.nacre.cli;

import dev.nacre.formats.model.Checkpoint;
import dev.nacre.nn.Module;
import dev.nacre.nn.optim.Optimizer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine.Model.CommandSpec;

/// A training that can be stopped after any step, and gone on with; see [State].
interface Resumable {
    /// Steps that are done, those of earlier runs included.
    long done();

    /// Steps of the whole training.
    long steps();

    /// What is learning, with all that draws random numbers.
    Module learning();

    Optimizer optimizer();

    /// The settings, and what tells the data from others.
    Map<String, String> texts();

    /// Puts aside what is needed to go on.
    default void write(Path checkpoint, Map<String, String> more) {
        Map<String, String> all = new LinkedHashMap<>(texts());
        all.put("step", String.valueOf(done()));
        all.putAll(more);
        Checkpoint.write(checkpoint, learning(), optimizer(), all);
    }

    /// Ends the command if somebody has stopped the training before its end, and puts aside what it has learnt.
    ///
    /// @param target where the network would have been saved
    /// @param more what the command needs beside the training's own
    default void endIfStopped(
            Interrupts interrupts,
            Path target,
            CommandSpec command,
            Supplier<Map<String, String>> more) {
        if (done() >= steps()) {
            return;
        }
        Map<String, String> all = State.texts("command", command.name(), "save", target);
        all.putAll(more.get());
        Path file = Saving.checkpoint(target);
        Saving.write(file, place -> write(place, all));
        throw new Interrupts.Stopped(
                "stopped after step %d of %d\nto go on: nacre train %s --resume %s"
                        .formatted(done(), steps(), command.name(), file),
                interrupts.status());
    }
}
