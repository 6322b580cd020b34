package dev.nacre.formats.safetensors;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.formats.AtomicFile;
import dev.nacre.formats.Elements;
import dev.nacre.formats.FormatException;
import dev.nacre.formats.Source;
import dev.nacre.nn.Module;
import dev.nacre.nn.data.Budget;
import dev.nacre.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Reads and writes safetensors files: 8 bytes with the header's length, the header in JSON, and the tensors' elements, little-endian and row-major
/// (https://github.com/huggingface/safetensors).
///
/// A file is written beside the old one and put in its place in one step: a process killed while saving leaves the old file or the new one, never a part. A file that is read is not
/// trusted: whatever is wrong with it ends in an error that says so, within a [Budget]. What could not be read back is not written.
public final class SafeTensors {
    static final String NAME = "safetensors";

    /// What a file holds.
    ///
    /// @param metadata text by key
    public record Contents(Map<String, Tensor> tensors, Map<String, String> metadata) {
        /// The tensors' types; their numbers are many.
        @Override
        public String toString() {
            StringBuilder out = new StringBuilder("Contents, metadata " + metadata.keySet());
            tensors.forEach(
                    (key, t) -> out.append("\n  ").append(key).append("  ").append(t.type()));
            return out.toString();
        }
    }

    private SafeTensors() {}

    /// Writes tensors by name and text by key, replacing the file in one step. Variables among them are written as they are at one moment: what is trained meanwhile, in another thread, is saved as it is
    /// between two steps.
    public static void write(
            Path path, Map<String, ? extends Tensor> given, Map<String, String> metadata) {
        Map<String, Tensor> tensors = snapshot(given);
        Tensor.realize(tensors.values().stream().toArray(Tensor[]::new));
        Map<String, TensorType> types = new LinkedHashMap<>();
        tensors.forEach((k, t) -> types.put(k, t.type()));
        Header header = Header.of(types, metadata);
        byte[] first = header.checked(path);
        AtomicFile.write(
                NAME,
                path,
                out -> {
                    AtomicFile.write(out, ByteBuffer.wrap(first));
                    for (Header.Entry e : header.entries()) {
                        Tensor t = tensors.get(e.name());
                        AtomicFile.write(out, t.toSegment());
                        java.lang.ref.Reference.reachabilityFence(t);
                    }
                });
    }

    private static Map<String, Tensor> snapshot(Map<String, ? extends Tensor> given) {
        Map<String, Tensor> out = new LinkedHashMap<>(given);
        List<Variable> variables = new ArrayList<>();
        for (Tensor t : given.values()) {
            if (t instanceof Variable v) {
                variables.add(v);
            }
        }
        Iterator<Tensor> values = Variable.snapshot(variables).iterator();
        out.replaceAll((_, t) -> t instanceof Variable ? values.next() : t);
        return out;
    }

    /// Reads all tensors and the text, the header by the usual [Budget]. Tensors take what they say, which must be in the file, of the memory for tensors.
    public static Contents read(Path path) {
        return read(path, Budget.usual());
    }

    /// Reads all tensors and the text with a budget of choice: a byte of the header takes 5, a tensor 640 more.
    public static Contents read(Path path, Budget budget) {
        return Source.read(
                NAME,
                path,
                file -> {
                    Header header = header(path, file, tally(path, budget));
                    Map<String, Tensor> tensors = new LinkedHashMap<>();
                    for (Header.Entry e : header.entries()) {
                        MemorySegment bytes =
                                file.bytes().asSlice(header.start() + e.begin(), e.type().bytes());
                        tensors.put(e.name(), Elements.tensor(e.type(), bytes));
                    }
                    return new Contents(Collections.unmodifiableMap(tensors), header.metadata());
                });
    }

    /// The types of a file's tensors, without reading their elements.
    public static Map<String, TensorType> types(Path path) {
        Map<String, TensorType> out = new LinkedHashMap<>();
        header(path).entries().forEach(e -> out.put(e.name(), e.type()));
        return out;
    }

    /// A file's text, without reading the tensors.
    public static Map<String, String> metadata(Path path) {
        return header(path).metadata();
    }

    private static Header header(Path path) {
        return Source.read(NAME, path, file -> header(path, file, tally(path, Budget.usual())));
    }

    static Budget.Tally tally(Path path, Budget budget) {
        return budget.begin(problem -> new FormatException(NAME, path, problem));
    }

    private static Header header(Path path, Source file, Budget.Tally tally) {
        long size = file.size();
        if (size < 8) {
            throw new FormatException(
                    NAME,
                    path,
                    size == 0
                            ? "is empty"
                            : "is no safetensors file: it has only " + size + " bytes");
        }
        byte[] first = file.bytes(0, 8);
        long n = ByteBuffer.wrap(first).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (n < 2 || n > Header.LONGEST || n > size - 8) {
            throw new FormatException(NAME, path, Header.foreign(first, n, size));
        }
        tally.claim(n, "a header of " + n + " bytes");
        return Header.decode(path, file.bytes(8, (int) n), size - 8 - n, tally);
    }

    /// Writes a model's state under PyTorch's keys.
    public static void save(Path path, Module model, Map<String, String> metadata) {
        write(path, model.state(), metadata);
    }

    /// Writes a model's state under PyTorch's keys.
    public static void save(Path path, Module model) {
        save(path, model, Map.of());
    }

    /// Reads a state into a model. If any key is missing, unexpected or of another shape, the error lists all of them and the model is as before.
    ///
    /// @return the file's text
    public static Map<String, String> load(Path path, Module model) {
        Contents c = read(path);
        model.load(c.tensors());
        return c.metadata();
    }

    /// The names of the element types that can be read.
    static List<String> names() {
        return Header.NAMES.values().stream().sorted().toList();
    }
}
