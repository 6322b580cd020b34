/// Tests.
package dev.nacre.nn;
