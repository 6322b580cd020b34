package dev.nacre.type;

/// Element types that do not fit an operation.
public class DTypeException extends NacreException {
    private static final long serialVersionUID = 1L;

    public DTypeException(String message) {
        super(message);
    }
}
