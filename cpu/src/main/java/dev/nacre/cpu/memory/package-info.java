/// Native memory by address.
package dev.nacre.cpu.memory;
