/// Random programs, computed by plain loops and by a backend; what differs is shrunk. For the tests of backends.
package dev.nacre.fuzz;
