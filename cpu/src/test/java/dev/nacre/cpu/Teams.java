package dev.nacre.cpu;

/// Teams of any size, for tests.
public final class Teams {
    private Teams() {}

    public static Team of(int size) {
        return new Team(size);
    }
}
