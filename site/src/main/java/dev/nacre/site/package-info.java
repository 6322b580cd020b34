/// Web pages of the documents.
package dev.nacre.site;
