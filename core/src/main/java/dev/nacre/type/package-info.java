/// The types of tensors: element types with their promotion rules, shapes, and the checks on them.
package dev.nacre.type;
