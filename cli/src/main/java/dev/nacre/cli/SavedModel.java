package dev.nacre.cli;

import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.type.NacreException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A network that classifies images, with all that is needed to use it and to know where it comes from. The file is a safetensors file whose metadata hold
/// the architecture, the preprocessing, the names of the classes and the provenance as JSON.
///
/// @param provenance data, hyper-parameters, version, metrics and the like
record SavedModel(
        ModelSpec spec,
        Sequential network,
        Preprocessing preprocessing,
        List<String> classes,
        Map<String, String> provenance) {
    private static final String FORMAT = "nacre image classifier 1";

    void write(Path file) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", FORMAT);
        metadata.put("architecture", Specs.toJson(spec).write());
        metadata.put("preprocessing", Specs.toJson(preprocessing).write());
        metadata.put("classes", Json.of(classes.stream().map(Json::of).toList()).write());
        Map<String, Json> origin = new LinkedHashMap<>();
        provenance.forEach((k, v) -> origin.put(k, Json.of(v)));
        metadata.put("provenance", Json.of(origin).write());
        SafeTensors.save(file, network, metadata);
    }

    /// @throws NacreException if the file is no safetensors file, or not one of this kind, or its parts do not fit one another
    static SavedModel read(Path file) {
        SafeTensors.Contents content = SafeTensors.read(file);
        Map<String, String> metadata = content.metadata();
        if (!FORMAT.equals(metadata.get("format"))) {
            throw new NacreException(
                    "model: "
                            + file
                            + " was not saved by 'nacre train': its format is '"
                            + metadata.getOrDefault("format", "")
                            + "', not '"
                            + FORMAT
                            + "'");
        }
        try {
            ModelSpec spec = part(metadata, "architecture", Specs::model);
            Preprocessing preprocessing = part(metadata, "preprocessing", Specs::preprocessing);
            List<String> classes =
                    part(metadata, "classes", j -> j.asItems().stream().map(Json::asText).toList());
            Map<String, String> provenance = part(metadata, "provenance", SavedModel::texts);
            requireSize(spec, content.tensors());
            Sequential network = spec.build(Rng.seed(0));
            network.load(content.tensors());
            return new SavedModel(spec, network, preprocessing, classes, provenance).checked();
        } catch (NacreException e) {
            throw new NacreException("model: " + file + " is broken: " + e.getMessage(), e);
        }
    }

    private static <T> T part(
            Map<String, String> metadata, String key, java.util.function.Function<Json, T> read) {
        if (!metadata.containsKey(key)) {
            throw new NacreException("its metadata lack '" + key + "'");
        }
        try {
            return read.apply(Json.parse(metadata.get(key)));
        } catch (NacreException e) {
            throw new NacreException("its " + key + ": " + e.getMessage(), e);
        }
    }

    private static Map<String, String> texts(Json json) {
        Map<String, String> out = new LinkedHashMap<>();
        json.asFields().forEach((k, v) -> out.put(k, v.asText()));
        return out;
    }

    /// So that a wrong architecture asks for no memory.
    private static void requireSize(ModelSpec spec, Map<String, Tensor> tensors) {
        long there = tensors.values().stream().mapToLong(t -> t.shape().count()).sum();
        if (spec.size() != there) {
            throw new NacreException(
                    "its architecture has "
                            + spec.size()
                            + " numbers, but the file holds "
                            + there);
        }
    }

    /// With architecture, preprocessing and classes that fit one another.
    private SavedModel checked() {
        Tensor image =
                Tensor.zeros(
                        1, preprocessing.channels(), preprocessing.height(), preprocessing.width());
        Tensor logits = network.forward(image);
        if (logits.rank() != 2 || logits.size(1) != classes.size()) {
            throw new NacreException(
                    "its network gives "
                            + logits.shape()
                            + " for one image, but there are "
                            + classes.size()
                            + " classes");
        }
        return this;
    }
}
