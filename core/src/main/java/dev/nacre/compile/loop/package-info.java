/// What generators of code share: a [loop][dev.nacre.compile.Loop]'s program as primitive operations on numbers ([Value]), each exact or correctly rounded, and the formulas for functions in them.
/// A generator that prints the primitives has all functions, with the same bits as the others.
package dev.nacre.compile.loop;
