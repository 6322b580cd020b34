/// The safetensors format of Hugging Face: named tensors and text, no code.
package dev.nacre.formats.safetensors;
