package dev.nacre.cli;

import picocli.CommandLine.Command;

@Command(name = "doctor", mixinStandardHelpOptions = true)
final class Doctor implements Runnable {
    @Override
    public void run() {}
}
