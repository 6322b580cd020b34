package dev.nacre.cli;

import picocli.CommandLine.Command;

@Command(name = "example", mixinStandardHelpOptions = true)
final class Example implements Runnable {
    @Override
    public void run() {}
}
