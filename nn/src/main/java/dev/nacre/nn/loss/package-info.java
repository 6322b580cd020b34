/// Loss functions, with PyTorch's names and meanings.
package dev.nacre.nn.loss;
