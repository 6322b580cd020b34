package dev.nacre.cpu.onednn;

import static dev.nacre.cpu.onednn.DataType.BF16;
import static dev.nacre.cpu.onednn.DataType.F32;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.cpu.Teams;
import dev.nacre.cpu.memory.Memory;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class PrimitiveTest {
    private static final MatMul SMALL =
            MatMul.of(
                    MemoryDesc.dense(F32, 20, 30),
                    MemoryDesc.dense(F32, 30, 40),
                    MemoryDesc.dense(F32, 20, 40));

    @BeforeAll
    static void library() {
        assumeTrue(OneDnn.get().isPresent());
    }

    private static MatMul square(DataType type, long size) {
        var desc = MemoryDesc.dense(type, size, size);
        return MatMul.of(desc, desc, desc);
    }

    /// Addresses of random operands.
    private static long[] addresses(Primitive primitive, List<Cells> alive) {
        var slots = primitive.slots();
        var addresses = new long[slots.size()];
        for (int i = 0; i < addresses.length; i++) {
            var desc = slots.get(i).desc();
            var cells =
                    desc.isStrided() && slots.get(i).role() != Slot.Role.SCRATCHPAD
                            ? Cells.random(desc, i)
                            : Cells.zeros(desc);
            alive.add(cells);
            addresses[i] = cells.address();
        }
        return addresses;
    }

    @Test
    void theLibraryTellsAboutItself() {
        var library = OneDnn.get().orElseThrow();
        assertTrue(library.version().startsWith("3."), library.version());
        assertTrue(library.instructions().startsWith("cpu_isa_"), library.instructions());
        assertTrue(library.toString().contains(library.path()));
    }

    @Test
    void equalSpecsAreTheSamePrimitive() {
        var primitive = Run.LIBRARY.primitive(SMALL);
        assertSame(
                primitive,
                Run.LIBRARY.primitive(
                        MatMul.of(
                                MemoryDesc.dense(F32, 20, 30),
                                MemoryDesc.dense(F32, 30, 40),
                                MemoryDesc.dense(F32, 20, 40))));
        assertNotEquals(primitive, Run.LIBRARY.primitive(SMALL.attributes(Attributes.NONE.relu())));
        assertEquals(SMALL, primitive.spec());
    }

    @Test
    void wrongSpecsAreExceptions() {
        var wrong =
                MatMul.of(
                        MemoryDesc.dense(F32, 2, 3),
                        MemoryDesc.dense(F32, 4, 5),
                        MemoryDesc.dense(F32, 2, 5));
        var e = assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(wrong));
        assertEquals(Status.INVALID_ARGUMENTS, e.status());
        assertTrue(e.getMessage().startsWith("MatMul["), e.getMessage());
        assertTrue(e.getMessage().contains("f32[4, 5]"), e.getMessage());
        assertTrue(e.getMessage().endsWith("invalid arguments"), e.getMessage());

        var image = MemoryDesc.dense(F32, 1, 4, 8, 8);
        var weights = MemoryDesc.dense(F32, 4, 4, 3, 3);
        for (var direction : Direction.values()) {
            var badOutput =
                    Convolution.of(
                            direction, image, weights, image, Window.of(2)); // must be 6 by 6
            assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(badOutput));
            var badWeights =
                    Convolution.of(
                            direction,
                            image,
                            MemoryDesc.dense(F32, 4, 5, 3, 3),
                            image,
                            Window.of(2).padding(1, 1));
            assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(badWeights));
            var badRank =
                    Convolution.of(
                            direction,
                            image,
                            MemoryDesc.dense(F32, 4, 4),
                            image,
                            Window.of(2).padding(1, 1));
            assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(badRank));
            var cropped =
                    Convolution.of(
                            direction,
                            image,
                            weights,
                            MemoryDesc.dense(F32, 1, 4, 4, 4),
                            Window.of(2).padding(-1, -1));
            assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(cropped));
        }
        assertThrows(
                OneDnnException.class,
                () ->
                        Run.LIBRARY.primitive(
                                Pooling.of(
                                        Direction.INFERENCE,
                                        Pooling.Mode.MAX,
                                        image,
                                        image,
                                        Window.of(2),
                                        3,
                                        3)));
        assertThrows(
                OneDnnException.class, () -> Run.LIBRARY.primitive(Reorder.of(image, weights)));
        var overlapping = MemoryDesc.strided(F32, new long[] {20, 30}, new long[] {2, 1});
        assertThrows(
                OneDnnException.class,
                () ->
                        Run.LIBRARY.primitive(
                                MatMul.of(
                                        overlapping,
                                        MemoryDesc.dense(F32, 30, 40),
                                        MemoryDesc.dense(F32, 20, 40))));
        var types =
                MatMul.of(
                        MemoryDesc.dense(F32, 2, 3),
                        MemoryDesc.dense(DataType.S8, 3, 5),
                        MemoryDesc.dense(DataType.S32, 2, 5));
        assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(types));
        var badBias = SMALL.bias(MemoryDesc.dense(F32, 40));
        assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(badBias));
        var badPostOp = SMALL.attributes(Attributes.NONE.add(MemoryDesc.dense(F32, 7, 7)));
        assertThrows(OneDnnException.class, () -> Run.LIBRARY.primitive(badPostOp));
    }

    @Test
    void wrongDescriptionsAreExceptions() {
        assertThrows(IllegalArgumentException.class, () -> MemoryDesc.dense(F32));
        assertThrows(IllegalArgumentException.class, () -> MemoryDesc.dense(F32, 3, -1));
        assertThrows(IllegalArgumentException.class, () -> MemoryDesc.dense(F32, new long[13]));
        assertThrows(
                IllegalArgumentException.class,
                () -> MemoryDesc.strided(F32, new long[] {2}, new long[] {1, 1}));
        assertThrows(
                IllegalArgumentException.class,
                () -> MemoryDesc.strided(F32, new long[] {2}, new long[] {-1}));
        assertThrows(IllegalArgumentException.class, () -> Window.of(2).strides(0, 1));
        assertThrows(IllegalArgumentException.class, () -> Window.of(2).strides(1));
    }

    @Test
    void descriptionsAreValues() {
        var dense = MemoryDesc.dense(F32, 3, 4);
        assertEquals(dense, MemoryDesc.strided(F32, new long[] {3, 4}, new long[] {4, 1}));
        assertEquals(dense, dense.transpose(0, 1).transpose(0, 1));
        assertEquals(48, dense.bytes());
        assertEquals(44, MemoryDesc.strided(F32, new long[] {2, 3}, new long[] {8, 1}).bytes());
        assertEquals("f32[3, 4] strides [4, 1]", dense.toString());
        assertEquals("bf16[3, 4] any", MemoryDesc.any(BF16, 3, 4).toString());
        assertEquals(dense.hashCode(), MemoryDesc.dense(F32, 3, 4).hashCode());
        assertNotEquals(dense, MemoryDesc.dense(BF16, 3, 4));
        assertNotEquals(dense, dense.any());
    }

    @Test
    void wrongAddressesAreExceptions() {
        var primitive = Run.LIBRARY.primitive(SMALL);
        var call = primitive.call();
        assertThrows(IllegalArgumentException.class, () -> call.run(new long[1]));
        assertThrows(
                IllegalArgumentException.class, () -> call.run(new long[primitive.slots().size()]));
        assertThrows(IllegalArgumentException.class, call::run);
    }

    @Test
    void sixteenThreadsOnOnePrimitive() throws InterruptedException {
        for (long size : new long[] {32, 300}) {
            var primitive = Run.LIBRARY.primitive(square(F32, size));
            var wrong = new AtomicInteger();
            var threads = new ArrayList<Thread>();
            for (int t = 0; t < 16; t++) {
                var builder = t % 4 == 0 ? Thread.ofVirtual() : Thread.ofPlatform();
                threads.add(
                        builder.start(() -> {
                            var alive = new ArrayList<Cells>();
                            var addresses = addresses(primitive, alive);
                            var call = primitive.call();
                            call.run(addresses);
                            var expected = alive.get(2).content();
                            for (int i = 0; i < 30; i++) {
                                Cells.zeros(primitive.desc(Slot.Role.DST));
                                call.run(addresses);
                                if (!Arrays.equals(expected, alive.get(2).content()))
                                    wrong.incrementAndGet();
                            }
                        }));
            }
            for (var thread : threads) thread.join();
            assertEquals(0, wrong.get());
        }
    }

    @Test
    void productsHaveTheSameBitsInPiecesOfAnySize() {
        for (long[] s : new long[][] {{700, 300, 1100}, {1024, 384, 512}, {384, 2048, 390}}) {
            for (var type : List.of(F32, BF16)) {
                var pieces = new HashSet<Integer>();
                var src = MemoryDesc.dense(type, s[0], s[1]);
                var weights = MemoryDesc.dense(type, s[1], s[2]);
                var dst = MemoryDesc.dense(type, s[0], s[2]);
                var turned = MemoryDesc.dense(type, s[1], s[0]).transpose(0, 1);
                var columns = MemoryDesc.dense(type, s[2], s[1]).transpose(0, 1);
                for (var spec :
                        List.of(
                                MatMul.of(src, weights, dst),
                                MatMul.of(src, weights.any(), dst),
                                MatMul.of(src, columns, dst),
                                MatMul.of(turned, weights, dst),
                                MatMul.of(turned, columns, dst))) {
                    var a = Cells.random(spec.src(), 1);
                    var b = Cells.random(weights, 2);
                    byte[] expected = null;
                    for (int threads : new int[] {1, 2, 3, 16}) {
                        var primitive = new Primitive(Run.LIBRARY, spec, Teams.of(threads));
                        pieces.add(primitive.pieces());
                        var c = Cells.zeros(dst);
                        Run.run(primitive, a, b, c);
                        if (expected == null) expected = c.content();
                        assertArrayEquals(expected, c.content(), threads + ": " + primitive);
                    }
                }
                assertTrue(pieces.size() > 1, Arrays.toString(s) + " always in " + pieces);
            }
        }
    }

    @Test
    void theSameBitsOnAnyNumberOfThreads() {
        var image = ConvolutionTest.image(F32, true, 4, 64, 28, 28);
        var window = Window.of(2).padding(1, 1);
        var weights = MemoryDesc.dense(F32, 64, 64, 3, 3);
        for (var spec :
                List.<Spec>of(
                        square(F32, 300),
                        square(BF16, 300),
                        MatMul.of(
                                MemoryDesc.dense(F32, 4, 200_000),
                                MemoryDesc.dense(F32, 200_000, 8),
                                MemoryDesc.dense(F32, 4, 8)),
                        Convolution.of(Direction.FORWARD, image, weights, image, window),
                        Convolution.of(Direction.BACKWARD_DATA, image, weights, image, window),
                        Convolution.of(Direction.BACKWARD_WEIGHTS, image, weights, image, window)
                                .bias(MemoryDesc.dense(F32, 64)),
                        Pooling.of(
                                Direction.INFERENCE, Pooling.Mode.MEAN, image, image, window, 3, 3),
                        Pooling.of(
                                Direction.BACKWARD_DATA,
                                Pooling.Mode.MEAN,
                                image,
                                image,
                                window,
                                3,
                                3))) {
            List<byte[]> expected = List.of();
            for (int threads : new int[] {1, 2, 3, 7}) {
                var primitive = new Primitive(Run.LIBRARY, spec, Teams.of(threads));
                assertTrue(primitive.pieces() > 1, primitive.toString());
                var alive = new ArrayList<Cells>();
                primitive.call().run(addresses(primitive, alive));
                int operands = primitive.slots().size() - (primitive.scratchpadBytes() > 0 ? 1 : 0);
                var actual = alive.subList(0, operands).stream().map(Cells::content).toList();
                if (threads == 1) expected = actual;
                for (int i = 0; i < operands; i++)
                    assertArrayEquals(
                            expected.get(i), actual.get(i), threads + " threads: " + primitive);
            }
        }
    }

    @Test
    void convolutionsHaveTheSameBitsInPiecesOfAnySize() {
        for (long[] s : // images, channels, outputs, rows of the result, kernel, stride
                new long[][] {
                    {1, 128, 96, 7, 3, 1},
                    {1, 128, 96, 7, 3, 2},
                    {1, 64, 64, 14, 3, 2},
                    {1, 3, 64, 28, 7, 2},
                    {3, 64, 64, 9, 5, 1},
                    {2, 64, 64, 14, 1, 1}
                }) {
            for (var type : List.of(F32, BF16)) {
                long pixels = (s[3] - 1) * s[5] + 1;
                var src = ConvolutionTest.image(type, true, s[0], s[1], pixels, pixels);
                var dst = ConvolutionTest.image(type, true, s[0], s[2], s[3], s[3]);
                var window = Window.of(2).strides(s[5], s[5]).padding(s[4] / 2, s[4] / 2);
                var weights = MemoryDesc.dense(type, s[2], s[1], s[4], s[4]);
                for (var direction : List.of(Direction.FORWARD, Direction.BACKWARD_DATA)) {
                    var spec = Convolution.of(direction, src, weights, dst, window);
                    byte[] expected = null;
                    for (int threads : new int[] {1, 2, 3, 16}) {
                        var primitive = new Primitive(Run.LIBRARY, spec, Teams.of(threads));
                        var alive = new ArrayList<Cells>();
                        primitive.call().run(addresses(primitive, alive));
                        var result = alive.get(direction == Direction.FORWARD ? 2 : 0).content();
                        if (expected == null) expected = result;
                        assertArrayEquals(expected, result, threads + ": " + primitive);
                    }
                }
            }
        }
    }

    @Test
    void fewRowsGoEvenlyToTheMembers() {
        for (int[] s : new int[][] {{7, 2, 2}, {7, 3, 3}, {14, 2, 7}, {14, 16, 7}, {9, 2, 3}}) {
            var image = ConvolutionTest.image(F32, true, 1, 512, s[0], s[0]);
            var spec =
                    Convolution.of(
                            Direction.FORWARD,
                            image,
                            MemoryDesc.any(F32, 512, 512, 3, 3),
                            image,
                            Window.of(2).padding(1, 1));
            var primitive = new Primitive(Run.LIBRARY, spec, Teams.of(s[1]));
            assertEquals(s[2], primitive.pieces(), s[0] + " rows: " + primitive);
        }
    }

    /// Products and convolutions that are divided in all the ways there are.
    private static List<Spec> divided() {
        var rows = MemoryDesc.strided(F32, new long[] {300, 200}, new long[] {250, 1});
        var batch = MemoryDesc.strided(F32, new long[] {3, 5, 16, 8}, new long[] {900, 150, 8, 1});
        var items = MemoryDesc.dense(F32, 3, 5, 16, 12);
        var thin = MemoryDesc.dense(F32, 4, 200_000);
        var image = ConvolutionTest.image(F32, true, 2, 64, 14, 14);
        var other = ConvolutionTest.image(F32, false, 2, 64, 14, 14);
        var few = ConvolutionTest.image(F32, true, 1, 256, 7, 7);
        var window = Window.of(2).padding(1, 1);
        var a = MemoryDesc.dense(F32, 300, 100);
        var b = MemoryDesc.dense(F32, 100, 200);
        var long8 = MemoryDesc.dense(F32, 200_000, 8);
        var dst = MemoryDesc.dense(F32, 4, 8);
        return List.<Spec>of(
                SMALL,
                square(F32, 300),
                MatMul.of(a, b, rows),
                MatMul.of(a, b.any(), rows),
                MatMul.of(items, MemoryDesc.dense(F32, 3, 5, 12, 8), batch),
                MatMul.of(thin, long8, dst),
                MatMul.of(thin, long8, dst).bias(MemoryDesc.dense(F32, 1, 8)),
                MatMul.of(
                        MemoryDesc.dense(F32, 512, 256).transpose(0, 1),
                        MemoryDesc.dense(F32, 512, 512),
                        MemoryDesc.dense(F32, 256, 512)),
                Convolution.of(
                        Direction.FORWARD,
                        image,
                        MemoryDesc.dense(F32, 64, 64, 3, 3),
                        image,
                        window),
                Convolution.of(
                        Direction.INFERENCE,
                        other,
                        MemoryDesc.dense(F32, 64, 64, 3, 3),
                        other,
                        window),
                Convolution.of(
                        Direction.FORWARD,
                        few,
                        MemoryDesc.dense(F32, 256, 256, 3, 3),
                        few,
                        window));
    }

    @Test
    void whatFollowsIsDoneOnceWithEachNumber() {
        for (var spec : divided()) {
            var primitive = Run.LIBRARY.primitive(spec);
            int result = primitive.slot(Slot.Role.DST).orElseThrow();
            var alive = new ArrayList<Cells>();
            var addresses = addresses(primitive, alive);
            primitive.call().run(addresses);
            var cells = alive.get(result);
            cells.forEach(i -> cells.set(i, (float) cells.get(i) + 1));
            var expected = cells.content();
            primitive.call(PrimitiveTest::addingOne).run(addresses);
            assertArrayEquals(expected, cells.content(), primitive.toString());
        }
        var image = ConvolutionTest.image(F32, true, 1, 8, 6, 6);
        var gradient =
                Run.LIBRARY.primitive(
                        Convolution.of(
                                Direction.BACKWARD_DATA,
                                image,
                                MemoryDesc.dense(F32, 8, 8, 3, 3),
                                image,
                                Window.of(2).padding(1, 1)));
        assertThrows(IllegalStateException.class, () -> gradient.call(PrimitiveTest::addingOne));
    }

    private static LongConsumer addingOne(MemoryDesc piece) {
        var strides = piece.strides().orElseThrow();
        return at ->
                Cells.forEach(
                        piece.dims(),
                        index -> {
                            long place = at;
                            for (int i = 0; i < index.length; i++)
                                place += Float.BYTES * index[i] * strides[i];
                            Memory.f32(place, Memory.f32(place) + 1);
                        });
    }

    @Test
    void runningAllocatesNothing() {
        var memory = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (long size : new long[] {16, 300}) {
            var primitive = Run.LIBRARY.primitive(square(F32, size));
            var alive = new ArrayList<Cells>();
            var addresses = addresses(primitive, alive);
            var other = addresses(primitive, alive);
            var call = primitive.call();
            long least = Long.MAX_VALUE; // until everything is linked and compiled, something is
            // allocated
            for (int round = 0; round < 40 && least > 1000; round++) {
                long before = memory.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 200; i++) call.run(i % 2 == 0 ? addresses : other);
                least = Math.min(least, memory.getCurrentThreadAllocatedBytes() - before);
            }
            assertTrue(least <= 1000, least + " bytes");
        }
    }

    @Test
    void whatNobodyHoldsIsFreed() throws InterruptedException {
        var spec = square(F32, 61);
        var held = new java.lang.ref.WeakReference<>(Run.LIBRARY.primitive(spec));
        for (int i = 0; i < 100 && held.get() != null; i++) {
            System.gc();
            Thread.sleep(10);
        }
        assertEquals(null, held.get());
        assertNotNull(Run.LIBRARY.primitive(spec).call());
    }

    @Test
    void thousandsOfCallsLeaveNoMemoryBehind() throws Exception {
        assumeTrue(java.nio.file.Files.exists(java.nio.file.Path.of("/proc/self/status")));
        var primitive = Run.LIBRARY.primitive(square(F32, 300));
        long before = 0;
        for (int round = 0; round < 30; round++) {
            for (int i = 0; i < 100; i++) primitive.call();
            System.gc();
            Thread.sleep(20);
            if (round == 10) before = resident();
        }
        long grown = resident() - before;
        assertTrue(grown < 30_000, grown + " kB");
    }

    private static long resident() throws java.io.IOException {
        try (var lines = java.nio.file.Files.lines(java.nio.file.Path.of("/proc/self/status"))) {
            return Long.parseLong(
                    lines.filter(l -> l.startsWith("VmRSS:"))
                            .findFirst()
                            .orElseThrow()
                            .replaceAll("\\D", ""));
        }
    }
}
