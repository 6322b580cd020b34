package dev.nacre.formats;

import dev.nacre.type.NacreException;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// A file that cannot be read or written, or is not what it should be.
public final class FormatException extends NacreException {
    private static final long serialVersionUID = 1L;

    private final transient Path path;

    public FormatException(String format, Path path, String problem) {
        super(format + ": " + path + " " + problem);
        this.path = path;
    }

    public FormatException(String format, Path path, String problem, Throwable cause) {
        super(format + ": " + path + " " + problem, cause);
        this.path = path;
    }

    private FormatException(String message, Path path, Throwable cause) {
        super(message, cause);
        this.path = path;
    }

    /// An operation that the system refused.
    ///
    /// @param action `read` or `write`
    public static FormatException of(String format, String action, Path path, IOException cause) {
        String why =
                switch (cause) {
                    case NoSuchFileException e when action.equals("read") || e.getFile() == null ->
                            "there is no such file";
                    case NoSuchFileException _ -> "there is no such folder";
                    case AccessDeniedException _ -> "permission denied";
                    case ClosedByInterruptException _ -> "the thread was interrupted";
                    case FileSystemException e when e.getReason() != null -> e.getReason();
                    default -> String.valueOf(cause.getMessage());
                };
        return new FormatException(
                format
                        + ": cannot "
                        + action
                        + " "
                        + path
                        + ": "
                        + why.substring(0, 1).toLowerCase(java.util.Locale.ROOT)
                        + why.substring(1),
                path,
                cause);
    }

    /// What a JSON parser says, without its advice about settings of its own that nobody here can change.
    public static String withoutAdvice(String message) {
        return message.replaceAll("(: enable|, from) `[^`]*`( to allow)?", "")
                .replaceFirst(": was expecting .*", "");
    }

    /// The file in question.
    public Path path() {
        return path;
    }
}
