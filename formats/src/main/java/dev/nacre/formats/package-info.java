/// Files that other frameworks read and write, one package each.
package dev.nacre.formats;
