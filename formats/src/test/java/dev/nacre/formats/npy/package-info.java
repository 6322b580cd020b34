/// Tests of NumPy's format.
package dev.nacre.formats.npy;
