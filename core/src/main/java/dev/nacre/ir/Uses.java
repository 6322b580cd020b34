package dev.nacre.ir;

import java.util.Arrays;

/// Numbers in the order of their first use.
final class Uses {
    private static final long SCATTER = 0x9E3779B97F4A7C15L;

    private long[] keys = new long[64]; // open addressing, at most half full
    private int[] places = new int[64]; // counted on over all clears: lower ones are gone
    private int shift = 58; // of a hash to the length of the table
    private int first = 1;
    private int size;

    /// How many there are.
    int size() {
        return size;
    }

    void clear() {
        first += size;
        size = 0;
        if (first > Integer.MAX_VALUE / 2) {
            Arrays.fill(places, 0);
            first = 1;
        }
    }

    /// The place of a number, −1 if it was not used.
    int find(long key) {
        return Math.max(-1, places[slot(key)] - first);
    }

    /// The place of a number, the next one if it was not used before.
    int use(long key) {
        int slot = slot(key);
        if (places[slot] < first) {
            if (2 * (size + 1) > keys.length) {
                grow();
                slot = slot(key);
            }
            keys[slot] = key;
            places[slot] = first + size++;
        }
        return places[slot] - first;
    }

    private int slot(long key) {
        int i = (int) (key * SCATTER >>> shift);
        while (places[i] >= first && keys[i] != key) {
            i = i + 1 & keys.length - 1;
        }
        return i;
    }

    private void grow() {
        long[] oldKeys = keys;
        int[] oldPlaces = places;
        keys = new long[2 * oldKeys.length];
        places = new int[keys.length];
        shift--;
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldPlaces[i] >= first) {
                int to = slot(oldKeys[i]);
                keys[to] = oldKeys[i];
                places[to] = oldPlaces[i];
            }
        }
    }
}
