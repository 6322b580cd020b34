package dev.nacre.nn.keras;

import dev.nacre.nn.Module;
import dev.nacre.type.NacreException;
import dev.nacre.type.Problem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// Saves the model after each epoch, or after every so many batches, as Keras's callback of that name. How it is saved is the caller's to say: its weights alone, or a model that a service can read.
///
/// ```java
/// callback(ModelCheckpoint.of("weights-{epoch:02d}-{val_loss:.2f}.safetensors", SafeTensors::save))
/// callback(ModelCheckpoint.of("best.nacre", (path, m) -> Model.of(m, input).write(path)).saveBestOnly("val_loss"))
/// ```
///
/// - Names in braces stand for `epoch` (from 1), `batch` (from 1, with [#everyBatches]) and the values of the logs; after a colon, for their form as in Python: `02d`, `.4f`, `.2e`.
/// - Folders that are missing are made. A file of the same name is replaced.
/// - NaN is never better. What was best so far holds for further `fit`s with this callback, too.
/// - Of a name that is not in the logs Keras warns; here it is an error.
public final class ModelCheckpoint implements Callback, Watching {
    /// Writes a model to a file.
    @FunctionalInterface
    public interface Saver {
        void save(Path path, Module model);
    }

    private record Settings(
            FilePattern path, Saver saver, Optional<Monitor> best, OptionalInt everyBatches) {}

    private final Settings settings;
    private OptionalDouble best;
    private Optional<Sequential> model = Optional.empty();
    private int epoch;
    private int seen; // batches since the last that was saved
    private Optional<Path> saved = Optional.empty();

    private ModelCheckpoint(Settings settings, OptionalDouble best) {
        this.settings = settings;
        this.best = best;
    }

    /// Saves after each epoch.
    ///
    /// @param path with names in braces, such as `weights-{epoch:02d}.safetensors`
    public static ModelCheckpoint of(String path, Saver saver) {
        return new ModelCheckpoint(
                new Settings(FilePattern.of(path), saver, Optional.empty(), OptionalInt.empty()),
                OptionalDouble.empty());
    }

    /// Saves only what is better than all before by a value in the logs; whether larger is better, its name tells.
    public ModelCheckpoint saveBestOnly(String monitor) {
        return saveBestOnly(monitor, "auto");
    }

    /// @param mode `min`, `max` or `auto`
    public ModelCheckpoint saveBestOnly(String monitor, String mode) {
        Monitor m = new Monitor("modelCheckpoint", monitor, mode, 0);
        m.worst(); // a mode that cannot be told is an error of this line
        return new ModelCheckpoint(
                new Settings(settings.path, settings.saver, Optional.of(m), settings.everyBatches),
                best);
    }

    /// With [#saveBestOnly], only what is also better than this is saved.
    public ModelCheckpoint initialValueThreshold(double value) {
        Problem.in("modelCheckpoint").finite("initialValueThreshold", value).throwValue();
        return new ModelCheckpoint(settings, OptionalDouble.of(value));
    }

    /// Saves after every so many batches, counted through the epochs, instead of after each epoch. The logs are then the means over the epoch so far, without validation.
    public ModelCheckpoint everyBatches(int count) {
        if (count < 1) {
            throw new NacreException(
                    "modelCheckpoint: everyBatches must be at least 1, but is " + count);
        }
        return new ModelCheckpoint(
                new Settings(settings.path, settings.saver, settings.best, OptionalInt.of(count)),
                best);
    }

    /// The file that was written last.
    public Optional<Path> saved() {
        return saved;
    }

    @Override
    public void onTrainBegin(Sequential model) {
        this.model = Optional.of(model);
        seen = 0;
    }

    @Override
    public void check(List<String> batch, List<String> epoch) {
        boolean byBatch = settings.everyBatches.isPresent();
        List<String> names = byBatch ? batch : epoch;
        settings.best.ifPresent(m -> m.require(names));
        List<String> all = new ArrayList<>(names);
        all.add("epoch");
        if (byBatch) {
            all.add("batch");
        }
        settings.path.require(all);
    }

    @Override
    public void onEpochBegin(int epoch) {
        this.epoch = epoch;
    }

    @Override
    public void onTrainBatchEnd(int batch, Map<String, Double> logs) {
        seen++;
        if (settings.everyBatches.isPresent() && seen >= settings.everyBatches.getAsInt()) {
            seen = 0;
            save(Map.of("epoch", epoch + 1, "batch", batch + 1), logs);
        }
    }

    @Override
    public boolean onEpochEnd(int epoch, Map<String, Double> logs) {
        if (settings.everyBatches.isEmpty()) {
            save(Map.of("epoch", epoch + 1), logs);
        }
        return true;
    }

    private void save(Map<String, ? extends Number> place, Map<String, Double> logs) {
        Map<String, Number> values = new LinkedHashMap<>(logs);
        values.putAll(place);
        Path path = settings.path.with(values);
        double value = settings.best.map(m -> m.in(logs)).orElse(0.0);
        if (settings.best.isPresent()
                && !settings.best.get().isBetter(value, best.orElse(settings.best.get().worst()))) {
            return;
        }
        try {
            Path folder = path.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
        } catch (IOException e) {
            throw new NacreException(
                    "modelCheckpoint: the folder of " + path + " cannot be made: " + e, e);
        }
        settings.saver.save(path, model.orElseThrow());
        saved = Optional.of(path);
        if (settings.best.isPresent()) {
            best = OptionalDouble.of(value);
        }
    }

    @Override
    public String toString() {
        return "ModelCheckpoint("
                + settings.path
                + settings.best.map(m -> ", best " + m.name()).orElse("")
                + (settings.everyBatches.isPresent()
                        ? ", every " + settings.everyBatches.getAsInt() + " batches"
                        : "")
                + ")";
    }
}
