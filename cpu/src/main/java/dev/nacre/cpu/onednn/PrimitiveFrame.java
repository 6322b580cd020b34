package dev.nacre.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The native arguments of a piece that oneDNN has compiled.
final class PrimitiveFrame implements Frame {
    private static final long ARGUMENT_BYTES = 16; // struct { int argument; memory_t *memory; }

    private final Code code;
    private final long handle;
    private final long stream;
    private final int count;
    private final int operands;
    private final int[] bases;
    private final long[] offsets;
    private final long[][] items;
    private final long[] memories;
    private final long[] current;
    private final List<MemorySegment> owned = new ArrayList<>(); // the memories
    private final MemorySegment table; // lives as long as this

    PrimitiveFrame(OneDnn library, Split.Piece piece, long partialOffset) {
        this.code = piece.code();
        this.handle = code.handle();
        this.stream = library.stream();
        this.operands = code.operands().size();
        var list = code.arguments();
        this.count = list.size();
        this.bases = piece.bases();
        this.offsets = piece.offsets().clone();
        this.items = piece.items();
        for (int i = 0; i < operands; i++)
            if (bases[i] == Split.PARTIAL) offsets[i] += partialOffset;
        this.memories = new long[count];
        this.current = new long[count];
        this.table = Arena.ofAuto().allocate(ARGUMENT_BYTES * count, Long.BYTES);
        try (var scope = library.scope(code.spec())) {
            for (int i = 0; i < count; i++) {
                memories[i] = scope.memory(list.get(i).slot().desc());
                owned.add(NativeFunction.MEMORY_DESTROY.owned(memories[i]));
                table.set(JAVA_INT, ARGUMENT_BYTES * i, list.get(i).number());
                table.set(JAVA_LONG, ARGUMENT_BYTES * i + Long.BYTES, memories[i]);
            }
        }
    }

    @Override
    public void run(long[] whole, int scratchpad, long lane) {
        if (operands < count) point(operands, lane);
        Api.oneThread();
        for (long[] item : items) {
            for (int i = 0; i < operands; i++)
                point(i, whole[bases[i] < 0 ? scratchpad : bases[i]] + offsets[i] + item[i]);
            check(Api.execute(handle, stream, count, table.address()));
        }
    }

    private void point(int argument, long address) {
        if (current[argument] == address) return;
        check(Api.setAddress(memories[argument], address));
        current[argument] = address;
    }

    private void check(int status) {
        if (status != 0) throw new OneDnnException(Status.of(status), "running " + code);
    }
}
