/// Tests of JSON.
package dev.nacre.formats.json;
