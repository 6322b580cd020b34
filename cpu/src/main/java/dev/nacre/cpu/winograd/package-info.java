/// Convolutions by kernels of 3×3 with 16 multiplications for four results instead of 36: Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, 2015, F(2×2, 3×3).
package dev.nacre.cpu.winograd;
