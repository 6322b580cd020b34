package dev.nacre.cpu.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.cpu.Team;
import java.util.Arrays;
import java.util.function.ToDoubleFunction;

/// Runs a spec on cells, packing and unpacking where it wants layouts of its own, and compares with an oracle.
final class Run {
    static final OneDnn LIBRARY = OneDnn.get().orElse(null);

    private Run() {}

    /// Runs `spec` on `operands`, which are strided; one that the spec leaves open is reordered before and after.
    static Primitive run(Spec spec, Cells... operands) {
        return run(LIBRARY.primitive(spec), operands);
    }

    static Primitive run(Spec spec, Team team, Cells... operands) {
        return run(new Primitive(LIBRARY, spec, team), operands);
    }

    static Primitive run(Primitive primitive, Cells... operands) {
        var slots = primitive.slots();
        var held = new Cells[slots.size()];
        var addresses = new long[slots.size()];
        for (int i = 0; i < held.length; i++) {
            if (i < operands.length && slots.get(i).desc().equals(operands[i].desc)) {
                held[i] = operands[i];
            } else {
                held[i] = Cells.zeros(slots.get(i).desc());
                if (i < operands.length) copy(operands[i], held[i]);
            }
            addresses[i] = held[i].address();
        }
        var call = primitive.call();
        call.run(addresses);
        call.run(addresses); // twice is the same as once, unless it accumulates
        for (int i = 0; i < held.length; i++) {
            assertTrue(
                    held[i].guardsStand(), slots.get(i).role() + " written outside: " + primitive);
            if (i < operands.length && held[i] != operands[i]) copy(held[i], operands[i]);
        }
        return primitive;
    }

    static void copy(Cells from, Cells to) {
        var primitive = LIBRARY.primitive(Reorder.of(from.desc, to.desc));
        var scratch =
                Cells.zeros(
                        MemoryDesc.dense(DataType.U8, Math.max(1, primitive.scratchpadBytes())));
        var addresses = new long[] {from.address(), to.address(), scratch.address()};
        primitive.call().run(Arrays.copyOf(addresses, primitive.slots().size()));
        assertTrue(to.guardsStand());
    }

    /// Compares every cell. `terms` is how many products are summed for one.
    static void check(String what, Cells actual, double terms, ToDoubleFunction<long[]> oracle) {
        double unit = unit(actual.desc.type());
        actual.forEach(index -> {
            double expected = oracle.applyAsDouble(index);
            double allowed = unit * Math.abs(expected) + 2e-6 * Math.sqrt(terms) + 1e-6;
            assertEquals(
                    expected,
                    actual.get(index),
                    allowed,
                    () -> what + " at " + Arrays.toString(index));
        });
    }

    private static double unit(DataType type) {
        return switch (type) {
            case F64, F32 -> 1e-5;
            case F16 -> 1e-3;
            case BF16 -> 8e-3;
            case S8, U8, S32 -> 0;
        };
    }
}
