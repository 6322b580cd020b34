package dev.nacre.cpu;

/// A kernel made ready to run: its sizes, strides and dtypes are fixed, where its buffers lie is not. Any number of
/// threads may run one step at the same time.
@FunctionalInterface
public interface Step {
    /// Runs the kernel.
    ///
    /// @param addresses where each buffer of the plan begins
    void run(long[] addresses);
}
