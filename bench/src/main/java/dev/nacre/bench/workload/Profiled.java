package dev.nacre.bench.workload;

import dev.nacre.bench.protocol.Workload;
import dev.nacre.compile.Profile;

/// A workload that can tell where its time goes.
public interface Profiled extends Workload {
    /// A step's, kernel by kernel.
    Profile profile();
}
