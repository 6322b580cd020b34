/// Whole networks: residual convolution networks, a GPT, BERT's encoder. The keys of their states are those of the weights that others publish, so that these load by name.
package dev.nacre.models;
