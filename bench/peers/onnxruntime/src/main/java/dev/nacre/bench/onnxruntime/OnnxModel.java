package dev.nacre.bench.onnxruntime;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Writes as much of the ONNX format (protocol buffers, opset 20) as the models need.
final class OnnxModel {
    static final int FLOAT = 1;
    static final int INT64 = 7;

    /// A message under construction.
    private static final class Message {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();

        private Message varint(long v) {
            long rest = v;
            while ((rest & ~0x7FL) != 0) {
                out.write((int) (rest & 0x7F) | 0x80);
                rest >>>= 7;
            }
            out.write((int) rest);
            return this;
        }

        Message number(int field, long v) {
            return varint((long) field << 3).varint(v);
        }

        Message bytes(int field, byte[] b) {
            varint((long) field << 3 | 2).varint(b.length);
            out.writeBytes(b);
            return this;
        }

        Message text(int field, String s) {
            return bytes(field, s.getBytes(StandardCharsets.UTF_8));
        }

        Message message(int field, Message m) {
            return bytes(field, m.out.toByteArray());
        }

        Message real(int field, float v) {
            varint((long) field << 3 | 5);
            out.writeBytes(
                    ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(v).array());
            return this;
        }
    }

    private final Message graph = new Message().text(2, "g");
    private int count;

    private static Message described(String name, int type, long... shape) {
        Message sizes = new Message();
        for (long s : shape) {
            sizes.message(1, new Message().number(1, s));
        }
        Message tensor = new Message().number(1, type).message(2, sizes);
        return new Message().text(1, name).message(2, new Message().message(1, tensor));
    }

    String input(String name, int type, long... shape) {
        graph.message(11, described(name, type, shape));
        return name;
    }

    void output(String name, long... shape) {
        graph.message(12, described(name, FLOAT, shape));
    }

    String constant(float[] values, long... shape) {
        ByteBuffer b = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        b.asFloatBuffer().put(values);
        return raw(FLOAT, b.array(), shape);
    }

    String constant(long[] values, long... shape) {
        ByteBuffer b = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        b.asLongBuffer().put(values);
        return raw(INT64, b.array(), shape);
    }

    private String raw(int type, byte[] data, long... shape) {
        String name = "c" + count++;
        Message t = new Message();
        for (long s : shape) {
            t.number(1, s);
        }
        graph.message(5, t.number(2, type).text(8, name).bytes(9, data));
        return name;
    }

    /// The name of an operator's result.
    ///
    /// @param attributes names and values in turn; values are Long, Float or long[]
    String node(String op, List<String> inputs, Object... attributes) {
        String out = "t" + count++;
        Message node = new Message();
        inputs.forEach(i -> node.text(1, i));
        node.text(2, out).text(3, "n" + count).text(4, op);
        for (int i = 0; i < attributes.length; i += 2) {
            Message a = new Message().text(1, (String) attributes[i]);
            switch (attributes[i + 1]) {
                case Long v -> a.number(3, v).number(20, 2);
                case Float v -> a.real(2, v).number(20, 1);
                case long[] v -> {
                    for (long one : v) {
                        a.number(8, one);
                    }
                    a.number(20, 7);
                }
                default -> throw new IllegalArgumentException();
            }
            node.message(5, a);
        }
        graph.message(1, node);
        return out;
    }

    void write(Path file) throws IOException {
        Message opset = new Message().text(1, "").number(2, 20);
        Message head = new Message().number(1, 9).text(2, "nacre-bench").message(8, opset);
        try (OutputStream o = new BufferedOutputStream(Files.newOutputStream(file))) {
            head.varint(7L << 3 | 2).varint(graph.out.size());
            head.out.writeTo(o);
            graph.out.writeTo(o);
        }
    }
}
