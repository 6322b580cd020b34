package dev.nacre.cli;

import dev.nacre.cli.ModelSpec.Layer;
import dev.nacre.nn.data.Preprocessing;
import dev.nacre.type.NacreException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Architecture and preprocessing as JSON:
///
/// ```json
/// [{"layer":"conv2d","in":1,"out":16,"kernel":3},{"layer":"relu"},{"layer":"max_pool2d","window":2}]
/// ```
final class Specs {
    /// No layer is wider; a larger number comes of a broken file.
    private static final long WIDEST = 1 << 20;

    private Specs() {}

    static Json toJson(ModelSpec spec) {
        return Json.of(spec.layers().stream().map(Specs::toJson).toList());
    }

    private static Json toJson(Layer layer) {
        return switch (layer) {
            case ModelSpec.Conv(long in, long out, long kernel) ->
                    object("conv2d", "in", in, "out", out, "kernel", kernel);
            case ModelSpec.Norm(long features) -> object("batch_norm2d", "features", features);
            case ModelSpec.Dense(long in, long out) -> object("linear", "in", in, "out", out);
            case ModelSpec.Relu() -> object("relu");
            case ModelSpec.Pool(long window) -> object("max_pool2d", "window", window);
            case ModelSpec.Flat() -> object("flatten");
            case ModelSpec.Drop(double p) -> object("dropout", "p", p);
            case ModelSpec.Block(long in, long out, long stride) ->
                    object("basic_block", "in", in, "out", out, "stride", stride);
            case ModelSpec.Mean() -> object("mean_pool2d");
        };
    }

    private static Json object(String layer, Object... members) {
        Map<String, Json> out = new LinkedHashMap<>();
        out.put("layer", Json.of(layer));
        for (int i = 0; i < members.length; i += 2) {
            out.put(
                    (String) members[i],
                    members[i + 1] instanceof Long n
                            ? Json.of(n)
                            : Json.of((double) members[i + 1]));
        }
        return Json.of(out);
    }

    static ModelSpec model(Json json) {
        List<Layer> layers = new ArrayList<>();
        for (Json layer : json.asItems()) {
            layers.add(layer(layer));
        }
        return new ModelSpec(layers);
    }

    private static Layer layer(Json json) {
        String name = json.member("layer").asText();
        return switch (name) {
            case "conv2d" ->
                    new ModelSpec.Conv(size(json, "in"), size(json, "out"), size(json, "kernel"));
            case "batch_norm2d" -> new ModelSpec.Norm(size(json, "features"));
            case "linear" -> new ModelSpec.Dense(size(json, "in"), size(json, "out"));
            case "relu" -> new ModelSpec.Relu();
            case "max_pool2d" -> new ModelSpec.Pool(size(json, "window"));
            case "flatten" -> new ModelSpec.Flat();
            case "dropout" -> new ModelSpec.Drop(json.member("p").asDouble());
            case "basic_block" ->
                    new ModelSpec.Block(size(json, "in"), size(json, "out"), size(json, "stride"));
            case "mean_pool2d" -> new ModelSpec.Mean();
            default ->
                    throw new NacreException(
                            "there is a layer '" + name + "', which this version does not know");
        };
    }

    private static long size(Json json, String key) {
        long n = json.member(key).asLong();
        if (n < 1 || n > WIDEST) {
            throw new NacreException(key + " is " + n + ", which is not from 1 to " + WIDEST);
        }
        return n;
    }

    static Json toJson(Preprocessing p) {
        Map<String, Json> out = new LinkedHashMap<>();
        out.put("channels", Json.of(p.channels()));
        out.put("height", Json.of(p.height()));
        out.put("width", Json.of(p.width()));
        out.put("mean", Json.of(p.mean().stream().map(Json::of).toList()));
        out.put("std", Json.of(p.std().stream().map(Json::of).toList()));
        return Json.of(out);
    }

    static Preprocessing preprocessing(Json json) {
        return new Preprocessing(
                Math.toIntExact(size(json, "channels")),
                Math.toIntExact(size(json, "height")),
                Math.toIntExact(size(json, "width")),
                json.member("mean").asItems().stream().map(Json::asDouble).toList(),
                json.member("std").asItems().stream().map(Json::asDouble).toList());
    }
}
