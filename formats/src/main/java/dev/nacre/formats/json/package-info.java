/// JSON: the headers and metadata of model files.
package dev.nacre.formats.json;
