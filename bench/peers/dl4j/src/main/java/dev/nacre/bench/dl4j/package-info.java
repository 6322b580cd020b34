/// Deeplearning4j's side of the workloads.
package dev.nacre.bench.dl4j;
