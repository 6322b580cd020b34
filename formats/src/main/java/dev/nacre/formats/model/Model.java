package dev.nacre.formats.model;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.formats.FormatException;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.LanguageModel;
import dev.nacre.nn.Module;
import dev.nacre.nn.Sampling;
import dev.nacre.nn.Tree;
import dev.nacre.nn.data.Budget;
import dev.nacre.nn.data.Image;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import dev.nacre.type.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// A network with all that is needed to use it and to know where it comes from, and the file that holds it.
///
/// ```java
/// Model.of(network, Input.Images.of(set.preprocessing())).labels(set.classes()).write(path);   // after training
///
/// var model = Model.read(path);                                                          // in a service, once
/// var answer = model.predict(Image.read(picture));                                       // in any thread, often
/// IO.println(answer.label() + " " + answer.probability());
/// ```
///
/// The file is a safetensors file, which other tools open too: the tensors under their keys in [Module#state()], and as metadata, in JSON, the architecture (the network's records with their components),
/// the input, the labels and the provenance. Reading it makes objects of records and enums of Nacre's packages, and of the classes that the caller names, by their canonical constructors; it
/// runs no code of the file, which holds none. What is written has been read back before; replacing a file happens in one step.
///
/// Thread-safe, as long as nobody changes the network's variables. The first call for a batch size compiles (some tenths of a second); [#warmUp] does that before the first request comes. A list of
/// examples is worked on in batches of powers of two, so few sizes are ever compiled.
/// The numbers of an example are the same at each call of the same batch size, in any thread and process on the same kind of processor; between batch sizes they may differ in the last digits.
public final class Model {
    private static final String FORMAT = "nacre model";
    private static final long VERSION = 1;
    private static final Set<String> EARLIER =
            Set.of("nacre image classifier 1", "nacre character model 1");
    private static final int LARGEST_BATCH = 64;

    private final Module network;
    private final Input input;
    private final Output output;
    private final List<String> labels;
    private final Map<String, String> provenance;
    private final Function scores;

    private Model(
            Module network,
            Input input,
            Output output,
            List<String> labels,
            Map<String, String> provenance) {
        this.network = network;
        this.input = input;
        this.output = output;
        this.labels = List.copyOf(labels);
        this.provenance = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(provenance));
        this.scores = Function.of((Tensor x) -> scoresOf(x));
    }

    /// A network whose outputs are scores (logits), not probabilities; of a Keras model the layers, and probabilities where it ends in softmax or sigmoid.
    public static Model of(Module network, Input input) {
        return network instanceof dev.nacre.nn.keras.Sequential k
                ? new Model(
                        k.stack(),
                        input,
                        k.givesProbabilities() ? Output.PROBABILITIES : Output.LOGITS,
                        List.of(),
                        Map.of())
                : new Model(network, input, Output.LOGITS, List.of(), Map.of());
    }

    /// With another meaning of what the network gives.
    public Model output(Output output) {
        return new Model(network, input, output, labels, provenance);
    }

    /// With names of the classes.
    public Model labels(List<String> labels) {
        return new Model(network, input, output, labels, provenance);
    }

    /// With data, hyper-parameters, versions, metrics and the like, for people.
    public Model provenance(Map<String, String> provenance) {
        return new Model(network, input, output, labels, provenance);
    }

    public Module network() {
        return network;
    }

    public Input input() {
        return input;
    }

    public Output output() {
        return output;
    }

    public List<String> labels() {
        return labels;
    }

    public Map<String, String> provenance() {
        return provenance;
    }

    // ---------------------------------------------------------------------------------------------------- files

    /// Writes the file, replacing it in one step.
    ///
    /// @throws NacreException if the network has parts that are no records (it says which), or the parts of the model do not fit one another
    public void write(Path path) {
        try {
            checkFit();
        } catch (NacreException e) {
            throw new NacreException("model: cannot be written: " + e.getMessage(), e);
        }
        Map<String, Variable> state = network.state();
        Writing w = new Writing(state);
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", FORMAT);
        metadata.put("version", Long.toString(VERSION));
        metadata.put("architecture", w.of("", network).write());
        metadata.put("input", w.of("input", input).write());
        metadata.put("output", output.name());
        metadata.put("labels", Json.of(labels.stream().map(Json::of).toList()).write());
        Map<String, Json> origin = new LinkedHashMap<>();
        provenance.forEach((k, v) -> origin.put(k, Json.of(v)));
        metadata.put("provenance", Json.of(origin).write());
        List<String> others =
                w.classes().stream()
                        .filter(c -> c != input.getClass())
                        .map(Class::getName)
                        .toList();
        try {
            Budget.Tally tally = Budget.usual().begin(NacreException::new);
            decoded(metadata, Map.copyOf(state), Classes.of(withInput(w.classes())), tally);
        } catch (NacreException e) {
            throw new NacreException(
                    "model: cannot be written, for it could not be read back: " + e.getMessage(),
                    e);
        }
        if (!others.isEmpty()) {
            metadata.put("classes", String.join(" ", others));
        }
        SafeTensors.write(path, state, metadata);
    }

    private static List<Class<?>> withInput(Collection<? extends Class<?>> named) {
        List<Class<?>> out = new ArrayList<>(named);
        out.add(Input.class);
        return out;
    }

    /// Reads a file that [#write] has made.
    ///
    /// @param known classes that the file may hold besides Nacre's own: the program's modules. Those of their components need not be named
    /// @throws NacreException if it is no such file, or is broken, or holds classes that are not known here
    public static Model read(Path path, Class<?>... known) {
        return read(path, Budget.usual(), known);
    }

    /// Reads a file with a budget of choice, which is for the description; tensors take what is in the file.
    public static Model read(Path path, Budget budget, Class<?>... known) {
        SafeTensors.Contents c = SafeTensors.read(path, budget);
        Map<String, String> metadata = c.metadata();
        String format = metadata.getOrDefault("format", "");
        if (EARLIER.contains(format)) {
            throw new FormatException(
                    "model",
                    path,
                    "was saved by an earlier Nacre ('"
                            + format
                            + "')\n"
                            + "  hint: train it again, or load its weights with SafeTensors.load");
        }
        if (!format.equals(FORMAT)) {
            throw new FormatException(
                    "model",
                    path,
                    "holds tensors, but is no model: its format is '"
                            + format
                            + "', not '"
                            + FORMAT
                            + "'");
        }
        if (!metadata.getOrDefault("version", "").equals(Long.toString(VERSION))) {
            throw new FormatException(
                    "model",
                    path,
                    "has version '"
                            + metadata.getOrDefault("version", "")
                            + "' of the format; this Nacre reads version "
                            + VERSION);
        }
        try {
            Classes classes = Classes.of(withInput(List.of(known)));
            Budget.Tally tally = budget.begin(NacreException::new);
            Model m = decoded(metadata, c.tensors(), classes, tally);
            m.checkFit();
            return m;
        } catch (NacreException e) {
            throw new FormatException("model", path, "is broken: " + e.getMessage(), e);
        } catch (RuntimeException | StackOverflowError e) { // what constructors may throw
            throw new FormatException("model", path, "is broken: " + e, e);
        }
    }

    private static Model decoded(
            Map<String, String> metadata,
            Map<String, Tensor> tensors,
            Classes classes,
            Budget.Tally tally) {
        Reading r = new Reading(classes, tensors);
        Object network = part(metadata, "architecture", tally, j -> r.of("", j, Module.class));
        Object input = part(metadata, "input", tally, j -> r.of("input", j, Input.class));
        List<String> labels =
                part(
                        metadata,
                        "labels",
                        tally,
                        j -> j.asItems().stream().map(Json::asText).toList());
        Map<String, String> provenance = new LinkedHashMap<>();
        part(
                metadata,
                "provenance",
                tally,
                j -> {
                    j.asFields().forEach((k, v) -> provenance.put(k, v.asText()));
                    return provenance;
                });
        Output output;
        try {
            output = Output.valueOf(metadata.getOrDefault("output", ""));
        } catch (IllegalArgumentException _) {
            throw new NacreException("its output is '" + metadata.get("output") + "'");
        }
        checkKeys((Module) network, r.keys(), tensors);
        return new Model((Module) network, (Input) input, output, labels, provenance);
    }

    private static <T> T part(
            Map<String, String> metadata,
            String key,
            Budget.Tally tally,
            java.util.function.Function<Json, T> read) {
        if (!metadata.containsKey(key)) {
            throw new NacreException("its metadata lack '" + key + "'");
        }
        Json json;
        try {
            json = Json.parse(metadata.get(key), tally);
            return read.apply(json);
        } catch (NacreException e) {
            throw new NacreException("its " + key + ": " + e.getMessage(), e);
        }
    }

    /// Every tensor has its place, under its own key.
    static void checkKeys(Module network, Set<String> used, Map<String, Tensor> tensors) {
        Map<String, Variable> state = Tree.of(network).state();
        Map<String, Tensor> rest = new LinkedHashMap<>(tensors);
        rest.keySet().removeAll(used);
        for (String key : List.copyOf(rest.keySet())) {
            if (state.containsKey(key)) { // of a part that is no variable in the description
                Tree.load("the model", Map.of(key, state.get(key)), Map.of(key, rest.get(key)));
                rest.remove(key);
            }
        }
        Set<String> lacking = new TreeSet<>(used);
        lacking.removeAll(state.keySet());
        if (!rest.isEmpty() || !lacking.isEmpty()) {
            throw new NacreException(
                    "tensors and architecture do not fit: "
                            + (rest.isEmpty() ? lacking : rest.keySet())
                                    .stream().limit(10).toList());
        }
    }

    // ---------------------------------------------------------------------------------------------------- shapes

    /// Throws unless input, network and labels fit one another. Nothing is computed.
    private void checkFit() {
        Tensor example =
                switch (input) {
                    case Input.Images i -> Tensor.symbol("images", DType.F32, sizes(i, 1));
                    case Input.Text _ -> Tensor.symbol("text", DType.I64, 1, 1);
                    case Input.Numbers n -> Tensor.symbol("x", DType.F32, sizes(n, 1));
                };
        Budget.usual()
                .begin(problem -> new NacreException("an example " + problem))
                .claim("of " + example.shape(), 4, example.shape().toArray());
        Tensor y = network.forward(example);
        if (input instanceof Input.Text t) {
            long kinds = t.characters().count();
            if (!y.shape().equals(Shape.of(1, 1, kinds))) {
                throw new NacreException(
                        "its network gives " + y.shape() + " for one of " + kinds + " characters");
            }
        } else if (output != Output.NUMBERS) {
            boolean binary = labels.size() == 2 && y.rank() == 2 && y.size(1) == 1;
            if (y.rank() != 2
                    || y.size(0) != 1
                    || !binary && !labels.isEmpty() && y.size(1) != labels.size()) {
                throw new NacreException(
                        "its network gives "
                                + y.shape()
                                + " for one example, but there are "
                                + labels.size()
                                + " classes");
            }
        }
    }

    private static long[] sizes(Input.Images i, long n) {
        Preprocessing p = i.preprocessing();
        return i.channelsLast()
                ? new long[] {n, p.height(), p.width(), p.channels()}
                : new long[] {n, p.channels(), p.height(), p.width()};
    }

    private static long[] sizes(Input.Numbers numbers, long n) {
        long[] out = new long[numbers.sizes().size() + 1];
        out[0] = n;
        for (int i = 1; i < out.length; i++) {
            out[i] = numbers.sizes().get(i - 1);
        }
        return out;
    }

    // ---------------------------------------------------------------------------------------------------- use

    private Tensor scoresOf(Tensor x) {
        Tensor y = network.forward(x);
        boolean binary = y.rank() == 2 && y.size(1) == 1 && labels.size() == 2;
        Tensor p =
                switch (output) {
                    case LOGITS -> binary ? y.sigmoid() : y.softmax(-1);
                    case PROBABILITIES, NUMBERS -> y;
                };
        return binary && output != Output.NUMBERS ? p.neg().add(1).concat(1, p) : p;
    }

    /// What the network says of a picture of any size, grey or colour.
    public Prediction predict(Image image) {
        return predict(List.of(image)).getFirst();
    }

    /// What the network says of pictures, in their order.
    public List<Prediction> predict(List<Image> images) {
        if (!(input instanceof Input.Images i)) {
            throw wrongInput("predict", "pictures");
        }
        List<Tensor> examples = new ArrayList<>();
        for (Image image : images) {
            Tensor x = i.preprocessing().apply(image);
            examples.add((i.channelsLast() ? x.permute(0, 2, 3, 1) : x).realize());
        }
        List<Prediction> out = new ArrayList<>();
        for (int from = 0; from < examples.size(); from += LARGEST_BATCH) {
            out.addAll(
                    batch(examples.subList(from, Math.min(examples.size(), from + LARGEST_BATCH))));
        }
        return out;
    }

    /// Up to a power of two of examples; the last one again and again where there are fewer.
    private List<Prediction> batch(List<Tensor> examples) {
        int size = Integer.highestOneBit(Math.max(1, 2 * examples.size() - 1));
        List<Tensor> all = new ArrayList<>(examples);
        while (all.size() < size) {
            all.add(examples.getLast());
        }
        Tensor x = size == 1 ? all.getFirst() : Tensor.concat(0, all.toArray(Tensor[]::new));
        return predictions(x.realize()).subList(0, examples.size());
    }

    /// What the network says of examples of numbers: f32 `[n, sizes…]`.
    public List<Prediction> predict(Tensor examples) {
        if (!(input instanceof Input.Numbers n)) {
            throw wrongInput("predict", "numbers");
        }
        Problem p = Problem.in("predict").operand("examples", examples.type(), examples::origin);
        long count = examples.rank() > 0 ? examples.size(0) : 1;
        p.require(
                examples.shape().equals(Shape.of(sizes(n, count))),
                "examples must be [n"
                        + n.sizes().stream().map(s -> ", " + s).reduce("", String::concat)
                        + "]");
        if (examples.shape().equals(Shape.of(sizes(n, 1)).range(1, n.sizes().size() + 1))) {
            p.hint("examples.unsqueeze(0) is a batch of one example");
        }
        p.throwShape();
        return count == 0 ? List.of() : predictions(examples.cast(DType.F32).realize());
    }

    private List<Prediction> predictions(Tensor x) {
        Tensor y = scores.apply(x);
        float[] all = y.cast(DType.F32).toFloatArray();
        int n = Math.toIntExact(x.size(0));
        int each = all.length / n;
        List<String> names =
                labels.size() == each
                        ? labels
                        : IntStream.range(0, each).mapToObj(Integer::toString).toList();
        List<Prediction> out = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            out.add(
                    new Prediction(
                            names, java.util.Arrays.copyOfRange(all, i * each, (i + 1) * each)));
        }
        return out;
    }

    /// A text that goes on with so many more characters. The same seed gives the same text.
    public String generate(String prompt, int count, Sampling how, long seed) {
        if (!(input instanceof Input.Text t) || !(network instanceof LanguageModel m)) {
            throw wrongInput("generate", "text");
        }
        if (prompt.isEmpty() || count < 0) {
            throw new NacreException(
                    "generate: needs a prompt of at least one character and a count of at least 0,"
                            + " but the count is "
                            + count
                            + (prompt.isEmpty() ? " and the prompt is empty" : ""));
        }
        Tensor tokens = t.characters().encode(prompt).unsqueeze(0);
        return t.characters().decode(m.generate(tokens, count, how, Rng.seed(seed)).select(0, 0));
    }

    private NacreException wrongInput(String what, String wanted) {
        String mine =
                switch (input) {
                    case Input.Images _ -> "pictures";
                    case Input.Text _ -> "text";
                    case Input.Numbers n -> "numbers, " + n.sizes() + " for an example";
                };
        return new NacreException(what + ": the model takes " + mine + ", not " + wanted);
    }

    /// Compiles what batches of these sizes will need, so that the first request is as fast as the others. Without sizes, for one example at a time.
    public Model warmUp(int... batches) {
        for (int n : batches.length == 0 ? new int[] {1} : batches) {
            if (n < 1) {
                throw new NacreException("warmUp: a batch must have examples, but has " + n);
            }
            Optional<long[]> sizes =
                    switch (input) {
                        case Input.Images i ->
                                Optional.of(
                                        sizes(
                                                i,
                                                Integer.highestOneBit(
                                                        2 * Math.min(n, LARGEST_BATCH) - 1)));
                        case Input.Numbers x -> Optional.of(sizes(x, n));
                        case Input.Text t -> {
                            String first = t.characters().alphabet();
                            generate(
                                    first.substring(0, first.offsetByCodePoints(0, 1)),
                                    1,
                                    Sampling.GREEDY,
                                    0);
                            yield Optional.empty();
                        }
                    };
            sizes.ifPresent(s -> scores.apply(Tensor.zeros(s).realize()));
        }
        return this;
    }

    @Override
    public String toString() {
        return "model: "
                + network.getClass().getSimpleName()
                + " with "
                + network.parameterCount()
                + " parameters"
                + (labels.isEmpty() ? "" : ", " + labels.size() + " classes");
    }
}
