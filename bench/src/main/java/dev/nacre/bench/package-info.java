/// Measurements, printed as ratios within one run.
package dev.nacre.bench;
