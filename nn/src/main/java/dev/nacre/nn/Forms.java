package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.NacreException;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/// Which of its two forms of `forward` a module class defines.
final class Forms {
    private static final ClassValue<Boolean> OVERRIDES_ONE =
            new ClassValue<>() {
                @Override
                protected Boolean computeValue(Class<?> type) {
                    return overrides(type, Tensor.class)
                            || overrides(type, Tensor.class, Mode.class);
                }
            };

    private static final ClassValue<Boolean> MAY_HOLD_MODULES =
            new ClassValue<>() {
                @Override
                protected Boolean computeValue(Class<?> type) {
                    return Slot.of(type).stream().anyMatch(Slot::mayHoldModules);
                }
            };

    /// The module of a class that was looked at last, which passes its mode on or has no use for it.
    private static final ClassValue<AtomicReference<WeakReference<Module>>> PASSED =
            new ClassValue<>() {
                @Override
                protected AtomicReference<WeakReference<Module>> computeValue(Class<?> type) {
                    return new AtomicReference<>(new WeakReference<>(null));
                }
            };

    private Forms() {}

    static boolean overridesOne(Class<?> type) {
        return OVERRIDES_ONE.get(type);
    }

    private static boolean overrides(Class<?> type, Class<?>... arguments) {
        try {
            return type.getMethod("forward", arguments).getDeclaringClass() != Module.class;
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }

    /// Refuses a module that would train its dropout in evaluation mode because its `forward` passes no mode on.
    static void requireSameInBothModes(Module module) {
        if (!MAY_HOLD_MODULES.get(module.getClass())) {
            return; // the usual case, in every step of an eager loop
        }
        AtomicReference<WeakReference<Module>> passed = PASSED.get(module.getClass());
        if (!passed.get().refersTo(module)) {
            requirePassedOn(module);
            passed.set(new WeakReference<>(module));
        }
    }

    private static void requirePassedOn(Module module) {
        List<String> dependent =
                Tree.of(module).modules().entrySet().stream()
                        .filter(e -> e.getValue() != module && e.getValue().dependsOnMode())
                        .map(e -> e.getKey() + " (" + e.getValue().getClass().getSimpleName() + ")")
                        .toList();
        if (!dependent.isEmpty()) {
            String name = module.getClass().getSimpleName();
            throw new NacreException(
                    "forward: "
                            + name
                            + " is to be trained, but its forward(Tensor) passes no mode on to "
                            + String.join(", ", dependent)
                            + "\n  hint: override forward(Tensor x, Mode mode) in "
                            + name
                            + " and pass the mode to the parts");
        }
    }
}
