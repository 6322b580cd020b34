package dev.nacre.ir;

import java.util.Arrays;

/// Numbers in the order of their first use.
final class Uses {
    private static final long SCATTER = 0x9E3779B97F4A7C15L;

    private long[] keys = new long[64]; // open addressing, at most half full
    private int[] places = new int[64]; // counted on over all clears: lower ones are gone
    private int shift = 58; // of a hash to the length of the table
    private long[] inOrder =
            new long[32]; // the number that has a place now: one that was dropped may still be in
    // the table
    private int first = 1;
    private int size;
    private int entered; // in the table, those that were dropped as well

    /// How many there are.
    int size() {
        return size;
    }

    /// Drops all but the first ones.
    void keep(int size) {
        this.size = size;
    }

    void clear() {
        first += entered;
        size = 0;
        entered = 0;
        if (first > Integer.MAX_VALUE / 2) {
            Arrays.fill(places, 0);
            first = 1;
        }
    }

    /// The place of a number, −1 if it was not used.
    int find(long key) {
        int place = places[slot(key)] - first;
        return has(place, key) ? place : -1;
    }

    /// The place of a number, the next one if it was not used before.
    int use(long key) {
        int slot = slot(key);
        int place = places[slot] - first;
        if (has(place, key)) {
            return place;
        }
        if (place < 0) {
            if (2 * (entered + 1) > keys.length) {
                grow();
                slot = slot(key);
            }
            entered++;
        }
        keys[slot] = key;
        places[slot] = first + size;
        if (size == inOrder.length) {
            inOrder = Arrays.copyOf(inOrder, 2 * size);
        }
        inOrder[size] = key;
        return size++;
    }

    private boolean has(int place, long key) {
        return place >= 0 && place < size && inOrder[place] == key;
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
