package dev.nacre.compile;

import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import java.util.List;

/// Nodes of which none equals another: one for each op on the same inputs. A table of nothing but nodes, since a map with keys of its own takes more memory than the graph.
final class Distinct {
    private Node[] nodes = new Node[256]; // open addressing, at most half full
    private int[] hashes = new int[256];
    private int size;

    /// The node of an op on inputs.
    ///
    /// @param like taken where there is none yet and it is such a node itself
    Node of(Op op, List<Node> in, Node like) {
        int hash = hash(op, in);
        int slot = hash & nodes.length - 1;
        while (nodes[slot] != null) {
            if (hashes[slot] == hash && nodes[slot].op().equals(op) && isOn(nodes[slot], in)) {
                return nodes[slot];
            }
            slot = slot + 1 & nodes.length - 1;
        }
        Node made = like.op() == op && isOn(like, in) ? like : Node.of(op, in);
        nodes[slot] = made;
        hashes[slot] = hash;
        if (2 * ++size > nodes.length) {
            grow();
        }
        return made;
    }

    private static int hash(Op op, List<Node> in) {
        int h = op.hashCode();
        for (int i = 0; i < in.size(); i++) {
            h = 31 * h + in.get(i).hashCode();
        }
        h *= 0x9E3779B9;
        return h ^ h >>> 16; // the high bits are the scattered ones
    }

    private static boolean isOn(Node n, List<Node> in) {
        boolean is = n.arity() == in.size();
        for (int i = 0; is && i < in.size(); i++) {
            is = n.input(i) == in.get(i);
        }
        return is;
    }

    private void grow() {
        Node[] oldNodes = nodes;
        int[] oldHashes = hashes;
        nodes = new Node[2 * oldNodes.length];
        hashes = new int[nodes.length];
        for (int i = 0; i < oldNodes.length; i++) {
            if (oldNodes[i] != null) {
                int slot = oldHashes[i] & nodes.length - 1;
                while (nodes[slot] != null) {
                    slot = slot + 1 & nodes.length - 1;
                }
                nodes[slot] = oldNodes[i];
                hashes[slot] = oldHashes[i];
            }
        }
    }
}
