/// Tests.
package dev.nacre.nn.loss;
