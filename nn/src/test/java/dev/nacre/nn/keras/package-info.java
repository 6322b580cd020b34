/// Tests.
package dev.nacre.nn.keras;
