package dev.nacre.compile;

import dev.nacre.optable.Conformance;

/// The compiler, on kernels executed point by point.
class PlainConformanceTest extends Conformance {
    PlainConformanceTest() {
        super(new PlainBackend());
    }
}
