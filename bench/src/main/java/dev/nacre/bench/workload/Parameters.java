package dev.nacre.bench.workload;

import dev.nacre.Tensor;
import dev.nacre.bench.protocol.Weights;
import dev.nacre.models.Bert;
import dev.nacre.models.Gpt;
import dev.nacre.nn.Module;
import java.util.LinkedHashMap;
import java.util.Map;

/// Shared first weights.
final class Parameters {
    /// A shared key (`$1` is a layer's number) and the model's.
    private static final Map<String, String> MLP =
            Map.of("fc1", "layers.0", "fc2", "layers.1", "fc3", "layers.2");

    private static final Map<String, String> GPT =
            Map.of(
                    "token", "transformer.wte",
                    "position", "transformer.wpe",
                    "norm", "transformer.ln_f",
                    "head", "lm_head",
                    "blocks.(.*).norm(.)", "transformer.h.$1.ln_$2",
                    "blocks.(.*).qkv", "transformer.h.$1.attn.c_attn",
                    "blocks.(.*).out", "transformer.h.$1.attn.c_proj",
                    "blocks.(.*).up", "transformer.h.$1.mlp.c_fc",
                    "blocks.(.*).down", "transformer.h.$1.mlp.c_proj");

    private static final Map<String, String> BERT =
            Map.ofEntries(
                    Map.entry("token", "embeddings.word_embeddings"),
                    Map.entry("position", "embeddings.position_embeddings"),
                    Map.entry("type", "embeddings.token_type_embeddings"),
                    Map.entry("norm", "embeddings.LayerNorm"),
                    Map.entry("layers.(.*).q", "encoder.layer.$1.attention.self.query"),
                    Map.entry("layers.(.*).k", "encoder.layer.$1.attention.self.key"),
                    Map.entry("layers.(.*).v", "encoder.layer.$1.attention.self.value"),
                    Map.entry("layers.(.*).out", "encoder.layer.$1.attention.output.dense"),
                    Map.entry("layers.(.*).norm1", "encoder.layer.$1.attention.output.LayerNorm"),
                    Map.entry("layers.(.*).up", "encoder.layer.$1.intermediate.dense"),
                    Map.entry("layers.(.*).down", "encoder.layer.$1.output.dense"),
                    Map.entry("layers.(.*).norm2", "encoder.layer.$1.output.LayerNorm"),
                    Map.entry("pooler", "pooler.dense"));

    private Parameters() {}

    /// Gives a model its first weights. Variables that have none, the running statistics of normalisations, keep their values.
    static void load(Module net, Weights weights) {
        Map<String, Tensor> state = new LinkedHashMap<>();
        net.state().forEach((key, variable) -> state.put(key, variable));
        for (String key : weights.keys()) {
            state.put(name(net, key), Tensor.of(weights.values(key), weights.shape(key)));
        }
        net.load(state);
    }

    /// The model's key of a shared one.
    private static String name(Module net, String key) {
        Map<String, String> names =
                switch (net) {
                    case Mlp _ -> MLP;
                    case Gpt _ -> GPT;
                    case Bert _ -> BERT;
                    default -> Map.of(); // PyTorch's names
                };
        int dot = key.lastIndexOf('.');
        String part = key.substring(0, dot);
        return names.entrySet().stream()
                        .filter(e -> part.matches(e.getKey()))
                        .findFirst()
                        .map(e -> part.replaceFirst(e.getKey(), e.getValue()))
                        .orElse(part)
                + key.substring(dot);
    }
}
