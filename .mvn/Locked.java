import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/// `java Locked.java FILE COMMAND…`: runs a command that no other process runs at the same time. The system takes the lock away when its owner ends, however that happens.
final class Locked {
    private Locked() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        try (FileChannel file =
                        FileChannel.open(
                                Path.of(args[0]),
                                StandardOpenOption.CREATE,
                                StandardOpenOption.WRITE);
                FileLock lock = acquired(file)) {
            Process p =
                    new ProcessBuilder(Arrays.asList(args).subList(1, args.length))
                            .inheritIO()
                            .start();
            Runtime.getRuntime().addShutdownHook(new Thread(p::destroy));
            int status = p.waitFor();
            Runtime.getRuntime().halt(status);
        }
    }

    private static FileLock acquired(FileChannel file) throws IOException {
        FileLock free = file.tryLock();
        if (free != null) {
            return free;
        }
        System.err.println("nacre: waiting for another process to build");
        return file.lock();
    }
}
