package dev.nacre.type;

/// The root of all errors that Nacre reports to its user. Unchecked.
///
/// The library's own frames, and the JDK's between them, are removed from the top of the stack trace, so that the first line shown is the user's.
@SuppressWarnings("this-escape") // only Throwable's own methods are called
public class NacreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public NacreException(String message) {
        super(Shape.readable(message));
        super.setStackTrace(Frames.trimmed(super.getStackTrace()));
    }

    public NacreException(String message, Throwable cause) {
        super(Shape.readable(message), cause);
        super.setStackTrace(Frames.trimmed(super.getStackTrace()));
    }
}
