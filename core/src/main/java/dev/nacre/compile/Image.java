package dev.nacre.compile;

import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.util.Optional;

/// A buffer as images `[n, channels, plane]`, and how views of it change when its memory has the order `[n, plane, channels]` instead.
///
/// @param plane elements of one channel
record Image(long channels, long plane) {
    /// The whole buffer, row-major.
    View dense(int buffer, Scheduler.Buffer b) {
        return View.dense(
                buffer,
                new TensorType(
                        b.dtype(), Shape.of(b.count() / (channels * plane), channels, plane)));
    }

    /// The view of the same elements in the other order; empty if an axis of it does not stay within planes, channels or batch.
    Optional<View> turn(View v) {
        long volume = channels * plane;
        long[] strides = v.strides().clone();
        long at = v.offset() % plane; // where the walk is within a plane: its least and greatest
        long end = at;
        long channel = v.offset() / plane % channels;
        long last = channel;
        long batch = v.offset() / volume;
        long offset = batch * volume + at * channels + channel;
        for (int i = 0; i < strides.length; i++) {
            long s = strides[i];
            long way = s * (v.sizes()[i] - 1);
            if (way == 0) {
                continue;
            }
            if (s % volume == 0) {
                continue;
            }
            if (s % plane == 0) {
                strides[i] = s / plane;
                channel += Math.min(0, way / plane);
                last += Math.max(0, way / plane);
            } else {
                strides[i] = s * channels;
                at += Math.min(0, way);
                end += Math.max(0, way);
            }
        }
        boolean within = at >= 0 && end < plane && channel >= 0 && last < channels;
        return within
                ? Optional.of(new View(v.buffer(), v.dtype(), offset, v.sizes(), strides))
                : Optional.empty();
    }

    /// How many points of an axis stay within a plane, or within the channels of one image; the whole axis if that does not divide it.
    long run(long size, long stride) {
        long s = Math.abs(stride);
        for (long room : new long[] {channels * plane, plane}) {
            if (s > 0 && s < room && s * size > room && room % s == 0 && size % (room / s) == 0) {
                return room / s;
            }
        }
        return size;
    }
}
