package dev.nacre.ir;

/// What a pad adds along one axis: elements before, after, and between neighbours.
public record Margin(long before, long after, long between) {
    public static final Margin NONE = new Margin(0, 0, 0);

    public long padded(long n) {
        return before + n + Math.max(0, n - 1) * between + after;
    }
}
