package dev.nacre.optable;

import java.util.List;
import java.util.stream.Stream;

/// All rows.
public final class OpTable {
    private static final List<Row> ROWS =
            Stream.of(
                            ElementwiseRows.rows(),
                            MovementRows.rows(),
                            ReductionRows.rows(),
                            LinearRows.rows(),
                            NeuralRows.rows(),
                            StructureRows.rows(),
                            ScanRows.rows())
                    .flatMap(List::stream)
                    .toList();

    private OpTable() {}

    public static List<Row> rows() {
        return ROWS;
    }

    /// The row of a name.
    public static Row row(String name) {
        return ROWS.stream().filter(r -> r.name().equals(name)).findFirst().orElseThrow();
    }
}
