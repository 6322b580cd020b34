package dev.nacre.cpu.onednn;

/// oneDNN refused to build or to run something.
public final class OneDnnException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /// Why, in oneDNN's words.
    private final Status status;

    OneDnnException(Status status, String what) {
        super(what + ": " + status.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '));
        this.status = status;
    }

    /// Why, in oneDNN's words. [Status#UNIMPLEMENTED] means the request is sound but no implementation takes it.
    public Status status() {
        return status;
    }
}
