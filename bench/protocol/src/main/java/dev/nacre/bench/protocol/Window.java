package dev.nacre.bench.protocol;

import java.util.Arrays;
import java.util.stream.Collectors;

/// Steps timed one by one.
///
/// @param wall nanoseconds that all of them took together
/// @param others per cent of the machine's time that other processes, and a hypervisor's other guests, took meanwhile
/// @param nanos of each step
public record Window(long wall, double others, long[] nanos) {
    /// As words.
    String write() {
        return wall
                + " "
                + others
                + " "
                + Arrays.stream(nanos).mapToObj(Long::toString).collect(Collectors.joining(" "));
    }

    /// What [#write()] has written.
    public static Window read(String words) {
        String[] w = words.strip().split(" ");
        long[] nanos = Arrays.stream(w).skip(2).mapToLong(Long::parseLong).toArray();
        return new Window(Long.parseLong(w[0]), Double.parseDouble(w[1]), nanos);
    }
}
