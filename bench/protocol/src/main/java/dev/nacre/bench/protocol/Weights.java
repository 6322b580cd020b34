package dev.nacre.bench.protocol;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/// The first weights of a model by PyTorch's key, the same for every engine. The numbers of one key depend on the key alone and are drawn when they are asked for.
public final class Weights {
    private record Entry(long[] shape, boolean random, double value) {}

    private final Map<String, Entry> entries = new LinkedHashMap<>();

    Weights() {}

    /// From U(−bound, bound).
    Weights uniform(String key, double bound, long... shape) {
        entries.put(key, new Entry(shape, true, bound));
        return this;
    }

    /// One number everywhere.
    Weights filled(String key, double value, long... shape) {
        entries.put(key, new Entry(shape, false, value));
        return this;
    }

    /// `key.weight` `[out, in]` and `key.bias`, from U(±1/√in).
    Weights linear(String key, long in, long out) {
        double bound = 1 / Math.sqrt(in);
        return uniform(key + ".weight", bound, out, in).uniform(key + ".bias", bound, out);
    }

    /// `key.weight` `[out, in, kernel, kernel]` and `key.bias`, from U(±1/√(in·kernel²)).
    Weights convolution(String key, long in, long out, long kernel) {
        double bound = 1 / Math.sqrt(in * kernel * kernel);
        return uniform(key + ".weight", bound, out, in, kernel, kernel)
                .uniform(key + ".bias", bound, out);
    }

    /// A convolution without bias, wider by √3 so that its results keep their variance.
    Weights bareConvolution(String key, long in, long out, long kernel) {
        return uniform(
                key + ".weight", Math.sqrt(3.0 / (in * kernel * kernel)), out, in, kernel, kernel);
    }

    /// `key.weight` 1 and `key.bias` 0.
    Weights norm(String key, long size) {
        return filled(key + ".weight", 1, size).filled(key + ".bias", 0, size);
    }

    /// In the order of the model.
    public Set<String> keys() {
        return entries.keySet();
    }

    public long[] shape(String key) {
        return entry(key).shape.clone();
    }

    public float[] values(String key) {
        Entry e = entry(key);
        int n = Math.toIntExact(count(e));
        if (e.random) {
            return Data.uniform(7_919L * key.hashCode(), n, e.value);
        }
        float[] out = new float[n];
        Arrays.fill(out, (float) e.value);
        return out;
    }

    /// How many numbers there are under all keys.
    public long count() {
        return entries.values().stream().mapToLong(Weights::count).sum();
    }

    private static long count(Entry e) {
        return Arrays.stream(e.shape).reduce(1, Math::multiplyExact);
    }

    private Entry entry(String key) {
        Entry e = entries.get(key);
        if (e == null) {
            throw new IllegalArgumentException(
                    "there is no weight '" + key + "', only " + entries.keySet());
        }
        return e;
    }
}
