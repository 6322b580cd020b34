/// Loops as OpenCL C, by which a compiler that nobody here wrote judges what lowered programs mean. Modules above use it in their tests.
package dev.nacre.opencl;
