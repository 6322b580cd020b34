/// Nacre's side of the workloads. [NacreEngine] names the class of each.
package dev.nacre.bench.workload;
