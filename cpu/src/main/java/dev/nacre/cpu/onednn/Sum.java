package dev.nacre.cpu.onednn;

import java.util.List;
import java.util.Objects;

/// `dst = sources[0] + sources[1] + …`, added in this order, all of one shape.
///
/// Slots: the sources, dst, scratchpad if it takes any.
public record Sum(List<MemoryDesc> sources, MemoryDesc dst) implements Spec {
    public Sum {
        sources = List.copyOf(sources);
        Objects.requireNonNull(dst, "dst");
        if (sources.isEmpty()) throw new IllegalArgumentException("nothing to add");
    }

    @Override
    public Attributes attributes() {
        return Attributes.NONE;
    }
}
