/// ONNX Runtime's side of the workloads: inference only.
package dev.nacre.bench.onnxruntime;
