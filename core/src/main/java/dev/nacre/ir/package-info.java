/// The expression graph: nodes and the closed set of operations they carry.
package dev.nacre.ir;
