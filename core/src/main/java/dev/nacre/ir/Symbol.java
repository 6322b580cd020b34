package dev.nacre.ir;

import dev.nacre.type.TensorType;

/// A named place in a graph whose value is given when the graph is called.
public final class Symbol implements Source {
    private final String name;
    private final TensorType type;
    private final String module;

    public Symbol(String name, TensorType type) {
        this(name, type, "");
    }

    private Symbol(String name, TensorType type, String module) {
        this.name = name;
        this.type = type;
        this.module = module;
    }

    /// A symbol in place of a leaf.
    public static Node standing(Node leaf) {
        String module = ((Op.Leaf) leaf.op()).source().module();
        return Node.of(new Op.Leaf(new Symbol(leaf.origin(), leaf.type(), module)));
    }

    public static Node node(String name, TensorType type) {
        return Node.of(new Op.Leaf(new Symbol(name, type)));
    }

    public String name() {
        return name;
    }

    @Override
    public TensorType type() {
        return type;
    }

    @Override
    public String module() {
        return module;
    }

    /// Whether it stands for what a traced function is called with.
    public boolean isTraced() {
        return name.startsWith("input ");
    }

    @Override
    public String origin() {
        return isTraced() ? name : "input '" + name + "'"; // without a name of its own
    }
}
