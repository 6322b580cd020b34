package dev.nacre.nn.data;

import dev.nacre.nn.data.Jpeg.Component;

/// Lines of a component that has fewer samples than the picture has pixels: by a triangle filter where it has half as many, as the Independent JPEG Group's library does, else by
/// repetition.
final class JpegChroma {
    private JpegChroma() {}

    /// Line `y` of the picture.
    ///
    /// @param most horizontal samples of the widest component in a unit
    /// @param mostDown vertical ones
    /// @param out with room for some more than the width
    static void line(Component c, int y, int most, int mostDown, int[] out) {
        boolean across = most == 2 * c.horizontal && c.width > 2;
        boolean down = mostDown == 2 * c.vertical;
        if (across && mostDown == c.vertical) {
            twiceAsWide(c, y, out);
        } else if (across && down) {
            twiceBoth(c, y, out);
        } else {
            int row = y * c.vertical / mostDown * c.stride;
            for (int x = 0; x < out.length - 8; x++) {
                out[x] = c.samples[row + x * c.horizontal / most] & 0xFF;
            }
        }
    }

    private static void twiceAsWide(Component c, int y, int[] out) {
        int row = y * c.stride;
        int n = c.width;
        for (int x = 0; x < n; x++) {
            int v = c.samples[row + x] & 0xFF;
            int before = x == 0 ? v : c.samples[row + x - 1] & 0xFF;
            int after = x == n - 1 ? v : c.samples[row + x + 1] & 0xFF;
            out[2 * x] = x == 0 ? v : 3 * v + before + 1 >> 2;
            out[2 * x + 1] = x == n - 1 ? v : 3 * v + after + 2 >> 2;
        }
    }

    private static void twiceBoth(Component c, int y, int[] out) {
        int near = y / 2;
        int far = y % 2 == 0 ? Math.max(0, near - 1) : Math.min(c.height - 1, near + 1);
        int n = c.width;
        int before = 0;
        int v = column(c, near, far, 0);
        for (int x = 0; x < n; x++) {
            int after = x == n - 1 ? 0 : column(c, near, far, x + 1);
            out[2 * x] = x == 0 ? 4 * v + 8 >> 4 : 3 * v + before + 8 >> 4;
            out[2 * x + 1] = x == n - 1 ? 4 * v + 7 >> 4 : 3 * v + after + 7 >> 4;
            before = v;
            v = after;
        }
    }

    private static int column(Component c, int near, int far, int x) {
        return 3 * (c.samples[near * c.stride + x] & 0xFF) + (c.samples[far * c.stride + x] & 0xFF);
    }
}
