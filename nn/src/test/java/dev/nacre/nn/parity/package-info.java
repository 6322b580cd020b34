/// Everything that libtorch has too, against libtorch in the same process.
package dev.nacre.nn.parity;
