package dev.nacre.bench.protocol;

/// One case as one engine does it. Everything is made before the first step.
public interface Workload {
    /// What is timed. In a case of several threads it is called by all of them at once.
    void step() throws Exception;

    /// Numbers that must be the same in every engine up to the case's tolerance. Called once, before any other step: losses of the first steps ([#CHECKED_STEPS]), or a
    /// [digest][Digest] of results.
    double[] check() throws Exception;

    /// How many training steps are compared.
    int CHECKED_STEPS = 5;

    /// Thrown by [#check()] if the numbers cannot be the same, with the reason.
    final class Unchecked extends Exception {
        private static final long serialVersionUID = 1;

        public Unchecked(String reason) {
            super(reason);
        }
    }
}
