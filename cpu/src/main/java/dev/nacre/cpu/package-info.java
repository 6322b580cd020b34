/// The CPU backend: generated loops, and oneDNN.
package dev.nacre.cpu;
