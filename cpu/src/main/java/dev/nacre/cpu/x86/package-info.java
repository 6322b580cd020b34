/// Machine code for x86-64 with AVX-512: an assembler for what loops need, and memory to run it in. It knows nothing of tensors.
package dev.nacre.cpu.x86;
