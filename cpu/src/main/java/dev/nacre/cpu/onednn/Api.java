package dev.nacre.cpu.onednn;

import dev.nacre.cpu.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// The native functions. Pointers and handles are `long`s. Touch it only when [Native] has found the library.
final class Api {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfLong POINTER = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private static final SymbolLookup SYMBOLS = Native.oneDnn().orElseThrow().symbols();
    private static final Linker LINKER = Linker.nativeLinker();

    static final int QUERY_IMPLEMENTATION = 8;
    static final int QUERY_STRIDES = 14;
    static final int QUERY_SCRATCHPAD = 136;
    static final int QUERY_ARGUMENT = 255;
    static final int QUERY_RANK = 256;
    static final int QUERY_DIMS = 257;
    static final int QUERY_TYPE = 258;
    static final int QUERY_BLOCKS = 263;

    static final MethodHandle VERSION = function("dnnl_version", POINTER);
    static final MethodHandle ISA = function("dnnl_get_effective_cpu_isa", INT);
    static final MethodHandle ISA_NAME = function("dnnl_cpu_isa2str", POINTER, INT);
    static final MethodHandle ENGINE = function("dnnl_engine_create", INT, POINTER, INT, LONG);
    static final MethodHandle STREAM = function("dnnl_stream_create", INT, POINTER, POINTER, INT);
    static final MethodHandle DESC_STRIDES =
            function("dnnl_memory_desc_create_with_strides", INT, POINTER, INT, POINTER, INT, POINTER);
    static final MethodHandle DESC_TAG =
            function("dnnl_memory_desc_create_with_tag", INT, POINTER, INT, POINTER, INT, INT);
    static final MethodHandle DESC_BLOB =
            function("dnnl_memory_desc_create_with_blob", INT, POINTER, POINTER);
    static final MethodHandle DESC_TO_BLOB =
            function("dnnl_memory_desc_get_blob", INT, POINTER, POINTER, POINTER);
    static final MethodHandle DESC_PART =
            function("dnnl_memory_desc_create_submemory", INT, POINTER, POINTER, POINTER, POINTER);
    static final MethodHandle DESC_QUERY = function("dnnl_memory_desc_query", INT, POINTER, INT, POINTER);
    static final MethodHandle DESC_EQUAL = function("dnnl_memory_desc_equal", INT, POINTER, POINTER);
    static final MethodHandle DESC_SIZE = function("dnnl_memory_desc_get_size", LONG, POINTER);
    static final MethodHandle DESC_DESTROY = function("dnnl_memory_desc_destroy", INT, POINTER);
    static final MethodHandle ATTR = function("dnnl_primitive_attr_create", INT, POINTER);
    static final MethodHandle ATTR_DESTROY = function("dnnl_primitive_attr_destroy", INT, POINTER);
    static final MethodHandle ATTR_SCRATCHPAD =
            function("dnnl_primitive_attr_set_scratchpad_mode", INT, POINTER, INT);
    static final MethodHandle ATTR_MATH = function("dnnl_primitive_attr_set_fpmath_mode", INT, POINTER, INT);
    static final MethodHandle ATTR_POST_OPS =
            function("dnnl_primitive_attr_set_post_ops", INT, POINTER, POINTER);
    static final MethodHandle POST_OPS = function("dnnl_post_ops_create", INT, POINTER);
    static final MethodHandle POST_OPS_DESTROY = function("dnnl_post_ops_destroy", INT, POINTER);
    static final MethodHandle APPEND_SUM =
            function("dnnl_post_ops_append_sum", INT, POINTER, FLOAT, INT, INT);
    static final MethodHandle APPEND_ELTWISE =
            function("dnnl_post_ops_append_eltwise", INT, POINTER, INT, FLOAT, FLOAT);
    static final MethodHandle APPEND_BINARY =
            function("dnnl_post_ops_append_binary", INT, POINTER, INT, POINTER);
    static final MethodHandle MATMUL = function(
            "dnnl_matmul_primitive_desc_create", INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER);
    static final MethodHandle CONVOLUTION_FORWARD = function(
            "dnnl_convolution_forward_primitive_desc_create",
            INT, POINTER, POINTER, INT, INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER,
            POINTER);
    static final MethodHandle CONVOLUTION_DATA = function(
            "dnnl_convolution_backward_data_primitive_desc_create",
            INT, POINTER, POINTER, INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER,
            POINTER);
    static final MethodHandle CONVOLUTION_WEIGHTS = function(
            "dnnl_convolution_backward_weights_primitive_desc_create",
            INT, POINTER, POINTER, INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER,
            POINTER, POINTER);
    static final MethodHandle POOLING_FORWARD = function(
            "dnnl_pooling_forward_primitive_desc_create",
            INT, POINTER, POINTER, INT, INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER);
    static final MethodHandle POOLING_BACKWARD = function(
            "dnnl_pooling_backward_primitive_desc_create",
            INT, POINTER, POINTER, INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER,
            POINTER);
    static final MethodHandle REORDER = function(
            "dnnl_reorder_primitive_desc_create", INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER);
    static final MethodHandle SUM = function(
            "dnnl_sum_primitive_desc_create", INT, POINTER, POINTER, POINTER, INT, POINTER, POINTER, POINTER);
    static final MethodHandle PD_QUERY =
            function("dnnl_primitive_desc_query", INT, POINTER, INT, INT, POINTER);
    static final MethodHandle PD_QUERY_DESC =
            function("dnnl_primitive_desc_query_md", POINTER, POINTER, INT, INT);
    static final MethodHandle PD_DESTROY = function("dnnl_primitive_desc_destroy", INT, POINTER);
    static final MethodHandle PRIMITIVE = function("dnnl_primitive_create", INT, POINTER, POINTER);
    static final MethodHandle PRIMITIVE_DESTROY = function("dnnl_primitive_destroy", INT, POINTER);
    static final MethodHandle EXECUTE =
            function("dnnl_primitive_execute", INT, POINTER, POINTER, INT, POINTER);
    static final MethodHandle MEMORY =
            function("dnnl_memory_create", INT, POINTER, POINTER, POINTER, POINTER);
    static final MethodHandle MEMORY_DESTROY = function("dnnl_memory_destroy", INT, POINTER);
    static final MethodHandle MEMORY_ADDRESS = quick("dnnl_memory_set_data_handle", INT, POINTER, POINTER);
    static final MethodHandle THREADS = threads();

    private Api() {}

    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
        return LINKER.downcallHandle(symbol(name), FunctionDescriptor.of(result, parameters));
    }

    /// For a function that is back in nanoseconds: the garbage collector waits for it.
    @SuppressWarnings("restricted")
    private static MethodHandle quick(String name, MemoryLayout result, MemoryLayout... parameters) {
        return LINKER.downcallHandle(
                symbol(name), FunctionDescriptor.of(result, parameters), Linker.Option.critical(false));
    }

    private static MemorySegment symbol(String name) {
        return SYMBOLS.find(name).orElseThrow(() -> new LinkageError("oneDNN 3 lacks " + name));
    }

    /// `omp_set_num_threads`; a library built without OpenMP runs on one thread, and then this does nothing.
    @SuppressWarnings("restricted")
    private static MethodHandle threads() {
        var type = FunctionDescriptor.ofVoid(INT);
        return SYMBOLS.find("omp_set_num_threads")
                .map(symbol -> LINKER.downcallHandle(symbol, type, Linker.Option.critical(false)))
                .orElseGet(() -> java.lang.invoke.MethodHandles.empty(type.toMethodType()));
    }

    /// For the handlers round `invokeExact`, which is declared to throw anything.
    static RuntimeException sneak(Throwable e) {
        if (e instanceof RuntimeException plain) throw plain;
        if (e instanceof Error error) throw error;
        throw new LinkageError("a call of oneDNN did not go through", e);
    }
}
