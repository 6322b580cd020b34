/// Tests of the metrics.
package dev.nacre.nn.metric;
