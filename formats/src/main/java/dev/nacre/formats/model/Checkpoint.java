package dev.nacre.formats.model;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.formats.FormatException;
import dev.nacre.formats.safetensors.SafeTensors;
import dev.nacre.nn.Module;
import dev.nacre.nn.data.Budget;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.NacreException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The state of a training between two steps: the module with its variables and sources of random numbers, what the optimizer remembers, and what the program wants to know again. A training that goes on
/// from it takes the same steps, to the bit, as one that was not interrupted.
///
/// ```java
/// Checkpoint.write(path, net, optimizer, Map.of("step", "1000"));
///
/// var c = Checkpoint.read(path, Net.class);
/// var net = (Net) c.module();
/// var optimizer = AdamW.of(1e-3).over(net.parameters());
/// optimizer.load(c.optimizer());
/// ```
///
/// @param optimizer for [Optimizer#load]
/// @param progress text by key
public record Checkpoint(
        Module module, Map<String, Tensor> optimizer, Map<String, String> progress) {
    private static final String FORMAT = "nacre checkpoint 1";
    private static final String MODULE = "module.";
    private static final String OPTIMIZER = "optimizer.";

    /// Writes a checkpoint, replacing the file in one step.
    ///
    /// @throws NacreException if the module has parts that are no records
    public static void write(
            Path path, Module module, Optimizer optimizer, Map<String, String> progress) {
        Map<String, Variable> state = module.state();
        Map<String, Tensor> all = new LinkedHashMap<>();
        state.forEach((k, v) -> all.put(MODULE + k, v));
        optimizer.state().forEach((k, v) -> all.put(OPTIMIZER + k, v));
        Map<String, Json> texts = new LinkedHashMap<>();
        progress.forEach((k, v) -> texts.put(k, Json.of(v)));
        SafeTensors.write(
                path,
                all,
                Map.of(
                        "format",
                        FORMAT,
                        "architecture",
                        new Writing(state).of("", module).write(),
                        "progress",
                        Json.of(texts).write()));
    }

    /// Reads a checkpoint.
    ///
    /// @param known the program's own modules, as for [Model#read]
    public static Checkpoint read(Path path, Class<?>... known) {
        SafeTensors.Contents c = SafeTensors.read(path);
        if (!FORMAT.equals(c.metadata().get("format"))) {
            throw new FormatException("checkpoint", path, "is no checkpoint of a training");
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Map<String, Tensor> optimizer = new LinkedHashMap<>();
        c.tensors()
                .forEach((k, t) -> {
                    boolean isModule = k.startsWith(MODULE);
                    (isModule ? tensors : optimizer)
                            .put(k.replaceFirst(isModule ? "^module\\." : "^optimizer\\.", ""), t);
                });
        try {
            Budget.Tally tally = Budget.usual().begin(NacreException::new);
            Classes classes = Classes.of(List.of(known));
            Reading r = new Reading(classes, tensors);
            Json architecture = Json.parse(c.metadata().getOrDefault("architecture", ""), tally);
            Module module = (Module) r.of("", architecture, Module.class);
            Model.checkKeys(module, r.keys(), tensors);
            Map<String, String> progress = new LinkedHashMap<>();
            Json.parse(c.metadata().getOrDefault("progress", ""), tally)
                    .asFields()
                    .forEach((k, v) -> progress.put(k, v.asText()));
            return new Checkpoint(module, optimizer, progress);
        } catch (NacreException e) {
            throw new FormatException("checkpoint", path, "is broken: " + e.getMessage(), e);
        } catch (RuntimeException | StackOverflowError e) { // what constructors may throw
            throw new FormatException("checkpoint", path, "is broken: " + e, e);
        }
    }

    /// What there is, without the numbers, which are many.
    @Override
    public String toString() {
        return "Checkpoint of "
                + module.getClass().getSimpleName()
                + ", "
                + optimizer.size()
                + " tensors of the optimizer, progress "
                + progress;
    }
}
