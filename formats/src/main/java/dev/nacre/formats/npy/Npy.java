package dev.nacre.formats.npy;

import dev.nacre.Tensor;
import dev.nacre.compile.Memory;
import dev.nacre.formats.AtomicFile;
import dev.nacre.formats.Elements;
import dev.nacre.formats.FormatException;
import dev.nacre.formats.Source;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/// Reads and writes NumPy's `.npy` files: one array each (NEP 1, versions 1 to 3).
///
/// Arrays in column-major order and of the other byte order are converted. Types that Nacre has not are widened where no value changes (u16 to i32, u32 and i16 likewise to
/// i64 and i32); u64, complex numbers, texts, objects and records are refused. bf16 has no type in NumPy and is written as f32.
public final class Npy {
    private static final String NAME = "npy";
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int LONGEST_HEADER = 1 << 20;

    /// A type in a file: how wide an element is there, and what it becomes.
    private record Element(int bytes, char kind, DType dtype) {}

    private static final Map<String, Element> ELEMENTS =
            Map.ofEntries(
                    Map.entry("b1", new Element(1, 'b', DType.BOOL)),
                    Map.entry("u1", new Element(1, 'u', DType.U8)),
                    Map.entry("i1", new Element(1, 'i', DType.I8)),
                    Map.entry("i2", new Element(2, 'i', DType.I32)),
                    Map.entry("u2", new Element(2, 'u', DType.I32)),
                    Map.entry("i4", new Element(4, 'i', DType.I32)),
                    Map.entry("u4", new Element(4, 'u', DType.I64)),
                    Map.entry("i8", new Element(8, 'i', DType.I64)),
                    Map.entry("f2", new Element(2, 'f', DType.F16)),
                    Map.entry("f4", new Element(4, 'f', DType.F32)),
                    Map.entry("f8", new Element(8, 'f', DType.F64)));

    private Npy() {}

    /// Writes an array, replacing the file in one step.
    public static void write(Path path, Tensor array) {
        Tensor x = (array.dtype() == DType.BF16 ? array.cast(DType.F32) : array).realize();
        byte[] header = header(x.type());
        AtomicFile.write(
                NAME,
                path,
                out -> {
                    AtomicFile.write(out, ByteBuffer.wrap(header));
                    AtomicFile.write(out, x.toSegment());
                    java.lang.ref.Reference.reachabilityFence(x);
                });
    }

    private static byte[] header(TensorType type) {
        String descr =
                switch (type.dtype()) {
                    case BOOL -> "|b1";
                    case U8 -> "|u1";
                    case I8 -> "|i1";
                    case I32 -> "<i4";
                    case I64 -> "<i8";
                    case F16 -> "<f2";
                    case F32 -> "<f4";
                    case F64 -> "<f8";
                    case BF16 -> throw new IllegalArgumentException("bf16");
                };
        String sizes =
                LongStream.of(type.shape().toArray())
                        .mapToObj(Long::toString)
                        .collect(Collectors.joining(", "));
        String shape = "(" + sizes + (type.shape().rank() == 1 ? ",)" : ")");
        String text =
                "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
        int length = Math.ceilDiv(10 + text.length() + 1, 64) * 64;
        byte[] out = new byte[length];
        Arrays.fill(out, (byte) ' ');
        ByteBuffer.wrap(out)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(MAGIC)
                .put((byte) 1)
                .put((byte) 0)
                .putShort((short) (length - 10))
                .put(text.getBytes(StandardCharsets.ISO_8859_1));
        out[length - 1] = '\n';
        return out;
    }

    /// Reads an array.
    public static Tensor read(Path path) {
        return Source.read(NAME, path, file -> decode(path, file.bytes()));
    }

    private static Tensor decode(Path path, MemorySegment bytes) {
        if (bytes.byteSize() < 10
                || bytes.asSlice(0, 6).mismatch(MemorySegment.ofArray(MAGIC)) >= 0) {
            throw new FormatException(
                    NAME,
                    path,
                    bytes.byteSize() == 0
                            ? "is empty"
                            : "is no npy file: it does not begin with \\x93NUMPY");
        }
        int version = bytes.get(ValueLayout.JAVA_BYTE, 6);
        int minor = bytes.get(ValueLayout.JAVA_BYTE, 7) & 0xFF;
        if (version < 1 || version > 3 || minor != 0) {
            throw new FormatException(
                    NAME,
                    path,
                    "has version "
                            + version
                            + (minor == 0 ? "" : "." + minor)
                            + " of the format; known are 1, 2 and 3");
        }
        int start = version == 1 ? 10 : 12;
        if (bytes.byteSize() < start) {
            throw new FormatException(NAME, path, "is cut short inside its header");
        }
        long length =
                version == 1 ? bytes.get(LE_SHORT, 8) & 0xFFFF : bytes.get(LE_INT, 8) & 0xFFFFFFFFL;
        if (length > LONGEST_HEADER || length > bytes.byteSize() - start) {
            throw new FormatException(
                    NAME,
                    path,
                    "is cut short inside its header: it should have " + length + " bytes");
        }
        byte[] header = bytes.asSlice(start, length).toArray(ValueLayout.JAVA_BYTE);
        Dictionary d =
                Dictionary.parse(
                        path,
                        new String(
                                header,
                                version == 3
                                        ? StandardCharsets.UTF_8
                                        : StandardCharsets.ISO_8859_1));
        return elements(path, d, bytes.asSlice(start + length));
    }

    private static final ValueLayout.OfShort LE_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt LE_INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static Tensor elements(Path path, Dictionary d, MemorySegment data) {
        Element e = d.descr().length() < 2 ? null : ELEMENTS.get(d.descr().substring(1));
        char order = d.descr().isEmpty() ? ' ' : d.descr().charAt(0);
        if (e == null || "<>|=".indexOf(order) < 0) {
            throw new FormatException(
                    NAME,
                    path,
                    "has elements of type "
                            + d.descr()
                            + "; known are "
                            + String.join(", ", ELEMENTS.keySet().stream().sorted().toList()));
        }
        long count;
        long wanted;
        try {
            count = Arrays.stream(d.shape()).reduce(1, Math::multiplyExact);
            wanted = Math.multiplyExact(count, (long) e.bytes);
        } catch (ArithmeticException _) {
            throw new FormatException(
                    NAME, path, "has more elements than fit: " + Arrays.toString(d.shape()));
        }
        if (!Shape.of(d.shape()).isAddressable(e.dtype.bytes())) { // beside a size of 0
            throw new FormatException(
                    NAME, path, "has more elements than fit: " + Arrays.toString(d.shape()));
        }
        if (wanted != data.byteSize()) {
            throw new FormatException(
                    NAME,
                    path,
                    (wanted > data.byteSize() ? "is cut short: " : "has bytes left over: ")
                            + "its elements take "
                            + wanted
                            + " bytes, but "
                            + data.byteSize()
                            + " are there");
        }
        long[] sizes = d.fortran() ? reversed(d.shape()) : d.shape();
        boolean swap = order == '>' && e.bytes > 1;
        boolean plain = e.bytes == e.dtype.bytes() && !swap;
        Tensor t =
                Elements.tensor(
                        TensorType.of(e.dtype, sizes),
                        plain ? data : converted(data, e, swap, count));
        int[] axes = new int[sizes.length];
        Arrays.setAll(axes, i -> sizes.length - 1 - i);
        return d.fortran() ? t.permute(axes).realize() : t;
    }

    private static long[] reversed(long[] x) {
        long[] out = new long[x.length];
        Arrays.setAll(out, i -> x[x.length - 1 - i]);
        return out;
    }

    /// Elements in native byte order and of a width that Nacre has.
    private static MemorySegment converted(
            MemorySegment data, Element e, boolean swap, long count) {
        int width = e.dtype.bytes();
        ByteOrder order = swap ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        ValueLayout.OfShort shorts = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
        ValueLayout.OfInt ints = ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
        ValueLayout.OfLong longs = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(order);
        MemorySegment out =
                Memory.allocate(Math.multiplyExact(count, (long) width), "elements of an npy file");
        for (long i = 0; i < count; i++) {
            long v =
                    switch (e.bytes) {
                        case 1 -> data.get(ValueLayout.JAVA_BYTE, i);
                        case 2 -> data.getAtIndex(shorts, i);
                        case 4 -> data.getAtIndex(ints, i);
                        case 8 -> data.getAtIndex(longs, i);
                        default ->
                                throw new NacreException("npy: elements of " + e.bytes + " bytes");
                    };
            if (e.kind == 'u' && width > e.bytes) {
                v &= (1L << (8 * e.bytes)) - 1;
            }
            switch (width) {
                case 2 -> out.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) v);
                case 4 -> out.setAtIndex(ValueLayout.JAVA_INT, i, (int) v);
                case 8 -> out.setAtIndex(ValueLayout.JAVA_LONG, i, v);
                default -> out.set(ValueLayout.JAVA_BYTE, i, (byte) v);
            }
        }
        return out.asSlice(0, count * width);
    }
}
