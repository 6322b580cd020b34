package dev.nacre.site;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SiteTest {
    private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
    private static final Pattern REFERENCE = Pattern.compile("(?:href|src)=\"([^\"]*)\"");
    private static final Pattern ID = Pattern.compile("\\bid=\"([^\"]*)\"");

    @TempDir Path out;

    @Test
    void everyLinkLeadsToAPageAndAnAnchorThere() throws IOException {
        assertTrue(Site.write(ROOT, out) > 20);
        Map<Path, Set<String>> anchors = new HashMap<>();
        for (Path page : pages()) {
            Matcher m = ID.matcher(Files.readString(page));
            while (m.find()) {
                boolean first = anchors.computeIfAbsent(page, _ -> new HashSet<>()).add(m.group(1));
                assertTrue(first, page + " has two elements of id " + m.group(1));
            }
        }
        List<String> broken = new ArrayList<>();
        for (Path page : pages()) {
            Matcher m = REFERENCE.matcher(Files.readString(page));
            while (m.find()) {
                if (!m.group(1).contains("://") && !leads(page, m.group(1), anchors)) {
                    broken.add(out.relativize(page) + ": " + m.group(1));
                }
            }
        }
        assertEquals(List.of(), broken);
    }

    private static boolean leads(Path page, String reference, Map<Path, Set<String>> anchors) {
        String[] parts = reference.split("#", 2);
        Path target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        String anchor = parts.length < 2 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8);
        return Files.isRegularFile(target)
                && (anchor.isEmpty() || anchors.getOrDefault(target, Set.of()).contains(anchor));
    }

    @Test
    void everyDocumentIsInTheContentsOrLinkedFromAnotherPage() throws IOException {
        Site.write(ROOT, out);
        Set<Path> linked = new HashSet<>();
        for (Path page : pages()) {
            Matcher m = REFERENCE.matcher(Files.readString(page));
            while (m.find()) {
                Path target = page.resolveSibling(m.group(1).replaceFirst("#.*", "")).normalize();
                if (!target.equals(page)) {
                    linked.add(target);
                }
            }
        }
        List<Path> lost = pages().stream().filter(p -> !linked.contains(p)).toList();
        assertEquals(List.of(), lost);
    }

    @Test
    void theSearchKnowsEverySectionOnce() throws IOException {
        Site.write(ROOT, out);
        String sections = Files.readString(out.resolve("assets/sections.js"));
        assertTrue(sections.contains("\"url\":\"index.html#two-commands\""), "README's section");
        Matcher m = Pattern.compile("\"url\":\"([^\"#]*)#([^\"]*)\"").matcher(sections);
        int count = 0;
        while (m.find()) {
            String page = Files.readString(out.resolve(m.group(1)));
            assertTrue(page.contains("id=\"" + m.group(2) + "\""), m.group());
            count++;
        }
        assertTrue(count > 40, count + " sections");
    }

    private List<Path> pages() throws IOException {
        try (Stream<Path> files = Files.walk(out)) {
            return files.filter(p -> p.toString().endsWith(".html")).toList();
        }
    }
}
