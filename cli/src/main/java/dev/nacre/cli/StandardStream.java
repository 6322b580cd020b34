package dev.nacre.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;

/// Standard output as it is, which remembers that it could not be written: a `PrintWriter` tells nobody.
final class StandardStream extends OutputStream {
    private final FileOutputStream to;
    private volatile IOException failure;

    StandardStream(FileDescriptor to) {
        this.to = new FileOutputStream(to);
    }

    /// What went wrong first.
    Optional<IOException> failure() {
        return Optional.ofNullable(failure);
    }

    /// Whether whoever read the output has gone, as `head` does: nothing to complain of.
    boolean isLeft() {
        return failure != null && String.valueOf(failure.getMessage()).contains("Broken pipe");
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
        try {
            to.write(bytes, from, length);
        } catch (IOException e) {
            failure = failure == null ? e : failure;
            throw e;
        }
    }
}
