package dev.nacre.opencl;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/// The first device of OpenCL on this machine, for tests: runs a kernel named `run` on copies of memory.
@SuppressWarnings("restricted") // it calls native code
public final class OpenCl {
    private static final int READ_WRITE = 1;
    private static final int COPY = 1 << 5;
    private static final long ALL_DEVICES = 0xFFFFFFFFL;
    private static final int BUILD_LOG = 0x1183;
    private static final int DEVICE_NAME = 0x102B;

    private static final Optional<OpenCl> FOUND = find();

    private final SymbolLookup library;
    private final Map<String, MethodHandle> functions = new ConcurrentHashMap<>();
    private final MemorySegment device;
    private final MemorySegment context;
    private final MemorySegment queue;

    private OpenCl(SymbolLookup library) {
        this.library = library;
        try (Arena a = Arena.ofConfined()) {
            MemorySegment id = a.allocate(ADDRESS);
            check("clGetPlatformIDs", call("clGetPlatformIDs", 1, id, MemorySegment.NULL));
            MemorySegment platform = id.get(ADDRESS, 0);
            check(
                    "clGetDeviceIDs",
                    call("clGetDeviceIDs", platform, ALL_DEVICES, 1, id, MemorySegment.NULL));
            device = id.get(ADDRESS, 0);
            MemorySegment failed = a.allocate(JAVA_INT);
            context =
                    made(
                            "clCreateContext",
                            failed,
                            MemorySegment.NULL,
                            1,
                            id,
                            MemorySegment.NULL,
                            MemorySegment.NULL,
                            failed);
            queue = made("clCreateCommandQueue", failed, context, device, 0L, failed);
        }
    }

    /// Nothing where there is no OpenCL, or no device.
    public static Optional<OpenCl> device() {
        return FOUND;
    }

    private static Optional<OpenCl> find() {
        try {
            return Optional.of(
                    new OpenCl(SymbolLookup.libraryLookup("libOpenCL.so.1", Arena.global())));
        } catch (IllegalArgumentException | IllegalStateException _) {
            return Optional.empty();
        }
    }

    /// Compiles OpenCL C and runs its kernel once, by one work-item.
    ///
    /// @param memory what the kernel gets and may change
    public void run(String source, List<MemorySegment> memory) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment failed = a.allocate(JAVA_INT);
            MemorySegment text = a.allocate(ADDRESS);
            text.set(ADDRESS, 0, a.allocateFrom(source));
            MemorySegment program =
                    made(
                            "clCreateProgramWithSource",
                            failed,
                            context,
                            1,
                            text,
                            MemorySegment.NULL,
                            failed);
            MemorySegment options = a.allocateFrom("-cl-fp32-correctly-rounded-divide-sqrt");
            int built =
                    (int)
                            call(
                                    "clBuildProgram",
                                    program,
                                    0,
                                    MemorySegment.NULL,
                                    options,
                                    MemorySegment.NULL,
                                    MemorySegment.NULL);
            if (built != 0) {
                throw new IllegalStateException(log(program) + source);
            }
            MemorySegment kernel =
                    made("clCreateKernel", failed, program, a.allocateFrom("run"), failed);
            MemorySegment[] there = new MemorySegment[memory.size()];
            for (int i = 0; i < there.length; i++) {
                long bytes = memory.get(i).byteSize();
                there[i] =
                        made(
                                "clCreateBuffer",
                                failed,
                                context,
                                (long) READ_WRITE | COPY,
                                bytes,
                                memory.get(i),
                                failed);
                MemorySegment argument = a.allocate(ADDRESS);
                argument.set(ADDRESS, 0, there[i]);
                check("clSetKernelArg", call("clSetKernelArg", kernel, i, 8L, argument));
            }
            check(
                    "clEnqueueTask",
                    call(
                            "clEnqueueTask",
                            queue,
                            kernel,
                            0,
                            MemorySegment.NULL,
                            MemorySegment.NULL));
            for (int i = 0; i < there.length; i++) {
                long bytes = memory.get(i).byteSize();
                check(
                        "clEnqueueReadBuffer",
                        call(
                                "clEnqueueReadBuffer",
                                queue,
                                there[i],
                                1,
                                0L,
                                bytes,
                                memory.get(i),
                                0,
                                MemorySegment.NULL,
                                MemorySegment.NULL));
                call("clReleaseMemObject", there[i]);
            }
            call("clReleaseKernel", kernel);
            call("clReleaseProgram", program);
        }
    }

    private String log(MemorySegment program) {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment text = a.allocate(1 << 16);
            call(
                    "clGetProgramBuildInfo",
                    program,
                    device,
                    BUILD_LOG,
                    text.byteSize(),
                    text,
                    MemorySegment.NULL);
            return text.getString(0);
        }
    }

    private MemorySegment made(String function, MemorySegment failed, Object... arguments) {
        MemorySegment result = (MemorySegment) call(function, arguments);
        check(function, failed.get(JAVA_INT, 0));
        return result;
    }

    private static void check(String function, Object status) {
        if ((int) status != 0) {
            throw new IllegalStateException("OpenCL: " + function + " gives " + status);
        }
    }

    /// Calls a function; what begins with `clCreate` gives an address, anything else a number.
    private Object call(String function, Object... arguments) {
        MethodHandle f =
                functions.computeIfAbsent(
                        function,
                        name -> {
                            MemoryLayout[] types =
                                    Arrays.stream(arguments)
                                            .map(x ->
                                                    (MemoryLayout)
                                                            (x instanceof Integer
                                                                    ? JAVA_INT
                                                                    : x instanceof Long
                                                                            ? JAVA_LONG
                                                                            : ADDRESS))
                                            .toArray(MemoryLayout[]::new);
                            FunctionDescriptor form =
                                    FunctionDescriptor.of(
                                            name.startsWith("clCreate") ? ADDRESS : JAVA_INT,
                                            types);
                            return Linker.nativeLinker()
                                    .downcallHandle(
                                            library.find(name)
                                                    .orElseThrow(() ->
                                                            new IllegalStateException(
                                                                    "OpenCL has no " + name)),
                                            form);
                        });
        try {
            return f.invokeWithArguments(arguments);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /// The device's name.
    @Override
    public String toString() {
        try (Arena a = Arena.ofConfined()) {
            MemorySegment text = a.allocate(256);
            call("clGetDeviceInfo", device, DEVICE_NAME, text.byteSize(), text, MemorySegment.NULL);
            return text.getString(0);
        }
    }
}
