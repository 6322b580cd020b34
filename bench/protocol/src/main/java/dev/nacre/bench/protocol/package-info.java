/// What the engines that are measured have in common: the workloads, their data and first weights, and the lines by which an engine's process is asked. Knows no engine.
package dev.nacre.bench.protocol;
