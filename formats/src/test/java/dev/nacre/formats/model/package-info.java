/// Tests of saved models.
package dev.nacre.formats.model;
