/// Data sets, and the way from an image file to a tensor.
package dev.nacre.nn.data;
