package dev.nacre.cpu.onednn;

/// What a native function returned. The order is oneDNN's.
public enum Status {
    SUCCESS,
    OUT_OF_MEMORY,
    INVALID_ARGUMENTS,
    UNIMPLEMENTED,
    LAST_IMPLEMENTATION_REACHED,
    RUNTIME_ERROR,
    NOT_REQUIRED,
    INVALID_GRAPH,
    INVALID_GRAPH_OP,
    INVALID_SHAPE,
    INVALID_DATA_TYPE,
    /// A code that this binding does not know.
    UNKNOWN;

    static Status of(int code) {
        return code >= 0 && code < UNKNOWN.ordinal() ? values()[code] : UNKNOWN;
    }
}
