/// Tests of the safetensors format.
package dev.nacre.formats.safetensors;
