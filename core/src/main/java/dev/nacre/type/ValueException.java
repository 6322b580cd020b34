package dev.nacre.type;

/// Numbers that do not fit: an index out of range, a label that is no class, a loss that is not finite.
public class ValueException extends NacreException {
    private static final long serialVersionUID = 1L;

    public ValueException(String message) {
        super(message);
    }
}
