package dev.nacre.compile;

import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.TreeSet;

/// What is free of a range of memory, in bytes; neighbours are one gap.
final class Gaps {
    private final TreeMap<Long, Long> lengths = new TreeMap<>(); // by place
    private final TreeMap<Long, TreeSet<Long>> places = new TreeMap<>(); // by length: the same

    /// Takes so many bytes of the smallest gap that holds them, the lowest of those; empty if none does.
    OptionalLong takeTightest(long bytes) {
        Map.Entry<Long, TreeSet<Long>> best = places.ceilingEntry(bytes);
        return best == null ? OptionalLong.empty() : take(best.getValue().first(), bytes);
    }

    /// Takes so many bytes of the lowest gap that holds them; empty if none does.
    OptionalLong takeLowest(long bytes) {
        for (Map.Entry<Long, Long> gap : lengths.entrySet()) {
            if (gap.getValue() >= bytes) {
                return take(gap.getKey(), bytes);
            }
        }
        return OptionalLong.empty();
    }

    /// Takes the whole gap that ends at a place: where it begins; empty if there is none.
    OptionalLong takeUpTo(long end) {
        Map.Entry<Long, Long> last = lengths.lowerEntry(end);
        if (last == null || last.getKey() + last.getValue() != end) {
            return OptionalLong.empty();
        }
        return take(last.getKey(), last.getValue());
    }

    /// These bytes are free again.
    void give(long at, long bytes) {
        long from = takeUpTo(at).orElse(at);
        open(from, at - from + bytes + fill(at + bytes));
    }

    private OptionalLong take(long at, long bytes) {
        long length = fill(at);
        if (length > bytes) {
            open(at + bytes, length - bytes);
        }
        return OptionalLong.of(at);
    }

    private void open(long at, long length) {
        lengths.put(at, length);
        places.computeIfAbsent(length, _ -> new TreeSet<>()).add(at);
    }

    /// The length of the gap that was at a place; 0 if there was none.
    private long fill(long at) {
        Long length = lengths.remove(at);
        if (length == null) {
            return 0;
        }
        TreeSet<Long> like = places.get(length);
        like.remove(at);
        if (like.isEmpty()) {
            places.remove(length);
        }
        return length;
    }
}
