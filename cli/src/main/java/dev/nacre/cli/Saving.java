package dev.nacre.cli;

import dev.nacre.Variable;
import dev.nacre.compile.Folders;
import dev.nacre.formats.AtomicFile;
import dev.nacre.formats.model.Model;
import dev.nacre.nn.Module;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// Puts the result of a training into a file: the place is tried out before, and where it fails all the same, the result goes somewhere else.
final class Saving {
    private static final String END = ".safetensors";
    private static final int LONGEST_NAME = 255; // bytes, in the usual file systems

    private Saving() {}

    /// Where to save; refused before any work is done if it cannot be written, or if what the training reads lies there.
    ///
    /// @param inputs files that are read, by whatever path
    static Path target(Optional<Path> save, String name, Collection<Path> inputs) {
        Path file = save.orElse(Path.of(name + END)).toAbsolutePath().normalize();
        Path folder = Optional.ofNullable(file.getParent()).orElse(file);
        if (Files.isDirectory(file)) {
            throw new NacreException("--save: " + file + " is a folder");
        }
        if (!Files.isDirectory(folder)) {
            throw new NacreException("--save: folder " + folder + " does not exist");
        }
        if (!Files.isWritable(folder)) {
            throw new NacreException("--save: folder " + folder + " is not writable");
        }
        for (Path input : inputs) {
            if (isSame(file, input)) {
                throw new NacreException("--save: " + file + " is what the training reads");
            }
        }
        AtomicFile.tryOut("--save", file);
        return file;
    }

    private static boolean isSame(Path a, Path b) {
        try {
            return Files.isSameFile(a, b);
        } catch (IOException _) {
            return false; // one of them is not there
        }
    }

    /// Where the state of a training that is stopped goes: beside what it would have saved.
    static Path checkpoint(Path target) {
        String name = target.getFileName().toString();
        String stem = name.endsWith(END) ? name.substring(0, name.length() - END.length()) : name;
        String end = ".checkpoint" + END;
        int most = LONGEST_NAME - end.length();
        while (stem.getBytes(StandardCharsets.UTF_8).length > most) {
            stem = stem.substring(0, stem.offsetByCodePoints(stem.length(), -1));
        }
        return target.resolveSibling(stem + end);
    }

    /// Writes to the first place that takes it.
    ///
    /// @throws NacreException if that is not the target; it says where it is instead
    static void write(Path target, Consumer<Path> write) {
        try {
            write.accept(target);
            return;
        } catch (NacreException e) {
            String time =
                    LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss"));
            for (Path folder :
                    List.of(
                            target.getParent(),
                            Path.of("").toAbsolutePath(),
                            Folders.temporary())) {
                Path other = folder.resolve("nacre-rescued-" + time + END);
                try {
                    write.accept(other);
                } catch (NacreException _) {
                    continue;
                }
                throw new NacreException(
                        e.getMessage() + "\n  it was saved as " + other + " instead", e);
            }
            throw e;
        }
    }

    /// Writes a model, unless a number of it is broken.
    static void write(Path target, Model model) {
        requireFinite(model.network());
        write(target, model::write);
    }

    private static void requireFinite(Module network) {
        network.state()
                .forEach((key, v) -> {
                    if (v.dtype().isFloating() && !isFinite(v)) {
                        throw new NacreException(
                                "train: "
                                        + key
                                        + " is not finite, so nothing was saved\n"
                                        + "  hint: try a tenth of the learning rate");
                    }
                });
    }

    private static boolean isFinite(Variable v) {
        return v.shape().count() == 0 || v.isFinite().all().item() != 0;
    }

    /// A score at the end of a training.
    static double finite(String what, double value) {
        if (!Double.isFinite(value)) {
            throw new NacreException(
                    "train: the "
                            + what
                            + " is "
                            + value
                            + ", so nothing was saved\n  hint: try a tenth of the learning rate");
        }
        return value;
    }
}
