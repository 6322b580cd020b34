package dev.nacre.cli;

import picocli.CommandLine.Command;

@Command(name = "inspect", mixinStandardHelpOptions = true)
final class Inspect implements Runnable {
    @Override
    public void run() {}
}
