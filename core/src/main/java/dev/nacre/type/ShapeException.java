package dev.nacre.type;

/// Sizes or axes that do not fit an operation.
public class ShapeException extends NacreException {
    private static final long serialVersionUID = 1L;

    public ShapeException(String message) {
        super(message);
    }
}
