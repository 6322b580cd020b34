package dev.nacre.ir;

import dev.nacre.type.TensorType;

/// A named place in a graph whose value is given when the graph is called.
public final class Symbol implements Source {
    private final String name;
    private final TensorType type;

    public Symbol(String name, TensorType type) {
        this.name = name;
        this.type = type;
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
    public String origin() {
        return "input '" + name + "'";
    }
}
