package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NacreTest {
    @TempDir Path folder;

    @Test
    void doctorSaysWhatIsInUse() {
        Run run = Run.of("doctor");
        assertEquals(0, run.status(), run.err());
        for (String name :
                new String[] {
                    "nacre", "jdk", "machine", "vectors", "oneDNN", "threads", "memory"
                }) {
            assertTrue(
                    run.lines().stream().anyMatch(l -> l.startsWith(name + " ")),
                    name + " in\n" + run.out());
        }
        assertTrue(run.out().contains(Runtime.version().toString()), run.out());
        assertTrue(run.out().contains("-Dnacre.threads=N"), run.out());
        assertTrue(run.lines().contains("oneDNN was looked for:"), run.out());
    }

    @Test
    void versionIsFilledIn() {
        Run run = Run.of("--version");
        assertEquals(0, run.status());
        assertTrue(
                run.out().matches("nacre \\d+\\.\\d+\\.\\d+\\S*( \\([0-9a-f]{10}\\))?\\R"),
                run.out());
    }

    @Test
    void helpListsTheCommands() {
        Run run = Run.of("--help");
        assertEquals(0, run.status());
        for (String command : new String[] {"train", "predict", "inspect", "doctor", "example"}) {
            assertTrue(
                    run.lines().stream().anyMatch(l -> l.startsWith("  " + command + " ")),
                    run.out());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "|Which command?|Commands: train, predict, inspect, doctor, example|nacre",
                "tran|Unmatched argument at index 0: 'tran'|Did you mean: nacre train?|nacre",
                "train|Which data set?|Commands: chars, digits, fashion-mnist|nacre train",
                "train fashion-mnst|Unmatched argument at index 1: 'fashion-mnst'|Did you mean:"
                        + " nacre train fashion-mnist?|nacre train",
                "train digits --epoch 3|Unknown options: '--epoch', '3'|Possible solutions: --epochs|nacre train digits",
                "train digits --epochs 0|--epochs must be at least 1, but is 0||nacre train digits",
                "train digits --epochs many|Invalid value for option '--epochs': 'many' is not an int||nacre train digits",
                "train digits --batch -1|--batch must be at least 1, but is -1||nacre train digits",
                "train digits --lr -0.1|--lr must be a number above 0, but is -0.1||nacre train digits",
                "train digits --lr NaN|--lr must be a number above 0, but is NaN||nacre train digits",
                "train digits --model mlp|Unknown options: '--model', 'mlp'||nacre train digits",
                "train fashion-mnist --model rnn|Invalid value for option '--model': expected one of [mlp, cnn, resnet] (case-insensitive) but was 'rnn'||nacre train fashion-mnist",
                "predict|Missing required parameters: 'MODEL', 'INPUT'||nacre predict",
                "inspect|Missing required parameter: 'MODEL'||nacre inspect"
            })
    void wrongUsage(String command, String message, String advice, String name) {
        Run run = command == null ? Run.of() : Run.of((Object[]) command.split(" "));
        String expected =
                "nacre: "
                        + message
                        + "\n"
                        + (advice == null ? "" : advice + "\n")
                        + "Try '"
                        + name
                        + " --help'.\n";
        assertEquals(expected, run.err().replace(System.lineSeparator(), "\n"));
        assertEquals("", run.out());
        assertEquals(2, run.status());
    }

    @Test
    void anErrorIsAMessageAndATraceOnlyOnRequest() {
        Path none = folder.resolve("none");
        Run run = Run.of("train", "digits", "--save", none.resolve("x.safetensors"));
        assertEquals(
                "nacre: --save: folder " + none + " does not exist" + System.lineSeparator(),
                run.err());
        assertEquals(1, run.status());
        Run verbose =
                Run.of("train", "digits", "--verbose", "--save", none.resolve("x.safetensors"));
        assertTrue(verbose.err().contains("\tat dev.nacre.cli.Train"), verbose.err());
    }

    @Test
    void examplesAreNotPublished() {
        assertEquals(
                "nacre: example: there are none on the class path\n  hint: run ./nacre example in a checkout of Nacre's sources\n",
                Run.of("example").err());
    }

    @Test
    void commitIsReadFromTheCheckout() throws IOException {
        Files.createDirectories(folder.resolve(".git/refs/heads"));
        Path head = folder.resolve(".git/HEAD");
        Files.writeString(head, "0123456789\n");
        assertEquals(Optional.of("0123456789"), Build.head(folder.resolve(".git")));
        Files.writeString(head, "ref: refs/heads/main\n");
        Files.writeString(folder.resolve(".git/refs/heads/main"), "abcdef\n");
        assertEquals(Optional.of("abcdef"), Build.head(folder.resolve(".git")));
        Files.delete(folder.resolve(".git/refs/heads/main"));
        Files.writeString(
                folder.resolve(".git/packed-refs"), "# pack-refs\nfedcba refs/heads/main\n");
        assertEquals(Optional.of("fedcba"), Build.head(folder.resolve(".git")));
    }
}
