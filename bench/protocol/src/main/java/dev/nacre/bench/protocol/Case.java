package dev.nacre.bench.protocol;

/// One thing that is measured.
///
/// @param id such as `W9-full-fwd`: the workload, and which of its cases
/// @param title what it is, in a few words
/// @param kind how it is measured
/// @param flop floating-point operations of a step, an addition and a multiplication counted as two
/// @param bytes memory that a step must read and write, if that is what bounds it
/// @param bf16 whether its products are in bf16
/// @param threads how many ask at once
/// @param tolerance by how much numbers may differ from another engine's, relative to their size
/// @param goal the least ratio wanted; 0 if none is
public record Case(
        String id,
        String title,
        Kind kind,
        double flop,
        double bytes,
        boolean bf16,
        int threads,
        double tolerance,
        double goal) {
    /// How a case is measured.
    public enum Kind {
        /// Time of a step.
        STEP,
        /// Operations per second.
        PRODUCT,
        /// Bytes per second.
        COPY,
        /// Answers per second, and how long the slow ones take.
        SERVE,
        /// Time from the start of the process to the end of the first step.
        START,
        /// Time from the start of the process to the end of the tenth step.
        COLD
    }

    /// The workload: what is before the first hyphen.
    public String workload() {
        return id.replaceFirst("-.*", "");
    }

    /// What follows the first hyphen; empty if there is none.
    public String variant() {
        return id.contains("-") ? id.substring(id.indexOf('-') + 1) : "";
    }

    /// The number that the id ends with: of a product, the rows and columns of its matrices.
    public int size() {
        return Integer.parseInt(id.substring(id.lastIndexOf('-') + 1));
    }
}
