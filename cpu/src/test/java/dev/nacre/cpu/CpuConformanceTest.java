package dev.nacre.cpu;

import dev.nacre.optable.Conformance;

/// The whole backend.
class CpuConformanceTest extends Conformance {
    CpuConformanceTest() {
        super(new CpuBackend());
    }
}
