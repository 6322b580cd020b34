package dev.nacre;

import dev.nacre.ir.Graph;
import dev.nacre.ir.Node;
import dev.nacre.ir.Order;
import dev.nacre.ir.Recent;
import dev.nacre.type.Frames;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.WeakHashMap;

/// Notices expressions that grow from step to step, and says so once, with the line that makes them grow.
///
/// Two kinds are left where values are kept ([Reuse]): a derivative by all steps since the first, which is another graph in each step; and the expression behind a value that is carried on and on, which
/// is computed from its last value but kept whole, as a derivative may be asked for.
final class Growth {
    /// So many graphs in a row that are larger than the one before are no accident.
    private static final int ROW = 8;

    /// A value carried over so many computations is worth a word.
    private static final int CARRIED = 1000;

    private static final int KINDS = 64;

    /// The last graphs of a kind: those that give results of the same types.
    private static final class Row {
        private int size;
        private int old; // nodes that were computed before
        private int grown;
    }

    private static final Map<List<?>, Row> ROWS = new Recent<>(KINDS);
    private static final Set<String> SAID = new TreeSet<>();

    /// Where nodes were written down, once somebody wants to know.
    private static final Map<Node, String> LINES = Collections.synchronizedMap(new WeakHashMap<>());

    private Growth() {}

    /// A graph is new.
    static synchronized void compiled(Graph.Cut cut) {
        Order order = cut.written();
        int old = 0;
        for (int k = 0; k < order.size(); k++) {
            old += order.get(k).graph() != null ? 1 : 0;
        }
        Row row =
                ROWS.computeIfAbsent(
                        order.roots().stream().map(Node::type).toList(), _ -> new Row());
        boolean grows = order.size() > row.size && old > row.old && row.old > 0;
        row.grown = grows ? row.grown + 1 : 0;
        row.size = order.size();
        row.old = old;
        if (row.grown == ROW) {
            Node.watch(Growth::written);
        } else if (row.grown > ROW) {
            Node.watch(null);
            row.grown = 0;
            name(order);
        }
    }

    private static void written(Node n) {
        String line = Frames.lineWithout("dev.nacre.autodiff.");
        if (!line.isEmpty()) {
            LINES.put(n, line);
        }
    }

    private static void name(Order order) {
        for (int k = 0; k < order.size(); k++) {
            Node n = order.get(k);
            String line = n.graph() == null ? LINES.get(n) : null;
            for (int i = 0; line != null && i < order.arity(n); i++) {
                Node carried = order.input(n, i);
                if (carried.graph() != null && order.arity(carried) > 0) {
                    say(
                            line,
                            "an expression grows from step to step: its graph has "
                                    + order.size()
                                    + " nodes now, and in each step more than in the one before,"
                                    + " which takes longer and longer\n  it goes on at "
                                    + line
                                    + " from the "
                                    + carried.origin()
                                    + " "
                                    + carried.type()
                                    + " of the step before\n  hint: detach() what is carried from"
                                    + " step to step, or call zeroGrad() before backward()");
                    LINES.clear();
                    return;
                }
            }
        }
        LINES.clear();
    }

    /// A value that nobody asked for was computed from the one at the same place before, and that from the one before, and so on.
    static void carried(Node n, int times) {
        if (times != CARRIED || n.isSettled()) {
            return;
        }
        String line = Frames.line();
        say(
                line,
                "an expression grows from step to step: the "
                        + n.origin()
                        + " "
                        + n.type()
                        + " has been computed from the one before "
                        + times
                        + " times, and how it was computed is kept for its derivative"
                        + (line.isEmpty() ? "" : "\n  it is needed at " + line)
                        + "\n  hint: detach() what is carried from step to step, if no derivative"
                        + " is wanted by all of them");
    }

    private static void say(String line, String text) {
        synchronized (SAID) {
            if (!SAID.add(line)) {
                return;
            }
        }
        System.getLogger("dev.nacre").log(System.Logger.Level.WARNING, text);
    }
}
