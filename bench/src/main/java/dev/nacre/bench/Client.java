package dev.nacre.bench;

import dev.nacre.bench.protocol.Server;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// An engine's process, and what it is asked.
final class Client implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 1200;

    /// An engine that cannot go on, and why.
    static final class Failure extends Exception {
        private static final long serialVersionUID = 1;

        Failure(String message) {
            super(message);
        }
    }

    private final Engine engine;
    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter questions;
    private final Path log;
    private volatile int asked;

    private Client(Engine engine, Process process, Path log) {
        this.engine = engine;
        this.process = process;
        this.log = log;
        answers = process.inputReader(StandardCharsets.UTF_8);
        questions = process.outputWriter(StandardCharsets.UTF_8);
    }

    /// Starts a process.
    ///
    /// @param log where what it prints is added
    static Client start(Engine engine, String classPath, Path log) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(engine.options());
        command.addAll(List.of("-cp", classPath, engine.main()));
        ProcessBuilder b = new ProcessBuilder(command);
        b.environment().putAll(engine.environment());
        b.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
        return new Client(engine, b.start(), log);
    }

    Engine engine() {
        return engine;
    }

    /// The answer after `ok`, or nothing if it is `none`.
    Optional<String> ask(String question) throws Failure {
        String answer = answer(question);
        if (answer.equals("ok") || answer.startsWith("ok ")) {
            return Optional.of(answer.substring(2).strip());
        }
        if (answer.startsWith("none")) {
            return Optional.empty();
        }
        throw new Failure(answer.replaceFirst("^failed ", ""));
    }

    /// The whole answer.
    String answer(String question) throws Failure {
        int number = ++asked;
        CompletableFuture.delayedExecutor(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .execute(() -> {
                    if (number == asked) {
                        process.destroyForcibly();
                    }
                });
        try {
            questions.write(question);
            questions.newLine();
            questions.flush();
            for (String line; (line = answers.readLine()) != null; ) {
                if (line.startsWith(Server.MARK)) {
                    asked++;
                    return line.substring(Server.MARK.length());
                }
            }
        } catch (IOException _) { // the process has ended
        }
        throw new Failure("its process ended at '" + question + "': " + lastWords());
    }

    private String lastWords() {
        try {
            List<String> lines = Files.readAllLines(log);
            return String.join(" | ", lines.subList(Math.max(0, lines.size() - 3), lines.size()));
        } catch (IOException _) {
            return "it left no log";
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
