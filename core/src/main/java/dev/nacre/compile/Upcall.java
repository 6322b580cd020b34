package dev.nacre.compile;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.WeakReference;

/// Functions of ours that are called by what the JVM holds: it reaches them by weak references, for by our classes it would hold the class loader.
public final class Upcall {
    private static final MethodType ANYTHING = MethodType.methodType(Object.class);

    private Upcall() {}

    /// Where native code calls a method of an object; both are to be kept by somebody for as long as it may.
    ///
    /// @param type which declares the method
    /// @param called the method as native code sees it
    @SuppressWarnings("restricted")
    public static <T> MemorySegment of(
            T object, Class<T> type, String method, MethodType of, FunctionDescriptor called) {
        try {
            MethodHandle call = MethodHandles.publicLookup().findVirtual(type, method, of);
            MethodHandle weak = MethodHandles.collectArguments(call, 0, weakly(object, type));
            return Linker.nativeLinker()
                    .upcallStub(
                            MethodHandles.explicitCastArguments(weak, called.toMethodType()),
                            called,
                            Arena.ofAuto());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(method, e);
        }
    }

    /// Gives an object for as long as it is reachable from elsewhere, and null afterwards.
    static MethodHandle weakly(Object object, Class<?> type) throws ReflectiveOperationException {
        return MethodHandles.publicLookup()
                .findVirtual(WeakReference.class, "get", ANYTHING)
                .bindTo(new WeakReference<>(object))
                .asType(MethodType.methodType(type));
    }
}
