/// From graph to plan: passes, schedule, memory, cache, and what a backend must offer.
package dev.nacre.compile;
