/// libtorch's side of the workloads, through JavaCPP, with the functional operators that its modules call.
package dev.nacre.bench.libtorch;
