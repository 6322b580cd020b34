/// Whole models in one file: architecture, weights, preprocessing, labels and provenance.
package dev.nacre.formats.model;
