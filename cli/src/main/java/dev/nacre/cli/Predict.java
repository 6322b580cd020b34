package dev.nacre.cli;

import picocli.CommandLine.Command;

@Command(name = "predict", mixinStandardHelpOptions = true)
final class Predict implements Runnable {
    @Override
    public void run() {}
}
