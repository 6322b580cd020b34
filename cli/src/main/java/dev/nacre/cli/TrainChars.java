package dev.nacre.cli;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.models.Gpt;
import dev.nacre.nn.Sampling;
import dev.nacre.nn.data.Characters;
import dev.nacre.nn.data.TextFile;
import dev.nacre.nn.train.Screen;
import dev.nacre.type.NacreException;
import dev.nacre.type.Precision;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `nacre train chars`: a GPT that learns a text character by character.
@Command(
        name = "chars",
        description = {
            "A GPT on the characters of a text, and samples of what it writes.",
            "Without --text, the text is Ambrose Bierce's \"The Devil's Dictionary\" (1911, public domain) from Debian's package dict-devil."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  nacre train chars",
            "  nacre train chars --text book.txt --steps 3000 --width 256 --prompt 'Once '",
            "  nacre train chars --resume chars.checkpoint.safetensors"
        },
        mixinStandardHelpOptions = true)
final class TrainChars implements Runnable {
    private static final int SAMPLES = 3;
    private static final Pattern LINE = Pattern.compile("(?m)^[\\p{L}-]+");

    @Spec private CommandSpec spec;

    @Option(
            names = "--text",
            paramLabel = "FILE",
            description = "A text in UTF-8; may be compressed by gzip.")
    private Optional<Path> text = Optional.empty();

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "1500",
            description = "How many steps (default: ${DEFAULT-VALUE}).")
    private int steps;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "16",
            description = "How many passages a step takes (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--length",
            paramLabel = "N",
            defaultValue = "128",
            description = "How long a passage is (default: ${DEFAULT-VALUE}).")
    private int length;

    @Option(
            names = "--layers",
            paramLabel = "N",
            defaultValue = "4",
            description = "How many blocks (default: ${DEFAULT-VALUE}).")
    private int layers;

    @Option(
            names = "--width",
            paramLabel = "N",
            defaultValue = "128",
            description = "Of a position's vector, a multiple of 32 (default: ${DEFAULT-VALUE}).")
    private int width;

    @Option(
            names = "--lr",
            paramLabel = "X",
            defaultValue = "0.001",
            description = "The highest learning rate (default: ${DEFAULT-VALUE}).")
    private double learningRate;

    @Option(
            names = "--seed",
            paramLabel = "S",
            defaultValue = "0",
            description = "Of first values, passages and the sample (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--precision",
            paramLabel = "f32|bf16",
            defaultValue = "f32",
            description = "Of products (default: ${DEFAULT-VALUE}).")
    private Precision precision;

    @Option(
            names = "--prompt",
            paramLabel = "TEXT",
            description = "What the samples begin with (default: a word that begins a line).")
    private Optional<String> prompt = Optional.empty();

    @Option(
            names = "--temperature",
            paramLabel = "X",
            defaultValue = "0.8",
            description = "Of the sample; 0 is greedy (default: ${DEFAULT-VALUE}).")
    private double temperature;

    @Option(names = "--save", paramLabel = "FILE", description = "Where to put the network.")
    private Optional<Path> save = Optional.empty();

    @Option(
            names = "--resume",
            paramLabel = "FILE",
            description = "Go on where a training was stopped: a checkpoint that it left.")
    private Optional<Path> resume = Optional.empty();

    TrainChars() {}

    @Override
    public void run() {
        Optional<State> state = State.of(resume, spec);
        CharTraining.Settings settings =
                state.map(CharTraining.Settings::of).orElseGet(this::checked);
        Optional<Path> place = text.or(() -> state.flatMap(s -> s.place("text")));
        List<Path> inputs = Stream.of(place, resume).flatMap(Optional::stream).toList();
        Path target = Saving.target(save.or(() -> Train.saved(state)), "chars", inputs);
        String all = place.map(TextFile::read).orElseGet(TextFile::devilsDictionary);
        Characters characters = Characters.of(all);
        if (characters.count() < 2) {
            throw new NacreException(
                    "chars: the text is one character again and again, so there is nothing to learn");
        }
        Optional<String> beginning =
                prompt.or(() -> state.map(s -> s.checkpoint().progress().get("prompt")));
        Tensor begin =
                characters.encode(beginning.orElseGet(() -> wordOf(all, settings.length() - 1)));
        require(
                begin.size(0) >= 1 && begin.size(0) < settings.length(),
                "--prompt must have at least one character, and fewer than --length");
        Tensor encoded = characters.encode(all);
        state.ifPresent(s -> s.requireSame("text SHA-256", sha256(all)));
        CharTraining training =
                state.map(s -> CharTraining.of(s, encoded))
                        .orElseGet(() -> CharTraining.of(encoded, characters, settings));
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                Locale.ROOT,
                "%,d characters of %d kinds, the last tenth for validation%nfrom %s; gpt with %,d parameters%n",
                all.codePointCount(0, all.length()),
                characters.count(),
                place.orElse(TextFile.DEVILS_DICTIONARY),
                training.network().parameterCount());
        out.flush();
        try (Interrupts interrupts = Interrupts.taken(spec.commandLine().getErr())) {
            double loss =
                    training.train(Screen.of(out), System::nanoTime, out, interrupts::isAsked);
            training.endIfStopped(
                    interrupts,
                    target,
                    spec,
                    () -> {
                        Map<String, String> more = State.texts("text SHA-256", sha256(all));
                        place.ifPresent(p -> more.put("text", p.toAbsolutePath().toString()));
                        beginning.ifPresent(p -> more.put("prompt", p));
                        return more;
                    });
            Saving.write(
                    target,
                    Model.of(training.network(), new Input.Text(characters))
                            .provenance(provenance(place, all, settings, loss)));
            samples(training.network(), characters, begin, settings)
                    .forEach(s -> out.printf("%s%n%n", s));
            out.println("saved " + target);
            out.printf(Locale.ROOT, "validation loss %.4f%n", loss);
            out.flush();
            interrupts.throwIfAsked();
        }
    }

    private CharTraining.Settings checked() {
        require(
                steps >= 1 && batch >= 1 && layers >= 1,
                "--steps, --batch and --layers must be at least 1");
        require(length >= 2, "--length must be at least 2, but is " + length);
        require(
                width >= 32 && width % 32 == 0,
                "--width must be a multiple of 32, but is " + width);
        require(
                learningRate > 0 && Double.isFinite(learningRate),
                "--lr must be a number above 0, but is " + learningRate);
        require(
                temperature >= 0 && Double.isFinite(temperature),
                "--temperature must be a number of at least 0, but is " + temperature);
        return new CharTraining.Settings(
                steps, batch, length, layers, width, learningRate, seed, precision);
    }

    private static String sha256(String text) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new NacreException("sha256: this JDK has no SHA-256", e);
        }
    }

    private void require(boolean holds, String message) {
        if (!holds) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }

    /// The first word of validation that begins a line, or the first character where there is none or it is too long.
    private static String wordOf(String text, int most) {
        Matcher word = LINE.matcher(text.substring(text.length() - text.length() / 10));
        return word.find() && word.group().codePointCount(0, word.group().length()) <= most
                ? word.group()
                : text.substring(0, text.offsetByCodePoints(0, 1));
    }

    /// What the network writes.
    private List<String> samples(
            Gpt network, Characters characters, Tensor begin, CharTraining.Settings settings) {
        int count = temperature == 0 ? 1 : SAMPLES;
        Tensor prompts = begin.unsqueeze(0).broadcastTo(count, begin.size(0));
        Sampling how = temperature == 0 ? Sampling.GREEDY : Sampling.of(temperature).topP(0.95);
        int more = Math.toIntExact(settings.length() - begin.size(0));
        Tensor written = network.generate(prompts, more, how, Rng.seed(settings.seed()).split(2));
        return IntStream.range(0, count)
                .mapToObj(i -> characters.decode(written.select(0, i)).strip())
                .toList();
    }

    private static Map<String, String> provenance(
            Optional<Path> text, String all, CharTraining.Settings s, double loss) {
        Map<String, String> out = new LinkedHashMap<>();
        out.put("data", text.map(Path::toString).orElse("dict-devil"));
        out.put("characters", String.valueOf(all.length()));
        out.put("steps", String.valueOf(s.steps()));
        out.put("batch", String.valueOf(s.batch()));
        out.put("learning rate", String.valueOf(s.learningRate()));
        out.put("optimizer", CharTraining.METHOD);
        out.put("seed", String.valueOf(s.seed()));
        out.put("precision", s.precision().toString().toLowerCase(Locale.ROOT));
        out.put("validation loss", String.format(Locale.ROOT, "%.4f", loss));
        out.put("nacre", Build.version());
        Build.commit().ifPresent(c -> out.put("commit", c));
        out.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        return out;
    }
}
