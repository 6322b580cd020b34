/// The kernels in Java: what no library does (indexing, sorting, recurrences, random bits), and products, convolutions
/// and poolings where there is no library or it declines. All work on raw addresses of native memory.
///
/// Results never depend on the number of threads: what is divided among threads is the result's elements, or else a
/// sum at places that follow from its size alone.
package dev.nacre.cpu.kernels;
