package dev.nacre.site;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Makes a static site of README.md, docs/ and what they link to: `./mvnw site`. It needs no server; its search runs in the browser, from a list of all sections.
/// The contents on its left are those of docs/README.md.
public final class Site {
    private static final String CONTENTS = "docs/README.md";
    private static final Pattern ENTRY =
            Pattern.compile("^(?:## (.+)|[-*] \\[([^\\]]+)\\]\\(([^)]+)\\).*)$");

    /// Scripts and styles from the jars of others, by their names here.
    private static final Map<String, String> LIBRARIES =
            Map.of(
                    "highlight.js", "highlightjs/11.11.1/highlight.min.js",
                    "light.css", "highlightjs/11.11.1/styles/github.min.css",
                    "dark.css", "highlightjs/11.11.1/styles/github-dark.min.css",
                    "lunr.js", "lunr/2.3.9/lunr.min.js",
                    "mermaid.js", "mermaid/11.14.0/dist/mermaid.min.js");

    private final Path root;
    private final Path out;
    private final Map<String, Page> pages = new LinkedHashMap<>();
    private final Set<String> files = new LinkedHashSet<>(); // linked to, but not pages

    private Site(Path root, Path out) {
        this.root = root;
        this.out = out;
    }

    /// @param args the repository's root, and the folder to write to
    public static void main(String[] args) throws IOException {
        Path out = Path.of(args[1]);
        int pages = write(Path.of(args[0]), out);
        IO.println("site: " + pages + " pages, " + out.resolve("index.html"));
    }

    /// Writes all pages and gives their number.
    static int write(Path root, Path out) throws IOException {
        Site site = new Site(root.toAbsolutePath().normalize(), out);
        for (String document : site.documents()) {
            site.pages.put(
                    document,
                    Page.of(
                            document,
                            Files.readString(root.resolve(document)),
                            link -> site.target(document, link)));
        }
        site.write();
        return site.pages.size();
    }

    /// All Markdown documents at the top and in docs/, from the repository's root.
    private List<String> documents() throws IOException {
        try (Stream<Path> top = Files.list(root);
                Stream<Path> docs = Files.walk(root.resolve("docs"))) {
            return Stream.concat(top, docs)
                    .filter(p -> p.toString().endsWith(".md"))
                    .map(p -> root.relativize(p).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
        }
    }

    /// Where a document lies on the site.
    private static String address(String document) {
        return document.equals("README.md")
                ? "index.html"
                : document.replaceFirst("README\\.md$", "index.html")
                        .replaceFirst("\\.md$", ".html");
    }

    /// A link's destination on the site. Other files of the repository come along.
    private String target(String document, String link) {
        if (link.startsWith("#") || link.contains("://")) {
            return link;
        }
        int hash = link.indexOf('#');
        String anchor = hash < 0 ? "" : link.substring(hash);
        String path = hash < 0 ? link : link.substring(0, hash);
        Path found = root.resolve(document).resolveSibling(path).normalize();
        if (Files.isDirectory(found) && Files.exists(found.resolve("README.md"))) {
            path = path.replaceFirst("/?$", "/README.md");
            found = found.resolve("README.md");
        }
        if (!path.endsWith(".md") || !isDocument(found)) {
            files.add(root.relativize(found).toString().replace('\\', '/'));
            return link;
        }
        boolean up = document.equals("README.md");
        String to = address(root.relativize(found).toString().replace('\\', '/'));
        return (up ? to : relative(address(document), to)) + anchor;
    }

    private boolean isDocument(Path file) {
        Path p = root.relativize(file);
        return p.getNameCount() == 1 || p.startsWith("docs");
    }

    private static String relative(String from, String to) {
        return prefix(from) + to;
    }

    /// The way up from a page to the site's root.
    private static String prefix(String address) {
        return "../".repeat((int) address.chars().filter(c -> c == '/').count());
    }

    private void write() throws IOException {
        String template = resource("page.html");
        for (Page page : pages.values()) {
            String address = address(page.path());
            String up = prefix(address);
            Path file = out.resolve(address);
            Files.createDirectories(file.getParent());
            Files.writeString(
                    file,
                    template.replace("{title}", escaped(page.title()))
                            .replace("{up}", up)
                            .replace("{contents}", contents(page.path(), up))
                            .replace("{body}", page.html()));
        }
        for (String file : files) {
            Path to = out.resolve(file);
            Files.createDirectories(to.getParent());
            Files.copy(root.resolve(file), to, StandardCopyOption.REPLACE_EXISTING);
        }
        Path assets = Files.createDirectories(out.resolve("assets"));
        Files.writeString(assets.resolve("sections.js"), "const SECTIONS = " + sections() + ";\n");
        for (String name : List.of("site.css", "site.js")) {
            Files.writeString(assets.resolve(name), resource(name));
        }
        for (Map.Entry<String, String> e : LIBRARIES.entrySet()) {
            try (InputStream in =
                    Site.class.getResourceAsStream("/META-INF/resources/webjars/" + e.getValue())) {
                Files.copy(in, assets.resolve(e.getKey()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    /// The list on the left of a page.
    private String contents(String current, String up) throws IOException {
        StringBuilder html = new StringBuilder();
        for (String line : Files.readAllLines(root.resolve(CONTENTS))) {
            Matcher m = ENTRY.matcher(line);
            if (m.matches() && m.group(1) != null) {
                html.append("<h2>").append(escaped(m.group(1))).append("</h2>\n");
            } else if (m.matches() && !m.group(3).contains("://")) {
                Path found = root.resolve(CONTENTS).resolveSibling(m.group(3)).normalize();
                String document = root.relativize(found).toString().replace('\\', '/');
                html.append(
                        "<a href=\"%s\"%s>%s</a>%n"
                                .formatted(
                                        up + address(document),
                                        document.equals(current) ? " aria-current=\"page\"" : "",
                                        escaped(m.group(2))));
            }
        }
        return html.toString();
    }

    /// What the search looks through.
    private String sections() throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.writeStartArray();
            for (Page page : pages.values()) {
                for (Page.Section s : page.sections()) {
                    json.writeStartObject();
                    json.writeStringField("url", address(page.path()) + "#" + s.id());
                    json.writeStringField("page", page.title());
                    json.writeStringField("heading", s.heading());
                    json.writeStringField("text", s.text());
                    json.writeEndObject();
                }
            }
            json.writeEndArray();
        }
        return text.toString();
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = Site.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        }
    }

    private static String escaped(String text) {
        return text.chars()
                .mapToObj(c ->
                        switch (c) {
                            case '<' -> "&lt;";
                            case '>' -> "&gt;";
                            case '&' -> "&amp;";
                            case '"' -> "&quot;";
                            default -> Character.toString(c);
                        })
                .collect(Collectors.joining());
    }
}
