/// What is made by the models themselves; for their numbers see `parity`.
package dev.nacre.models;
