package dev.nacre.cpu;

import dev.nacre.compile.Repeat;
import dev.nacre.compile.View;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Runs the body of a loop once per step. Allocates nothing.
final class RepeatStep implements Step {
    private static final MemorySegment ALL = all();

    private final Repeat repeat;
    private final Step[] body;
    private final long[] inner;

    RepeatStep(Repeat repeat, Step[] body) {
        this.repeat = repeat;
        this.body = body;
        this.inner = new long[repeat.slots().size()];
    }

    @SuppressWarnings("restricted")
    private static MemorySegment all() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    @Override
    public void run(long[] addresses) {
        if (repeat.steps() > 0) {
            repeat.locate(0, addresses, inner);
            for (Step s : body) {
                if (s instanceof PackedProduct p) {
                    p.pack(inner);
                }
            }
        }
        long done = 0;
        boolean going = true;
        for (; done < repeat.steps() && going; done++) {
            repeat.locate(done, addresses, inner);
            for (Step s : body) {
                s.run(inner);
            }
            going =
                    repeat.halt().isEmpty()
                            || ALL.get(ValueLayout.JAVA_BYTE, inner[repeat.halt().get().flag()])
                                    == 0;
        }
        if (repeat.halt().isPresent()) {
            repeat.locate(done, addresses, inner);
            finish(repeat.halt().get(), done, addresses);
        }
    }

    private void finish(Repeat.Halt halt, long done, long[] addresses) {
        for (Repeat.Rest rest : halt.rests()) {
            View v = repeat.view(rest.view());
            long row = v.count() / Math.max(1, repeat.steps()) * v.dtype().bytes();
            long from = rest.backwards() ? 0 : done * row;
            ALL.asSlice(start(v, addresses) + from, (repeat.steps() - done) * row).fill((byte) 0);
        }
        for (Repeat.Last last : halt.lasts()) {
            View v = repeat.view(last.view());
            MemorySegment.copy(
                    ALL,
                    inner[last.slot()],
                    ALL,
                    start(v, addresses),
                    v.count() * v.dtype().bytes());
        }
    }

    private static long start(View v, long[] addresses) {
        return addresses[v.buffer()] + v.offset() * v.dtype().bytes();
    }
}
