/// Batches, and the step that is repeated over them.
package dev.nacre.nn.train;
