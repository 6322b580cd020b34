/// oneDNN's C API, bound by FFM.
///
/// An immutable [Spec] says what to compute: a [MatMul], a [Convolution], a [Pooling] or a [Reorder], over memory that
/// [MemoryDesc]s describe. [OneDnn#primitive(Spec)] turns it into compiled code, a [Primitive], shared by everyone who asks
/// for the same thing. A [Call] of it holds the arguments of one execution at a time, and runs without allocating:
///
///     var a = MemoryDesc.dense(F32, 32, 100);
///     var b = MemoryDesc.dense(F32, 100, 64);
///     var c = MemoryDesc.dense(F32, 32, 64);
///     var product = OneDnn.get().orElseThrow().primitive(MatMul.of(a, b, c));
///     var call = product.call();
///     call.run(new long[] {addressOfA, addressOfB, addressOfC, …});     // in the order of product.slots()
///
/// Nothing is closed by hand: native objects go when their Java objects do. Whatever oneDNN refuses is a
/// [OneDnnException] that names the spec.
package dev.nacre.cpu.onednn;
