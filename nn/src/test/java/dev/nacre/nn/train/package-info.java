/// Tests.
package dev.nacre.nn.train;
