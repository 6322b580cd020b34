package dev.nacre.cpu.loops;

/// What lies where in a thread's scratch memory while a tile runs: pads of a vector each, accumulators of folds in the scalar
/// lane, slots with a value for each row, planes with a value for each point.
///
/// @param accumulators bytes for each fold
/// @param folds how many folds have accumulators
/// @param slots number of values per row
/// @param planes number of values per point
/// @param elementBytes bytes of such a value
record Layout(int accumulators, int folds, int slots, int planes, int elementBytes) {
    /// Room for one vector of the widest kind.
    static final int PAD = 64;

    /// The most rows of a tile.
    static final int MAX_ROWS = 512;

    private static final int PADS = 4;

    /// A little more than a page, so that slots of one row do not compete for the same lines of the cache.
    private static final int SLOT = 8 * MAX_ROWS + PAD;

    static Layout of(Schedule schedule, VectorForm form) {
        int folds = 0;
        for (var step : schedule.steps()) folds += step.folds().size();
        int width = 1;
        for (var v : schedule.planes()) width = Math.max(width, v.type.bytes());
        return new Layout(
                StepWriter.ACCUMULATORS * form.lanes() * 8,
                folds,
                schedule.slots().size(),
                schedule.planes().size(),
                width);
    }

    int pad(int number) {
        return number * PAD;
    }

    int accumulators(int fold) {
        return PADS * PAD + fold * accumulators;
    }

    int slot(int number) {
        return accumulators(folds) + number * SLOT;
    }

    /// Where planes begin; they are [#plane] bytes apart.
    int firstPlane() {
        return slot(slots);
    }

    /// Bytes of a plane of a tile: whole cache lines, and room for a whole vector at the end.
    long plane(long points) {
        return (points * elementBytes + 2 * PAD - 1) / PAD * PAD;
    }

    long bytes(long points) {
        return firstPlane() + planes * plane(points);
    }
}
