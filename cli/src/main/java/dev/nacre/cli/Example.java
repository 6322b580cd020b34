package dev.nacre.cli;

import dev.nacre.type.NacreException;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.net.JarURLConnection;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `nacre example NAME`. The examples are not published, so this works in a checkout, whose launcher puts them on the class path.
@Command(
        name = "example",
        description = "Run one of the programs in examples/, or list them.",
        footerHeading = "%nExamples:%n",
        footer = {"  nacre example", "  nacre example PyTorchStyle"},
        mixinStandardHelpOptions = true)
final class Example implements Runnable {
    private static final String PACKAGE = "dev/nacre/examples";

    @Spec private CommandSpec spec;

    @Parameters(index = "0", arity = "0..1", paramLabel = "NAME", description = "Which one.")
    private Optional<String> name = Optional.empty();

    @Parameters(index = "1..*", paramLabel = "ARG", description = "What is passed to it.")
    private List<String> arguments = List.of();

    Example() {}

    @Override
    public void run() {
        TreeSet<String> names = names();
        if (names.isEmpty()) {
            throw new NacreException(
                    "example: there are none on the class path\n  hint: run ./nacre example in a checkout of Nacre's sources");
        }
        if (name.isEmpty()) {
            names.forEach(n -> spec.commandLine().getOut().println(n));
            spec.commandLine().getOut().flush();
            return;
        }
        if (!names.contains(name.get())) {
            throw new ParameterException(
                    spec.commandLine(),
                    "example: there is no '"
                            + name.get()
                            + "'; there are "
                            + String.join(", ", names));
        }
        try {
            Class.forName(PACKAGE.replace('/', '.') + "." + name.get())
                    .getMethod("main", String[].class)
                    .invoke(null, (Object) arguments.toArray(String[]::new));
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof RuntimeException r
                    ? r
                    : new IllegalStateException(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /// The classes of the package that have a main method.
    private static TreeSet<String> names() {
        URL place = Example.class.getClassLoader().getResource(PACKAGE);
        if (place == null) {
            return new TreeSet<>();
        }
        TreeSet<String> out = new TreeSet<>();
        try {
            files(place)
                    .filter(f -> f.matches("[A-Za-z0-9]+\\.class"))
                    .map(f -> f.replace(".class", ""))
                    .filter(Example::hasMain)
                    .forEach(out::add);
        } catch (IOException | URISyntaxException e) {
            throw new NacreException("example: " + place + " cannot be read", e);
        }
        return out;
    }

    private static Stream<String> files(URL place) throws IOException, URISyntaxException {
        if (place.openConnection() instanceof JarURLConnection jar) {
            return jar.getJarFile().stream()
                    .map(e -> e.getName())
                    .filter(n -> n.startsWith(PACKAGE + "/"))
                    .map(n -> n.substring(PACKAGE.length() + 1));
        }
        try (Stream<Path> files = Files.list(Path.of(place.toURI()))) {
            return files.map(f -> f.getFileName().toString()).toList().stream();
        }
    }

    private static boolean hasMain(String name) {
        try {
            Class<?> c =
                    Class.forName(
                            PACKAGE.replace('/', '.') + "." + name,
                            false,
                            Example.class.getClassLoader());
            return Stream.of(c.getMethods()).anyMatch(m -> m.getName().equals("main"));
        } catch (ClassNotFoundException _) {
            return false;
        }
    }
}
