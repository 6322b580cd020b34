/// The CPU backend: loops generated on the Vector API, and oneDNN.
package dev.nacre.cpu;
