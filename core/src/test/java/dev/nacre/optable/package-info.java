/// One row per op and per function of the math library: operands in a safe domain, how the graph is built, what is known about it. Core tests the rows against
/// the reference interpreter and finite differences; other modules take the table from core's test jar and hold their results against the reference.
package dev.nacre.optable;
