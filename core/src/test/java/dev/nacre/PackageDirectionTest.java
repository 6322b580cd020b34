package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.ir.Node;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Packages of core depend on each other in one direction only, which is read off the class files.
class PackageDirectionTest {
    private static final Map<String, Set<String>> MAY_USE =
            Map.of(
                    "type", Set.of(),
                    "ir", Set.of("type"),
                    "autodiff", Set.of("type", "ir"),
                    "reference", Set.of("type", "ir", "autodiff"),
                    "compile", Set.of("type", "ir", "autodiff"),
                    "compile/loop", Set.of("type", "ir", "compile"),
                    "", Set.of("type", "ir", "autodiff", "reference", "compile"));

    private static final Pattern NAME =
            Pattern.compile("dev/nacre/(?:([a-z]+(?:/[a-z]+)*)/)?([A-Z][A-Za-z0-9_$]*)");
    private static final Pattern DESCRIPTOR = Pattern.compile("L(dev/nacre/[A-Za-z0-9_$/]+)[;<]");

    private static List<ClassModel> classes() throws IOException, URISyntaxException {
        Path root = Path.of(Node.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.walk(root.resolve("dev/nacre"))) {
            List<ClassModel> out = new ArrayList<>();
            for (Path p :
                    files.filter(f ->
                                    f.toString().endsWith(".class")
                                            && !f.endsWith("package-info.class"))
                            .sorted()
                            .toList()) {
                out.add(ClassFile.of().parse(p));
            }
            return out;
        }
    }

    /// Names of our classes that a class mentions: in code, signatures, fields, annotations.
    private static Set<String> mentioned(ClassModel c) {
        Set<String> names = new TreeSet<>();
        for (PoolEntry e : c.constantPool()) {
            switch (e) {
                case ClassEntry entry ->
                        names.add(entry.asInternalName().replaceAll("^\\[*L?|;$", ""));
                case Utf8Entry text -> {
                    Matcher m = DESCRIPTOR.matcher(text.stringValue());
                    while (m.find()) {
                        names.add(m.group(1));
                    }
                }
                default -> {}
            }
        }
        return names;
    }

    private static String packageOf(String name) {
        Matcher m = NAME.matcher(name);
        return m.matches() ? m.group(1) == null ? "" : m.group(1) : "?";
    }

    @Test
    void arrowsPointDown() throws IOException, URISyntaxException {
        List<String> wrong = new ArrayList<>();
        for (ClassModel c : classes()) {
            String from = c.thisClass().asInternalName();
            Set<String> allowed = MAY_USE.get(packageOf(from));
            assertTrue(
                    allowed != null, () -> from + " is in a package without a place in the order");
            for (String to : mentioned(c)) {
                String target = packageOf(to);
                if (!target.equals("?")
                        && !target.equals(packageOf(from))
                        && !allowed.contains(target)) {
                    wrong.add(from.replace('/', '.') + " → " + to.replace('/', '.'));
                }
            }
        }
        assertEquals(List.of(), wrong);
    }

    /// The reading itself: a class is seen to mention what it calls, returns and extends.
    @Test
    void mentionsAreFound() throws IOException, URISyntaxException {
        ClassModel node =
                classes().stream()
                        .filter(c -> c.thisClass().asInternalName().equals("dev/nacre/ir/Node"))
                        .findFirst()
                        .orElseThrow();
        assertTrue(
                mentioned(node)
                        .containsAll(
                                Set.of(
                                        "dev/nacre/type/TensorType",
                                        "dev/nacre/ir/Algebra",
                                        "dev/nacre/ir/Op$Leaf")),
                mentioned(node)::toString);
        assertEquals("ir", packageOf("dev/nacre/ir/Op$Leaf"));
        assertEquals("", packageOf("dev/nacre/Tensor"));
        assertEquals("?", packageOf("java/lang/String"));
    }

    /// The order itself is one: nobody may use somebody who may use him.
    @Test
    void theOrderHasNoCycles() {
        MAY_USE.forEach((from, all) ->
                all.forEach(
                        to -> assertTrue(!MAY_USE.get(to).contains(from), from + " and " + to)));
    }
}
