/// Executes [dev.nacre.compile.Loop] kernels: each [dev.nacre.compile.Program] becomes code of its own.
///
/// The way of a program, one file per stop:
///
/// 1. [Lowering] rewrites its instructions as a graph of [Value]s, primitive operations that every lane knows;
///    [Formulas] is where `exp`, `tanh`, … become polynomials;
/// 2. [Schedule] splits the work on a tile into steps, because the result of a fold over a row is known only when the
///    row has been gone through;
/// 3. a step is written as machine code where the processor has AVX-512: [MachineStep] writes loops over rows and points, [MachineLane] the single
///    operations, [MachineMemory] loads, stores and sinks, [MachineFolds] folds, [MachineCalls] calls back into Java; [MachineValues] and [Registers] say where values are; else as bytecode: [StepWriter] writes the loops, [ScalarLane] operations on one element at a time, [VectorLane] on
///    vectors of the Vector API;
/// 4. [LoopCompiler] makes it ready to be called, and keeps it;
/// 5. [LoopRunner] walks the iteration space of a loop tile by tile, on the team.
///
/// **The same bits everywhere.** All lanes perform the same operations of IEEE 754 in the same order, folds included.
/// So code of any kind, one thread and many, give the same bits, and which of them ran can stay a matter of speed.
package dev.nacre.cpu.loops;
