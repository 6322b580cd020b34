package dev.nacre.bench;

import dev.nacre.bench.protocol.Case;
import dev.nacre.bench.protocol.Server;
import dev.nacre.bench.protocol.Workload;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/// An engine that does nothing, in the way that the property `behaviour` says: a number is what it computes; else `none`, `unchecked`, `throws`, `dies` or `single`.
final class StandIn {
    private StandIn() {}

    public static void main(String[] args) throws IOException {
        System.out.println("noise of a library, which must not be taken for an answer");
        Server.serve("stand-in", StandIn::open);
    }

    private static Optional<Workload> open(Case c) {
        String behaviour = System.getProperty("behaviour");
        return switch (behaviour) {
            case "none" -> Optional.empty();
            case "throws" -> throw new IllegalStateException("no such luck\nat all");
            case "dies" -> {
                Runtime.getRuntime().halt(3);
                yield Optional.empty();
            }
            default -> Optional.of(new Idle(behaviour, new AtomicInteger()));
        };
    }

    private record Idle(String behaviour, AtomicInteger most) implements Workload {
        @Override
        public void step() throws InterruptedException {
            most.incrementAndGet();
            Thread.sleep(0, 100_000);
        }

        @Override
        public double[] check() throws Unchecked {
            if (behaviour.equals("unchecked")) {
                throw new Unchecked("it is special");
            }
            return new double[] {Double.parseDouble(behaviour), 1};
        }
    }
}
