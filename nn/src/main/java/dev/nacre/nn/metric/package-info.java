/// How good a model is, in numbers for people.
package dev.nacre.nn.metric;
