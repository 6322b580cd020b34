package dev.nacre.compile;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/// What is done to native things that nobody reaches any more. The JDK's cleaner holds it until then, so it is made of the JDK's own classes: one of ours would hold the class loader that loaded it, with all
/// its statics, and so what they reach, for ever.
public final class Cleanup {
    private static final MethodType NOTHING_OF_ANYTHING =
            MethodType.methodType(void.class, Object.class);

    private static final MethodHandle ADDRESS =
            found(MemorySegment.class, "address", MethodType.methodType(long.class));
    private static final MethodHandle BYTES =
            found(MemorySegment.class, "byteSize", MethodType.methodType(long.class));

    private Cleanup() {}

    private static MethodHandle found(Class<?> in, String name, MethodType type) {
        try {
            return MethodHandles.publicLookup().findVirtual(in, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /// Calls a native function of an address and a number of bytes, or of an address alone.
    public static Consumer<MemorySegment> by(MemorySegment function) {
        return consumer(
                MethodHandles.permuteArguments(
                        MethodHandles.filterArguments(
                                Downcall.ofTwo().bindTo(function), 0, ADDRESS, BYTES),
                        MethodType.methodType(long.class, MemorySegment.class),
                        0,
                        0));
    }

    /// Removes what is known by an address.
    static Consumer<MemorySegment> removing(Map<Long, ?> from) {
        MethodHandle remove =
                found(Map.class, "remove", MethodType.methodType(Object.class, Object.class));
        return consumer(
                MethodHandles.filterArguments(
                        remove.bindTo(from),
                        0,
                        ADDRESS.asType(MethodType.methodType(Object.class, MemorySegment.class))));
    }

    /// An action of ours for as long as it is reachable from elsewhere, then another one.
    static Consumer<MemorySegment> either(
            Consumer<MemorySegment> ours, Consumer<MemorySegment> afterwards) {
        try {
            MethodHandle otherwise =
                    MethodHandles.publicLookup()
                            .findStatic(
                                    Objects.class,
                                    "requireNonNullElse",
                                    MethodType.genericMethodType(2));
            MethodHandle which =
                    MethodHandles.filterReturnValue(
                            Upcall.weakly(ours, Object.class),
                            MethodHandles.insertArguments(otherwise, 1, afterwards));
            MethodHandle accept = found(Consumer.class, "accept", NOTHING_OF_ANYTHING);
            return consumer(
                    MethodHandles.collectArguments(
                            accept, 0, which.asType(MethodType.methodType(Consumer.class))));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("cleanup", e);
        }
    }

    @SuppressWarnings("unchecked") // a consumer of anything, given segments only
    private static Consumer<MemorySegment> consumer(MethodHandle ofSegment) {
        return MethodHandleProxies.asInterfaceInstance(
                Consumer.class, ofSegment.asType(NOTHING_OF_ANYTHING));
    }
}
