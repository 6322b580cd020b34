package dev.nacre.cpu.onednn;

import dev.nacre.compile.Cleanup;
import dev.nacre.compile.Downcall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/// The native functions that build things, by their C names. Each is looked up when it is first called.
enum NativeFunction {
    VERSION("dnnl_version"),
    ISA("dnnl_get_effective_cpu_isa"),
    ISA_NAME("dnnl_cpu_isa2str"),
    CACHE_CAPACITY("dnnl_set_primitive_cache_capacity"),
    ENGINE("dnnl_engine_create"),
    STREAM("dnnl_stream_create"),
    DESC_STRIDES("dnnl_memory_desc_create_with_strides"),
    DESC_TAG("dnnl_memory_desc_create_with_tag"),
    DESC_BLOB("dnnl_memory_desc_create_with_blob"),
    DESC_PART("dnnl_memory_desc_create_submemory"),
    DESC_TO_BLOB("dnnl_memory_desc_get_blob"),
    DESC_QUERY("dnnl_memory_desc_query"),
    DESC_EQUAL("dnnl_memory_desc_equal"),
    DESC_SIZE("dnnl_memory_desc_get_size"),
    DESC_DESTROY("dnnl_memory_desc_destroy"),
    ATTRIBUTES("dnnl_primitive_attr_create"),
    ATTRIBUTES_DESTROY("dnnl_primitive_attr_destroy"),
    SET_SCRATCHPAD("dnnl_primitive_attr_set_scratchpad_mode"),
    SET_MATH("dnnl_primitive_attr_set_fpmath_mode"),
    SET_POST_OPS("dnnl_primitive_attr_set_post_ops"),
    POST_OPS("dnnl_post_ops_create"),
    POST_OPS_DESTROY("dnnl_post_ops_destroy"),
    APPEND_BINARY("dnnl_post_ops_append_binary"),
    MATMUL("dnnl_matmul_primitive_desc_create"),
    CONVOLUTION_FORWARD("dnnl_convolution_forward_primitive_desc_create"),
    CONVOLUTION_DATA("dnnl_convolution_backward_data_primitive_desc_create"),
    CONVOLUTION_WEIGHTS("dnnl_convolution_backward_weights_primitive_desc_create"),
    POOLING_FORWARD("dnnl_pooling_forward_primitive_desc_create"),
    POOLING_BACKWARD("dnnl_pooling_backward_primitive_desc_create"),
    REORDER("dnnl_reorder_primitive_desc_create"),
    SUM("dnnl_sum_primitive_desc_create"),
    PLAN_QUERY("dnnl_primitive_desc_query"),
    PLAN_QUERY_DESC("dnnl_primitive_desc_query_md"),
    PLAN_DESTROY("dnnl_primitive_desc_destroy"),
    PRIMITIVE("dnnl_primitive_create"),
    PRIMITIVE_DESTROY("dnnl_primitive_destroy"),
    MEMORY("dnnl_memory_create"),
    MEMORY_DESTROY("dnnl_memory_destroy");

    // what the query functions can be asked
    static final int QUERY_IMPLEMENTATION = 8;
    static final int QUERY_STRIDES = 14;
    static final int QUERY_SCRATCHPAD = 136;
    static final int QUERY_ARGUMENT = 255;
    static final int QUERY_RANK = 256;
    static final int QUERY_DIMS = 257;
    static final int QUERY_TYPE = 258;
    static final int QUERY_BLOCKS = 263;

    private final String symbol;
    private volatile MemorySegment function;
    private volatile Consumer<MemorySegment> cleanup;

    NativeFunction(String symbol) {
        this.symbol = symbol;
    }

    /// A handle as a segment; when that is unreachable, this function, which destroys what it stands for, is called on it.
    @SuppressWarnings("restricted")
    MemorySegment owned(long handle) {
        return MemorySegment.ofAddress(handle).reinterpret(1, Arena.ofAuto(), cleanup());
    }

    private Consumer<MemorySegment> cleanup() {
        var cleanup = this.cleanup;
        if (cleanup == null) this.cleanup = cleanup = Cleanup.by(function());
        return cleanup;
    }

    /// Calls it; what it takes more than is given is 0.
    long call(long... a) {
        return Downcall.call(function(), a);
    }

    private MemorySegment function() {
        var function = this.function;
        if (function == null) this.function = function = Api.symbol(symbol);
        return function;
    }
}
