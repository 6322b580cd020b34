package dev.nacre.nn.data;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;

/// The characters of a text, numbered in the order of their code points, so that a text is a sequence of integers.
///
/// @param alphabet each character once, in order
public record Characters(String alphabet) {
    public Characters {
        int[] sorted = alphabet.codePoints().sorted().distinct().toArray();
        if (!new String(sorted, 0, sorted.length).equals(alphabet)) {
            throw new NacreException("characters: they must be in order, each once");
        }
    }

    /// Those that occur in a text.
    public static Characters of(String text) {
        int[] sorted = text.codePoints().sorted().distinct().toArray();
        return new Characters(new String(sorted, 0, sorted.length));
    }

    /// Their number.
    public int count() {
        return alphabet.codePointCount(0, alphabet.length());
    }

    /// The numbers of a text's characters, i64.
    ///
    /// @throws NacreException that names the first character that is not in the alphabet
    public Tensor encode(String text) {
        int[] known = alphabet.codePoints().toArray();
        int[] points = text.codePoints().toArray();
        long[] out = new long[points.length];
        for (int i = 0; i < out.length; i++) {
            int at = java.util.Arrays.binarySearch(known, points[i]);
            if (at < 0) {
                throw new NacreException(
                        "characters: '"
                                + Character.toString(points[i])
                                + "' at "
                                + i
                                + " is not in the alphabet of "
                                + known.length);
            }
            out[i] = at;
        }
        return Tensor.of(out);
    }

    /// The text of some numbers.
    public String decode(Tensor numbers) {
        int[] known = alphabet.codePoints().toArray();
        StringBuilder out = new StringBuilder();
        for (long n : numbers.toLongArray()) {
            if (n < 0 || n >= known.length) {
                throw new NacreException(
                        "characters: " + n + " is not from 0 to " + (known.length - 1));
            }
            out.appendCodePoint(known[(int) n]);
        }
        return out.toString();
    }
}
