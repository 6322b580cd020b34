/// The slow, obvious interpreter that defines what each operation means.
package dev.nacre.reference;
