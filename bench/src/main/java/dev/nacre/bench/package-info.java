/// `nacre bench`: measures Nacre beside its peers. [Run] asks one process per engine in turn, [Agreement] compares what they compute, [Summary] makes results of times,
/// [Report] writes them.
package dev.nacre.bench;
