package dev.nacre.nn.data;

/// Images to learn from, and images to judge by.
///
/// @param origin where they were found
public record Split(ImageSet train, ImageSet test, String origin) {}
