/// What users hold: tensors, shapes, element types, variables, functions, gradients and random numbers.
package dev.nacre;
