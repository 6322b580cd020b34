package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.ir.Graph;
import dev.nacre.nn.GRUCell;
import dev.nacre.nn.LSTMCell;
import dev.nacre.nn.Linear;
import dev.nacre.nn.RNNCell;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A state that is carried from token to token and detached, as the warning about growing expressions says, holds no history, wherever in the loop that is done; and the numbers are those of one that holds all of it.
class CarriedStateTest {
    private static final int TOKENS = 30;

    /// A cell with states of any number of parts.
    interface Cell {
        List<Tensor> step(Tensor x, List<Tensor> state);
    }

    enum Kind {
        RNN {
            @Override
            Cell cell(Rng rng) {
                RNNCell c = RNNCell.of(3, 5, rng);
                return (x, s) -> List.of(c.forward(x, s.getFirst()));
            }
        },
        GRU {
            @Override
            Cell cell(Rng rng) {
                GRUCell c = GRUCell.of(3, 5, rng);
                return (x, s) -> List.of(c.forward(x, s.getFirst()));
            }
        },
        LSTM {
            @Override
            Cell cell(Rng rng) {
                LSTMCell c = LSTMCell.of(3, 5, rng);
                return (x, s) -> {
                    LSTMCell.State next =
                            c.forward(x, new LSTMCell.State(s.getFirst(), s.getLast()));
                    return List.of(next.h(), next.c());
                };
            }
        };

        abstract Cell cell(Rng rng);
    }

    /// Where a state is detached: before it is given to the cell, when it comes from it, after the head has read it.
    enum Where {
        GIVEN,
        MADE,
        READ
    }

    static Stream<List<Object>> all() {
        return Stream.of(Kind.values())
                .flatMap(k -> Stream.of(Where.values()).map(w -> List.of(k, w)));
    }

    @ParameterizedTest
    @MethodSource("all")
    void detachedStatesHoldNoHistory(List<Object> row) {
        Kind kind = (Kind) row.getFirst();
        Optional<Where> where = Optional.of((Where) row.getLast());
        Result whole = run(kind, Optional.empty(), TOKENS);
        Result forgetful = run(kind, where, TOKENS);
        assertEquals(whole.sum, forgetful.sum, 1e-6);
        assertTrue(whole.leaves > TOKENS, "the history is " + whole.leaves);
        int later = run(kind, where, 2 * TOKENS).leaves;
        assertTrue(later < forgetful.leaves + 10, forgetful.leaves + " leaves, then " + later);
    }

    /// @param leaves from which the last state is computed
    private record Result(double sum, int leaves) {}

    private static Result run(Kind kind, Optional<Where> where, int tokens) {
        Cell cell = kind.cell(Rng.seed(1));
        Linear head = Linear.of(5, 2, Rng.seed(2));
        Rng rng = Rng.seed(3);
        List<Tensor> state = List.of(Tensor.zeros(1, 5), Tensor.zeros(1, 5));
        double sum = 0;
        for (int i = 0; i < tokens; i++) {
            state = at(Where.GIVEN, where, state);
            state = at(Where.MADE, where, cell.step(rng.normal(1, 3).realize(), state));
            sum += head.forward(state.getFirst()).sum().item();
            state = at(Where.READ, where, state);
        }
        return new Result(
                sum, Graph.leaves(state.stream().map(Tensor::node).distinct().toList()).size());
    }

    private static List<Tensor> at(Where here, Optional<Where> where, List<Tensor> state) {
        return where.isPresent() && here == where.get()
                ? state.stream().map(Tensor::detach).toList()
                : state;
    }
}
