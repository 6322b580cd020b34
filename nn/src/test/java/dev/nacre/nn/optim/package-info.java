/// Tests.
package dev.nacre.nn.optim;
