/// The benchmark's plumbing, with stand-ins for engines. Nothing here asserts a time.
package dev.nacre.bench;
