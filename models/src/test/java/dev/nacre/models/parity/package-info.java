/// Whole models against the same written with libtorch's functions.
package dev.nacre.models.parity;
