package dev.nacre;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Op;
import dev.nacre.ir.Order;
import dev.nacre.ir.Unary;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Which values of graphs of one structure are wanted again after they have been computed, and so had better be kept.
///
/// Only what somebody asks for is kept of a computation; a value in between that a later expression is written with would be computed again, and what that was computed from, and so on back to the
/// first step of a loop. So a node that is computed a second time is kept then, and at its place in graphs of that structure it is kept from the first time on, for as long as it is wanted.
///
/// ```
/// s₁ = cell(x₁, s₀); read head(s₁)          computes s₁
/// s₂ = cell(x₂, s₁); read head(s₂)          computes s₁ again, keeps it
/// s₃ = cell(x₃, s₂); read head(s₃)          computes s₂ again from s₁, keeps it
/// s₄ = cell(x₄, s₃); read head(s₄)          … and s₄ too, since in the graph before the state was wanted
/// s₅ = cell(x₅, s₄); read head(s₅)          computes s₅ from s₄
/// ```
final class Reuse {
    /// A value is kept so many times after it was last wanted.
    private static final int CREDIT = 8;

    private final Map<Integer, Integer> credits = new TreeMap<>(); // by place
    private volatile int[] places = {};

    Reuse() {}

    /// A node that was computed at this place was wanted again.
    private synchronized void want(int place) {
        if (credits.put(place, CREDIT) == null) {
            note();
        }
    }

    /// Whether nothing is to be kept of graphs of this structure.
    boolean isEmpty() {
        return places.length == 0;
    }

    /// One more graph of this structure: what to keep of it.
    private int[] next() {
        int[] now = places;
        if (now.length > 0) {
            synchronized (this) {
                credits.replaceAll((_, c) -> c - 1);
                if (credits.values().removeIf(c -> c < 0)) {
                    note();
                }
                now = places;
            }
        }
        return now;
    }

    private void note() {
        places = credits.keySet().stream().mapToInt(Integer::intValue).toArray();
    }

    /// Where numbers that nobody asked for come from.
    ///
    /// @param carried how many times in a row they were computed from such numbers
    record Place(Reuse reuse, int place, int carried) {}

    /// A node's numbers that nobody asked for, kept for those who may.
    record Kept(Node node, int place) {}

    /// What is to be kept of a graph besides what is asked for, each place once. In most graphs that is nothing, and finding out costs a look at each node.
    List<Kept> of(Graph.Cut cut) {
        BitSet again = again(cut);
        int[] learned = next();
        if (again.isEmpty() && learned.length == 0) {
            return List.of();
        }
        Order order = cut.order();
        Map<Integer, Node> out = new TreeMap<>();
        for (int k = 0; k < cut.written().size(); k++) {
            Node n = cut.written().get(k);
            int place = cut.place(k);
            boolean wanted = again.get(k) || Arrays.binarySearch(learned, place) >= 0;
            if (wanted && n.known() == n && !order.roots().contains(order.get(place))) {
                out.putIfAbsent(place, n);
            }
        }
        List<Kept> all = new ArrayList<>();
        out.forEach((place, n) -> all.add(new Kept(n, place)));
        return all;
    }

    /// The numbers of what a graph is computed from were wanted. How many times such numbers were computed from others before.
    static int used(Stored leaf) {
        if (leaf.kept().isEmpty()) {
            return 0;
        }
        Place p = leaf.kept().get();
        p.reuse.want(p.place);
        return p.carried;
    }

    /// Notes that a graph was computed.
    ///
    /// @param carried how many times in a row it was computed from what was kept of the graph before
    void computed(Graph.Cut cut, List<Kept> kept, List<Stored> numbers, int carried) {
        Order order = cut.written();
        for (int k = 0; k < order.size(); k++) {
            if (order.arity(order.get(k)) > 0) {
                order.get(k).computedIn(this, cut.place(k));
            }
        }
        for (int i = 0; i < kept.size(); i++) {
            Node n = kept.get(i).node();
            numbers.get(i).keep(new Place(this, kept.get(i).place(), carried));
            n.know(numbers.get(i).node(), n.isSettled() || !Gradients.reachesVariable(n));
            Growth.carried(n, carried);
        }
    }

    /// Nodes written down that were computed before and are operands of what was not.
    private static BitSet again(Graph.Cut cut) {
        Order order = cut.written();
        BitSet out = new BitSet();
        for (int k = 0; k < order.size(); k++) {
            Node n = order.get(k);
            if (n.graph() == null) {
                for (int i = 0; i < order.arity(n); i++) {
                    if (isAgain(order.input(n, i), order)) {
                        mark(order.input(n, i), order, out);
                    }
                }
            }
        }
        for (Node root : order.roots()) {
            if (isAgain(root, order)) {
                ((Reuse) root.graph()).want(root.place());
            }
        }
        return out;
    }

    private static boolean isAgain(Node n, Order order) {
        return n.graph() != null && n.known() == n && order.arity(n) > 0;
    }

    /// Marks a node, or what it is made of if itself it is not worth keeping.
    private static void mark(Node first, Order order, BitSet out) {
        Deque<Node> open = new ArrayDeque<>(List.of(first));
        while (!open.isEmpty()) {
            Node n = open.pop();
            int k = order.indexOf(n);
            if (k < 0 || out.get(k) || !isAgain(n, order)) {
                continue;
            }
            if (isWorthKeeping(n)) {
                out.set(k);
                ((Reuse) n.graph()).want(n.place());
            } else {
                for (int i = 0; i < order.arity(n); i++) {
                    open.push(order.input(n, i));
                }
            }
        }
    }

    /// Not what costs nothing; nor what the forms that keep their digits are made of ([dev.nacre.compile.Stabilize]): whether a value was computed before must not change another.
    private static boolean isWorthKeeping(Node n) {
        if (n.isApplied() && n.isHead()) {
            return false;
        }
        return switch (n.op()) {
            case Op.Reshape _, Op.Permute _, Op.Broadcast _, Op.Slice _, Op.Detach _ -> false;
            case Op.Map1 m ->
                    m.f() != Unary.EXP
                            && m.f() != Unary.SIGMOID
                            && !(m.f() == Unary.NEG && is(n.input(0), Unary.SIGMOID));
            case Op.Map2 m ->
                    switch (m.f()) {
                        case ADD, SUB ->
                                n.input(0).number().isEmpty() && n.input(1).number().isEmpty();
                        case DIV -> !is(n.input(0), Unary.EXP);
                        default -> n.input(0).number().isEmpty() || n.input(1).number().isEmpty();
                    };
            default -> !n.inputs().stream().allMatch(x -> x.number().isPresent());
        };
    }

    private static boolean is(Node n, Unary f) {
        return n.op() instanceof Op.Map1 m && m.f() == f;
    }
}
