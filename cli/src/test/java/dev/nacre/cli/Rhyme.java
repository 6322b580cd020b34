package dev.nacre.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Two lines again and again, and the command that trains a small network on them.
final class Rhyme {
    private Rhyme() {}

    static Path text(Path folder) throws IOException {
        return Files.writeString(
                folder.resolve("rhyme.txt"),
                "row, row, row your boat\ngently down the stream\n".repeat(60));
    }

    /// `train chars` on the rhyme.
    static Object[] train(Path folder, Object... more) throws IOException {
        List<Object> all = new ArrayList<>(List.of("train", "chars", "--text", text(folder)));
        all.addAll(List.of("--batch", 8, "--length", 24, "--layers", 1, "--width", 32));
        all.addAll(List.of(more));
        return all.toArray();
    }
}
