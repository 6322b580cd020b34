package dev.nacre.cpu.kernels;

/// The layout of a part's memory: pieces one behind the other, each in cache lines of its own.
public final class Room {
    private long bytes;

    /// Where a new piece begins.
    public long take(long size) {
        long at = bytes;
        bytes += (size + 63) & -64;
        return at;
    }

    public long bytes() {
        return bytes;
    }
}
