/// Executes [dev.nacre.compile.Loop] kernels: each [dev.nacre.compile.Program] becomes one generated class.
///
/// The way of a program, one file per stop:
///
/// 1. [Lowering] rewrites its instructions as a graph of [Value]s, primitive operations that every lane knows;
///    [Formulas] is where `exp`, `tanh`, … become polynomials;
/// 2. [Schedule] splits the work on a tile into steps, because the result of a fold over a row is known only when the
///    row has been gone through;
/// 3. [StepWriter] writes the method of a step: loops over rows and points, with the code of a single operation left to
///    a [Lane]: [ScalarLane] computes one element at a time, [VectorLane] a vector of them;
/// 4. [LoopCompiler] defines the class and keeps it;
/// 5. [LoopRunner] walks the iteration space of a loop tile by tile, on the team.
///
/// **The same bits everywhere.** Both lanes perform the same operations of IEEE 754 in the same order, folds included.
/// So scalar and vector code, one thread and many, give the same bits, and which of them ran can stay a matter of speed.
package dev.nacre.cpu.loops;
