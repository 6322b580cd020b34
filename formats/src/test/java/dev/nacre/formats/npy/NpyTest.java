package dev.nacre.formats.npy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.formats.FormatException;
import dev.nacre.type.DType;
import dev.nacre.type.Shape;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NpyTest {
    @TempDir Path folder;

    @ParameterizedTest
    @EnumSource
    void everyTypeSurvives(DType t) {
        for (long[] shape : new long[][] {{}, {0}, {7}, {2, 3}, {2, 0, 3}, {2, 1, 3, 4}}) {
            Tensor x = Rng.seed(3).normal(Shape.of(shape)).mul(40).cast(t).realize();
            Path file = folder.resolve("x.npy");
            Npy.write(file, x);
            Tensor y = Npy.read(file);
            assertEquals(t == DType.BF16 ? DType.F32 : t, y.dtype());
            assertEquals(x.shape(), y.shape());
            assertArrayEquals(
                    x.cast(y.dtype()).toSegment().toArray(ValueLayout.JAVA_BYTE),
                    y.toSegment().toArray(ValueLayout.JAVA_BYTE));
        }
    }

    /// What numpy.save wrote for `numpy.arange(6, dtype="<i4").reshape(2, 3)`.
    @Test
    void writesWhatNumpyWrites() throws IOException {
        String header =
                "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }"
                        + " ".repeat(58)
                        + "\n";
        byte[] expected =
                HexFormat.of()
                        .parseHex(
                                "934e554d505901007600"
                                        + HexFormat.of()
                                                .formatHex(
                                                        header.getBytes(StandardCharsets.US_ASCII))
                                        + "000000000100000002000000030000000400000005000000");
        Path file = folder.resolve("x.npy");
        Npy.write(file, Tensor.arange(6).cast(DType.I32).reshape(2, 3));
        assertArrayEquals(expected, Files.readAllBytes(file));
    }

    private Path file(int version, String header, byte[] data) throws IOException {
        byte[] text =
                header.getBytes(
                        version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
        ByteBuffer b =
                ByteBuffer.allocate(12 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        b.put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
                .put((byte) version)
                .put((byte) 0);
        if (version == 1) {
            b.putShort((short) text.length);
        } else {
            b.putInt(text.length);
        }
        b.put(text).put(data);
        Path file = folder.resolve("x.npy");
        Files.write(file, java.util.Arrays.copyOf(b.array(), b.position()));
        return file;
    }

    private static byte[] bytes(int... values) {
        byte[] out = new byte[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) values[i];
        }
        return out;
    }

    @Test
    void ordersAndWidths() throws IOException {
        assertArrayEquals(
                new int[] {0, 2, 4, 1, 3, 5},
                Npy.read(
                                file(
                                        2,
                                        "{'shape': (2, 3,), 'fortran_order': True, 'descr': '|u1'}\n",
                                        bytes(0, 1, 2, 3, 4, 5)))
                        .toIntArray());
        assertArrayEquals(
                new int[] {258, -2},
                Npy.read(
                                file(
                                        3,
                                        "{\"descr\": \">i4\", 'fortran_order': False, 'shape': (2,)}",
                                        bytes(0, 0, 1, 2, -1, -1, -1, -2)))
                        .toIntArray());
        assertArrayEquals(
                new float[] {1.5f},
                Npy.read(
                                file(
                                        1,
                                        "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}",
                                        bytes(0x3F, 0xC0, 0, 0)))
                        .toFloatArray());
        assertArrayEquals(
                new int[] {65535, 1},
                Npy.read(
                                file(
                                        1,
                                        "{'descr': '<u2', 'fortran_order': False, 'shape': (2,)}",
                                        bytes(255, 255, 1, 0)))
                        .toIntArray());
        assertArrayEquals(
                new int[] {-1},
                Npy.read(
                                file(
                                        1,
                                        "{'descr': '<i2', 'fortran_order': False, 'shape': (1,)}",
                                        bytes(255, 255)))
                        .toIntArray());
        assertArrayEquals(
                new long[] {4294967295L},
                Npy.read(
                                file(
                                        1,
                                        "{'descr': '<u4', 'fortran_order': False, 'shape': (1,)}",
                                        bytes(255, 255, 255, 255)))
                        .toLongArray());
    }

    @Test
    void anyByteButZeroIsTrue() throws IOException {
        Tensor t =
                Npy.read(
                        file(
                                1,
                                "{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}",
                                bytes(0, 1, 200)));
        assertEquals(2, t.cast(dev.nacre.type.DType.I64).sum().item());
    }

    private String errorOf(Path file) {
        return assertThrows(FormatException.class, () -> Npy.read(file))
                .getMessage()
                .replace(file.toString(), "FILE");
    }

    @Test
    void filesThatAreWrong() throws IOException {
        assertEquals(
                "npy: FILE is an array of records; save its fields as arrays of their own",
                errorOf(
                        file(
                                1,
                                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
                                bytes(1))));
        assertEquals(
                "npy: FILE has elements of type <c8; known are b1, f2, f4, f8, i1, i2, i4, i8, u1, u2, u4",
                errorOf(
                        file(
                                1,
                                "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}",
                                bytes(1))));
        assertEquals(
                "npy: FILE has elements of type |O; known are b1, f2, f4, f8, i1, i2, i4, i8, u1, u2, u4",
                errorOf(
                        file(
                                1,
                                "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
                                bytes(1))));
        for (String shape : List.of("[0, 9223372036854775807]", "[9223372036854775807, 0, 3]")) {
            String tuple = shape.replace('[', '(').replace(']', ')');
            assertEquals(
                    "npy: FILE has more elements than fit: " + shape,
                    errorOf(
                            file(
                                    1,
                                    "{'descr': '<f4', 'fortran_order': False, 'shape': "
                                            + tuple
                                            + "}",
                                    bytes())));
        }
        assertEquals(
                "npy: FILE is cut short: its elements take 8 bytes, but 3 are there",
                errorOf(
                        file(
                                1,
                                "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
                                bytes(1, 2, 3))));
        assertEquals(
                "npy: FILE has bytes left over: its elements take 1 bytes, but 3 are there",
                errorOf(
                        file(
                                1,
                                "{'descr': '|u1', 'fortran_order': False, 'shape': ()}",
                                bytes(1, 2, 3))));
        assertEquals(
                "npy: FILE has a broken header: it needs descr, fortran_order and shape",
                errorOf(file(1, "{'descr': '|u1'}", bytes(1))));
        assertEquals(
                "npy: FILE has a broken header: it is no dictionary",
                errorOf(file(1, "hello", bytes(1))));
        assertEquals(
                "npy: FILE has version 4 of the format; known are 1, 2 and 3",
                errorOf(file(4, "{}", bytes(1))));
        for (String[] row :
                new String[][] {
                    {
                        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
                        "it has 'descr' twice"
                    },
                    {
                        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",
                        "it has 'shape' twice"
                    },
                    {
                        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}",
                        "it has an unknown entry 'more'"
                    },
                    {
                        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} import os",
                        "found 'import os' where the end should be"
                    },
                    {
                        "{garbage 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
                        "found 'garbage 'descr': '|u' where a key should be"
                    },
                    {
                        "{'descr': '|u1', 'fortran_order': Falsehood, 'shape': (1,)}",
                        "found 'hood, 'shape': (1,)}' where a comma or the end of the dictionary"
                                + " should be"
                    },
                    {
                        "{'descr': '|u1', 'fortran_order': False, 'shape': (1)}",
                        "its shape is a number, not a tuple"
                    },
                    {
                        "{'descr': '|u1', 'fortran_order': False, 'shape': (1 1)}",
                        "found '1)}' where the end of the tuple should be"
                    },
                    {
                        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
                        "found '-1,)}' where a size should be"
                    },
                    {
                        "{'descr': '|u1', 'fortran_order': False, 'shape':"
                                + " (99999999999999999999,)}",
                        "its shape has a size of 20 digits"
                    }
                }) {
            assertEquals(
                    "npy: FILE has a broken header: " + row[1], errorOf(file(1, row[0], bytes(1))));
        }
        Path file = folder.resolve("x.npy");
        Npy.write(file, Tensor.ones(3));
        byte[] whole = Files.readAllBytes(file);
        for (int n = 0; n < whole.length; n++) {
            Files.write(file, java.util.Arrays.copyOf(whole, n));
            errorOf(file);
        }
        Files.write(file, "not an array at all".getBytes(StandardCharsets.US_ASCII));
        assertEquals("npy: FILE is no npy file: it does not begin with \\x93NUMPY", errorOf(file));
    }
}
