package dev.nacre.cpu.attention;

/// The layout of a part's memory: pieces one behind the other, each in cache lines of its own.
final class Room {
    private long bytes;

    /// Where a new piece begins.
    long take(long size) {
        long at = bytes;
        bytes += (size + 63) & -64;
        return at;
    }

    long bytes() {
        return bytes;
    }
}
