package dev.nacre.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.function.Consumer;

/// What is done to native things that nobody reaches any more. The JDK's cleaner holds it until then, so it is made of the JDK's own classes: one of ours would hold the class loader that loaded it, with all
/// its statics, and so what they reach, for ever.
public final class Cleanup {
    private static final MethodHandle ADDRESS = property("address");
    private static final MethodHandle BYTES = property("byteSize");

    private Cleanup() {}

    private static MethodHandle property(String name) {
        try {
            return MethodHandles.publicLookup()
                    .findVirtual(MemorySegment.class, name, MethodType.methodType(long.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /// Calls a native function of an address, or of an address and a number of bytes.
    @SuppressWarnings("unchecked") // a consumer of anything, given segments only
    public static Consumer<MemorySegment> by(MethodHandle function) {
        MethodHandle ofSegment =
                function.type().parameterCount() == 1
                        ? MethodHandles.filterArguments(function, 0, ADDRESS)
                        : MethodHandles.permuteArguments(
                                MethodHandles.filterArguments(function, 0, ADDRESS, BYTES),
                                MethodType.methodType(
                                        function.type().returnType(), MemorySegment.class),
                                0,
                                0);
        return MethodHandleProxies.asInterfaceInstance(
                Consumer.class, ofSegment.asType(MethodType.methodType(void.class, Object.class)));
    }
}
