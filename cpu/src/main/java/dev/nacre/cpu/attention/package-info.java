/// Attention that never holds all scores at once (Dao et al. 2022, Dao 2023).
///
/// [FlashAttention] says what is taken. [Forward] and [Backward] go through blocks of scores, some queries by some keys, which stay in the second cache. The products of a block are oneDNN's,
/// compiled for one thread; what lies between them are fused loops ([BlockLoop]) like any others.
package dev.nacre.cpu.attention;
