package dev.nacre.formats.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamReadException;
import dev.nacre.formats.FormatException;
import dev.nacre.nn.data.Budget;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import dev.nacre.type.TensorType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// The header of a file.
///
/// @param start where the elements begin in the file
/// @param entries in the order of their elements
record Header(long start, List<Entry> entries, Map<String, String> metadata) {
    /// The reference implementation's limit.
    static final long LONGEST = 100_000_000;

    static final String METADATA = "__metadata__";
    static final Map<DType, String> NAMES = new EnumMap<>(DType.class);

    private static final int ALIGNMENT = 64;
    private static final int MOST_PROBLEMS = 10;

    /// What one tensor takes while a header is read, its name aside.
    private static final int TENSOR_BYTES = 640;

    /// What one byte of text takes while it is read: itself, as characters in pieces, and as a string.
    private static final long TEXT_BYTES = 5;

    private static final int MOST_RANK = 64;

    /// Any name or text that fits into a header.
    private static final JsonFactory JSON =
            JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES) // each is there once
                    .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxStringLength((int) LONGEST)
                                    .maxNameLength((int) LONGEST)
                                    .maxDocumentLength(LONGEST)
                                    .build())
                    .build();

    static {
        for (DType t : DType.values()) {
            NAMES.put(t, t.name());
        }
    }

    /// @param begin where the elements begin, counted from the first tensor's
    record Entry(String name, TensorType type, long begin) {
        long end() {
            return begin + type.bytes();
        }
    }

    /// A tensor as the file describes it.
    private record Raw(String name, String dtype, List<Long> shape, List<Long> offsets) {}

    /// Tensors are laid out with the widest types first, so that each is aligned to its element, then by name, as the reference implementation does.
    static Header of(Map<String, TensorType> types, Map<String, String> metadata) {
        if (types.containsKey(METADATA)) {
            throw new NacreException("safetensors: a tensor must not be named " + METADATA);
        }
        types.keySet().forEach(k -> requireText("the name of a tensor", k));
        metadata.forEach((k, v) -> {
            requireText("a key of the metadata", k);
            requireText("the metadata's '" + k + "'", v);
        });
        List<Entry> entries = new ArrayList<>();
        long at = 0;
        List<Map.Entry<String, TensorType>> order =
                types.entrySet().stream()
                        .sorted(
                                Comparator.comparingInt((Map.Entry<String, TensorType> e) ->
                                                -e.getValue().dtype().bytes())
                                        .thenComparing(Map.Entry::getKey))
                        .toList();
        for (Map.Entry<String, TensorType> e : order) {
            entries.add(new Entry(e.getKey(), e.getValue(), at));
            at += e.getValue().bytes();
        }
        return new Header(0, entries, new TreeMap<>(metadata));
    }

    /// UTF-8 has no halves of characters, which Java's strings may hold.
    private static void requireText(String what, String text) {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new NacreException(
                    "safetensors: "
                            + what
                            + " holds half a character (a lone surrogate), which no file can: "
                            + text.codePoints()
                                    .limit(40)
                                    .filter(c -> c < 0xD800 || c > 0xDFFF)
                                    .collect(
                                            StringBuilder::new,
                                            StringBuilder::appendCodePoint,
                                            StringBuilder::append));
        }
    }

    /// What is written can be read: the header is read back, by the usual [Budget], before a file is touched.
    byte[] checked(Path path) {
        byte[] out = encode();
        long bytes = entries.stream().mapToLong(Entry::end).max().orElse(0);
        byte[] json = Arrays.copyOfRange(out, 8, out.length);
        Header again = decode(path, json, bytes, SafeTensors.tally(path, Budget.usual()));
        if (!again.metadata.equals(metadata)
                || !Set.copyOf(again.entries).equals(Set.copyOf(entries))) {
            throw new FormatException(
                    SafeTensors.NAME, path, "could not be read back as it would be written");
        }
        return out;
    }

    /// Length and header, padded with spaces so that the elements begin at a multiple of 64.
    private byte[] encode() {
        ByteArrayOutputStream json = new ByteArrayOutputStream();
        try (JsonGenerator g = JSON.createGenerator(json)) {
            g.writeStartObject();
            if (!metadata.isEmpty()) {
                g.writeObjectFieldStart(METADATA);
                for (Map.Entry<String, String> e : metadata.entrySet()) {
                    g.writeStringField(e.getKey(), e.getValue());
                }
                g.writeEndObject();
            }
            for (Entry e : entries) {
                g.writeObjectFieldStart(e.name);
                g.writeStringField("dtype", NAMES.get(e.type.dtype()));
                g.writeFieldName("shape");
                long[] shape = e.type.shape().toArray();
                g.writeArray(shape, 0, shape.length);
                g.writeFieldName("data_offsets");
                g.writeArray(new long[] {e.begin, e.end()}, 0, 2);
                g.writeEndObject();
            }
            g.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        int length = Math.ceilDiv(8 + json.size(), ALIGNMENT) * ALIGNMENT - 8;
        if (length > LONGEST) {
            throw new NacreException(
                    "safetensors: the header would have "
                            + length
                            + " bytes, more than the format's "
                            + LONGEST);
        }
        byte[] out = new byte[8 + length];
        Arrays.fill(out, (byte) ' ');
        ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put(json.toByteArray());
        return out;
    }

    /// @param available how many bytes of elements the file has
    static Header decode(Path path, byte[] json, long available, Budget.Tally tally) {
        if (json[0] != '{') {
            throw new FormatException(
                    SafeTensors.NAME,
                    path,
                    foreign(
                            ByteBuffer.allocate(16)
                                    .order(ByteOrder.LITTLE_ENDIAN)
                                    .putLong(json.length)
                                    .put(json, 0, Math.min(8, json.length))
                                    .array(),
                            json.length,
                            available + json.length + 8));
        }
        tally.claim(TEXT_BYTES * json.length, "a header of " + json.length + " bytes");
        List<Raw> raws = new ArrayList<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        try (JsonParser p = JSON.createParser(json)) {
            p.nextToken();
            while (next(p, JsonToken.FIELD_NAME)) {
                String name = p.currentName();
                if (name.equals(METADATA)) {
                    readMetadata(p, metadata);
                } else {
                    tally.claim(TENSOR_BYTES, "the names and types of tensors");
                    raws.add(readTensor(p, name));
                }
            }
            if (p.nextToken() != null) {
                throw new JsonParseException(p, "there is more after the header's end");
            }
        } catch (IOException e) {
            String where =
                    e instanceof StreamReadException r && r.getLocation() != null
                            ? " near byte " + (8 + r.getLocation().getByteOffset())
                            : "";
            String why =
                    e instanceof StreamReadException r
                            ? FormatException.withoutAdvice(r.getOriginalMessage())
                            : String.valueOf(e.getMessage());
            throw new FormatException(
                    SafeTensors.NAME, path, "has a broken header" + where + ": " + why);
        }
        return checked(path, raws, metadata, 8L + json.length, available);
    }

    private static boolean next(JsonParser p, JsonToken wanted) throws IOException {
        JsonToken t = p.nextToken();
        if (t == null) {
            throw new JsonParseException(p, "it ends too early");
        }
        if (t == JsonToken.END_OBJECT || t == JsonToken.END_ARRAY) {
            return false;
        }
        if (t != wanted) {
            throw new JsonParseException(
                    p,
                    "found "
                            + p.getText()
                            + " where "
                            + (wanted == JsonToken.VALUE_STRING
                                    ? "text"
                                    : wanted == JsonToken.VALUE_NUMBER_INT
                                            ? "a whole number"
                                            : "a name")
                            + " was expected");
        }
        return true;
    }

    private static void enter(JsonParser p, JsonToken start, String what) throws IOException {
        if (p.nextToken() != start) {
            throw new JsonParseException(
                    p,
                    what
                            + " must be "
                            + (start == JsonToken.START_OBJECT ? "an object" : "an array"));
        }
    }

    private static void readMetadata(JsonParser p, Map<String, String> to) throws IOException {
        enter(p, JsonToken.START_OBJECT, METADATA);
        while (next(p, JsonToken.FIELD_NAME)) {
            String key = p.currentName();
            if (!next(p, JsonToken.VALUE_STRING)) {
                throw new JsonParseException(p, METADATA + " must hold text only");
            }
            to.put(key, p.getText());
        }
    }

    private static Raw readTensor(JsonParser p, String name) throws IOException {
        String dtype = "";
        List<Long> shape = List.of();
        List<Long> offsets = List.of();
        int seen = 0;
        enter(p, JsonToken.START_OBJECT, "'" + name + "'");
        while (next(p, JsonToken.FIELD_NAME)) {
            switch (p.currentName()) {
                case "dtype" -> {
                    if (!next(p, JsonToken.VALUE_STRING)) {
                        throw new JsonParseException(p, "dtype of '" + name + "' must be text");
                    }
                    dtype = p.getText();
                    seen |= 1;
                }
                case "shape" -> {
                    shape = readNumbers(p, "shape of '" + name + "'");
                    seen |= 2;
                }
                case "data_offsets" -> {
                    offsets = readNumbers(p, "data_offsets of '" + name + "'");
                    seen |= 4;
                }
                default ->
                        throw new JsonParseException(
                                p,
                                "'"
                                        + name
                                        + "' has an unknown attribute '"
                                        + p.currentName()
                                        + "'");
            }
        }
        if (seen != 7) {
            throw new JsonParseException(
                    p,
                    "'"
                            + name
                            + "' lacks "
                            + ((seen & 1) == 0
                                    ? "dtype"
                                    : (seen & 2) == 0 ? "shape" : "data_offsets"));
        }
        return new Raw(name, dtype, shape, offsets);
    }

    private static List<Long> readNumbers(JsonParser p, String what) throws IOException {
        enter(p, JsonToken.START_ARRAY, what);
        List<Long> out = new ArrayList<>();
        while (next(p, JsonToken.VALUE_NUMBER_INT)) {
            if (out.size() == MOST_RANK) {
                throw new JsonParseException(p, what + " has more than " + MOST_RANK + " numbers");
            }
            out.add(p.getLongValue());
        }
        return out;
    }

    private static Header checked(
            Path path, List<Raw> raws, Map<String, String> metadata, long start, long available) {
        List<String> problems = new ArrayList<>(); // all of them counted, the first ones kept
        int count = 0;
        List<Entry> entries = new ArrayList<>();
        long promised = 0;
        for (Raw r : raws) {
            promised = r.offsets.size() == 2 ? Math.max(promised, r.offsets.get(1)) : promised;
            String problem = problem(r, entries);
            if (!problem.isEmpty() && ++count <= MOST_PROBLEMS) {
                problems.add("'" + shortened(r.name) + "' " + problem);
            }
        }
        entries.sort(Comparator.comparingLong(Entry::begin).thenComparing(Entry::end));
        long at = 0;
        for (Entry e : entries) {
            if (problems.isEmpty() && e.begin != at) {
                count++;
                problems.add(
                        "'"
                                + shortened(e.name)
                                + "' begins at byte "
                                + e.begin
                                + (e.begin < at
                                        ? ", inside the tensor before it, which ends at "
                                        : ", leaving a gap after ")
                                + at);
            }
            at = e.end();
        }
        if (problems.isEmpty() && available > at) {
            count++;
            problems.add((available - at) + " bytes after the last tensor belong to none");
        }
        if (problems.isEmpty() && promised > available) {
            throw new FormatException(
                    SafeTensors.NAME,
                    path,
                    "is cut short: its tensors take "
                            + promised
                            + " bytes, but "
                            + available
                            + " are there");
        }
        if (!problems.isEmpty()) {
            String more =
                    count > MOST_PROBLEMS ? "\n  and " + (count - MOST_PROBLEMS) + " more" : "";
            throw new FormatException(
                    SafeTensors.NAME,
                    path,
                    "has a broken header:\n  " + String.join("\n  ", problems) + more);
        }
        return new Header(start, List.copyOf(entries), Collections.unmodifiableMap(metadata));
    }

    private static String shortened(String name) {
        return name.length() > 200 ? name.substring(0, 200) + "…" : name;
    }

    /// What is wrong with a tensor by itself; if nothing, it is added to the entries.
    private static String problem(Raw r, List<Entry> entries) {
        DType dtype =
                NAMES.entrySet().stream()
                        .filter(e -> e.getValue().equals(r.dtype))
                        .map(Map.Entry::getKey)
                        .findFirst()
                        .orElse(null);
        if (dtype == null) {
            return "has elements of type "
                    + shortened(r.dtype)
                    + "; known are "
                    + String.join(", ", SafeTensors.names());
        }
        if (r.shape.stream().anyMatch(s -> s < 0)) {
            return "has a negative size: " + r.shape;
        }
        if (r.offsets.size() != 2 || r.offsets.get(0) < 0 || r.offsets.get(1) < r.offsets.get(0)) {
            return "has data_offsets that are no range: " + r.offsets;
        }
        try {
            TensorType type =
                    new TensorType(dtype, Shape.of(r.shape.stream().mapToLong(s -> s).toArray()));
            if (!type.shape().isAddressable(dtype.bytes())) {
                return "has more elements than fit: " + r.shape;
            }
            long bytes = Math.multiplyExact(type.shape().count(), (long) dtype.bytes());
            if (bytes != r.offsets.get(1) - r.offsets.get(0)) {
                return "is "
                        + type
                        + ", which takes "
                        + bytes
                        + " bytes, but has "
                        + (r.offsets.get(1) - r.offsets.get(0));
            }
            entries.add(new Entry(r.name, type, r.offsets.getFirst()));
            return "";
        } catch (ArithmeticException | ShapeException _) {
            return "has more elements than fit: " + r.shape;
        }
    }

    /// Says what a file that is no safetensors file seems to be.
    ///
    /// @param first its first bytes
    static String foreign(byte[] first, long length, long size) {
        String text = new String(first, StandardCharsets.ISO_8859_1);
        String kind =
                text.startsWith("PK\3\4")
                        ? "a zip archive, as PyTorch's .pt and Keras's .keras files are"
                        : text.startsWith("\u0089HDF")
                                ? "an HDF5 file, as Keras's .h5 files are"
                                : text.startsWith("\u0093NUMPY")
                                        ? "a NumPy .npy file"
                                        : text.startsWith("GGUF")
                                                ? "a GGUF file"
                                                : text.startsWith("\u0080")
                                                        ? "a Python pickle"
                                                        : text.startsWith("\u0089PNG")
                                                                ? "a PNG image"
                                                                : "";
        if (!kind.isEmpty()) {
            return "is no safetensors file, but " + kind;
        }
        if (length > size - 8 && length <= LONGEST && length > 0) {
            return "is no safetensors file, or cut short: its header should have "
                    + length
                    + " bytes, but the file has only "
                    + size;
        }
        return "is no safetensors file: its first 8 bytes are not the length of a header";
    }
}
