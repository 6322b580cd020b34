package dev.nacre.cli;

import dev.nacre.Rng;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.models.Gpt;
import dev.nacre.nn.data.Characters;
import dev.nacre.type.NacreException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// A network that writes characters, with all that is needed to use it and to know where it comes from: a safetensors file whose metadata hold the sizes, the alphabet
/// and the provenance.
///
/// @param provenance data, hyper-parameters, version, metrics and the like
record SavedChars(
        Gpt network, Gpt.Config config, Characters characters, Map<String, String> provenance) {
    static final String FORMAT = "nacre character model 1";

    void write(Path file) {
        Map<String, Json> sizes = new LinkedHashMap<>();
        sizes.put("positions", Json.of(config.positions()));
        sizes.put("layers", Json.of(config.layers()));
        sizes.put("heads", Json.of(config.heads()));
        sizes.put("width", Json.of(config.width()));
        Map<String, Json> origin = new LinkedHashMap<>();
        provenance.forEach((k, v) -> origin.put(k, Json.of(v)));
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", FORMAT);
        metadata.put("sizes", Json.of(sizes).write());
        metadata.put("alphabet", characters.alphabet());
        metadata.put("provenance", Json.of(origin).write());
        SafeTensors.save(file, network, metadata);
    }

    static boolean isOne(Path file) {
        return FORMAT.equals(SafeTensors.metadata(file).get("format"));
    }

    /// @throws NacreException if the file's parts do not fit one another
    static SavedChars read(Path file) {
        SafeTensors.Contents content = SafeTensors.read(file);
        Map<String, String> metadata = content.metadata();
        try {
            Characters characters = new Characters(metadata.getOrDefault("alphabet", ""));
            Json sizes = Json.parse(metadata.getOrDefault("sizes", "{}"));
            Gpt.Config config =
                    new Gpt.Config(
                            characters.count(),
                            size(sizes, "positions"),
                            (int) size(sizes, "layers"),
                            (int) size(sizes, "heads"),
                            size(sizes, "width"),
                            0);
            long there =
                    content.tensors().values().stream().mapToLong(t -> t.shape().count()).sum();
            if (count(config) != there) { // so that wrong sizes ask for no memory
                throw new NacreException(
                        "its sizes make "
                                + count(config)
                                + " numbers, but the file holds "
                                + there);
            }
            Gpt network = Gpt.of(config, Rng.seed(0));
            network.load(content.tensors());
            Map<String, String> provenance = new LinkedHashMap<>();
            Json.parse(metadata.getOrDefault("provenance", "{}"))
                    .asFields()
                    .forEach((k, v) -> provenance.put(k, v.asText()));
            return new SavedChars(network, config, characters, provenance);
        } catch (NacreException e) {
            throw new NacreException("model: " + file + " is broken: " + e.getMessage(), e);
        }
    }

    private static long size(Json sizes, String key) {
        long n = sizes.member(key).asLong();
        if (n < 1 || n > 1 << 16) {
            throw new NacreException(key + " is " + n + ", which is not from 1 to " + (1 << 16));
        }
        return n;
    }

    /// How many numbers the variables of a network hold.
    private static long count(Gpt.Config c) {
        long w = c.width();
        return (2 * c.vocabulary() + c.positions()) * w
                + c.layers() * (12 * w * w + 13 * w)
                + 2 * w;
    }
}
