package dev.nacre.cpu;

import dev.nacre.compile.Repeat;
import dev.nacre.compile.View;
import dev.nacre.cpu.memory.Memory;

/// Runs the body of a loop once per step. Allocates nothing.
final class RepeatStep implements Step {
    private final Repeat repeat;
    private final Step[] body;
    private final long[] inner;

    RepeatStep(Repeat repeat, Step[] body) {
        this.repeat = repeat;
        this.body = body;
        this.inner = new long[repeat.slots().size()];
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
            going = repeat.halt().isEmpty() || Memory.i8(inner[repeat.halt().get().flag()]) == 0;
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
            Memory.clear(start(v, addresses) + from, (repeat.steps() - done) * row);
        }
        for (Repeat.Last last : halt.lasts()) {
            View v = repeat.view(last.view());
            Memory.copy(inner[last.slot()], start(v, addresses), v.count() * v.dtype().bytes());
        }
    }

    private static long start(View v, long[] addresses) {
        return addresses[v.buffer()] + v.offset() * v.dtype().bytes();
    }
}
