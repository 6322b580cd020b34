package dev.nacre.site;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.ext.heading.anchor.HeadingAnchorExtension;
import org.commonmark.ext.heading.anchor.IdGenerator;
import org.commonmark.node.AbstractVisitor;
import org.commonmark.node.Block;
import org.commonmark.node.Code;
import org.commonmark.node.CustomNode;
import org.commonmark.node.FencedCodeBlock;
import org.commonmark.node.Heading;
import org.commonmark.node.Image;
import org.commonmark.node.IndentedCodeBlock;
import org.commonmark.node.Link;
import org.commonmark.node.Node;
import org.commonmark.node.SoftLineBreak;
import org.commonmark.node.Text;
import org.commonmark.parser.Parser;
import org.commonmark.renderer.html.HtmlRenderer;

/// One Markdown document.
///
/// @param path where it stands, from the repository's root
/// @param title its first heading
/// @param html its body
/// @param sections what can be found in it
record Page(String path, String title, String html, List<Section> sections) {
    private static final Parser PARSER =
            Parser.builder().extensions(List.of(TablesExtension.create())).build();

    /// A heading and the text up to the next one.
    record Section(String id, String heading, String text) {}

    /// @param target where a link from this document leads on the site
    static Page of(String path, String markdown, UnaryOperator<String> target) {
        Node document = PARSER.parse(markdown);
        document.accept(
                new AbstractVisitor() {
                    @Override
                    public void visit(Link link) {
                        link.setDestination(target.apply(link.getDestination()));
                        visitChildren(link);
                    }

                    @Override
                    public void visit(Image image) {
                        image.setDestination(target.apply(image.getDestination()));
                        visitChildren(image);
                    }
                });
        List<Section> sections = sections(document);
        String title =
                sections.isEmpty()
                        ? Path.of(path).getFileName().toString()
                        : sections.getFirst().heading();
        HtmlRenderer renderer =
                HtmlRenderer.builder()
                        .extensions(
                                List.of(TablesExtension.create(), HeadingAnchorExtension.create()))
                        .attributeProviderFactory(_ -> Page::language)
                        .build();
        return new Page(path, title, renderer.render(document), sections);
    }

    /// Of a block of code: how it is to be coloured. A diagram's source is drawn instead.
    private static void language(Node node, String tag, Map<String, String> attributes) {
        if (node instanceof FencedCodeBlock code) {
            String name = code.getInfo().split(" ")[0];
            attributes.put(
                    "class",
                    name.equals("mermaid")
                            ? name
                            : "language-" + (name.isEmpty() ? "plaintext" : name));
        }
    }

    private static List<Section> sections(Node document) {
        IdGenerator ids = IdGenerator.builder().build();
        List<Section> out = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        String heading = null;
        for (Node n = document.getFirstChild(); n != null; n = n.getNext()) {
            if (n instanceof Heading) {
                close(out, ids, heading, text);
                heading = text(n);
            } else {
                text.append(text(n)).append('\n');
            }
        }
        close(out, ids, heading, text);
        return out;
    }

    /// The words of a node, without addresses of links.
    private static String text(Node node) {
        StringBuilder out = new StringBuilder();
        node.accept(
                new AbstractVisitor() {
                    @Override
                    public void visit(Text text) {
                        out.append(text.getLiteral());
                    }

                    @Override
                    public void visit(SoftLineBreak line) {
                        out.append(' ');
                    }

                    @Override
                    public void visit(Code code) {
                        out.append(code.getLiteral());
                    }

                    @Override
                    public void visit(FencedCodeBlock code) {
                        out.append(code.getLiteral());
                    }

                    @Override
                    public void visit(IndentedCodeBlock code) {
                        out.append(code.getLiteral());
                    }

                    @Override
                    protected void visitChildren(Node parent) {
                        super.visitChildren(parent);
                        if (parent instanceof Block || parent instanceof CustomNode) {
                            out.append(' ');
                        }
                    }
                });
        return out.toString().strip();
    }

    private static void close(
            List<Section> out, IdGenerator ids, String heading, StringBuilder text) {
        if (heading != null) {
            out.add(new Section(ids.generateId(heading), heading, text.toString()));
        }
        text.setLength(0);
    }
}
