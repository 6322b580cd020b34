/// TensorFlow's side of the workloads: graphs, images with channels last.
package dev.nacre.bench.tensorflow;
