package dev.nacre.cpu;

import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/// Values that are shared for as long as somebody holds them.
public final class WeakCache<K, V> {
    private final class Entry extends WeakReference<V> {
        final K key;

        Entry(K key, V value) {
            super(value, dropped);
            this.key = key;
        }
    }

    private final ConcurrentHashMap<K, WeakReference<V>> entries = new ConcurrentHashMap<>();
    private final ReferenceQueue<V> dropped = new ReferenceQueue<>();

    /// An empty one.
    public WeakCache() {}

    /// The value of a key, made if there is none. Two threads that ask at once may both make it.
    public V get(K key, Function<K, V> make) {
        forgetDropped();
        var entry = entries.get(key);
        var value = entry == null ? null : entry.get();
        if (value != null) return value;
        var made = make.apply(key);
        entries.put(key, new Entry(key, made));
        return made;
    }

    @SuppressWarnings("unchecked") // nothing else is in the queue
    private void forgetDropped() {
        for (Entry entry; (entry = (Entry) dropped.poll()) != null; )
            entries.remove(entry.key, entry);
    }
}
