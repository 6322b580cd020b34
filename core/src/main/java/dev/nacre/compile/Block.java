package dev.nacre.compile;

import java.util.List;

/// Kernels over a table of addresses: the sources, then the roots, then one block of memory for intermediate values.
///
/// @param bytes size of the block
record Block(List<Kernel> kernels, long bytes) {}
