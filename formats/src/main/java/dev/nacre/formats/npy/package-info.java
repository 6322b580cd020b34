/// NumPy's format for one array.
package dev.nacre.formats.npy;
