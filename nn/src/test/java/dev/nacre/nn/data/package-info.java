/// Tests of the data sets.
package dev.nacre.nn.data;
