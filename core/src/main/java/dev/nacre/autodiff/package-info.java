/// Derivatives, from graph to graph.
package dev.nacre.autodiff;
