package dev.nacre.cpu.x86;

import static dev.nacre.cpu.x86.Assembler.*;
import static dev.nacre.cpu.x86.Instruction.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.cpu.x86.Lane.Numbers;
import dev.nacre.cpu.x86.Operand.Memory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every instruction is executed, in all forms of its operands and with registers from both halves of the file, and compared with what Java computes.
@EnabledIf("hasAvx512")
class AssemblerTest {
    static boolean hasAvx512() {
        return Machine.hasAvx512();
    }

    /// Of two sources, and of one.
    private static final Map<Instruction, Lane> TWO = new EnumMap<>(Instruction.class);

    private static final Map<Instruction, Lane> ONE = new EnumMap<>(Instruction.class);

    /// Those that cannot take one element of memory for all lanes.
    private static final Set<Instruction> WHOLE =
            EnumSet.of(MOVAPS, PMOVZXBD, PMOVSXBD, PMOVZXWD, PMOVSXDQ);

    /// Those that move lanes or make masks have tests of their own.
    private static final Set<Instruction> OTHERS =
            EnumSet.of(
                    CMPPS,
                    CMPPD,
                    PCMPD,
                    PCMPQ,
                    PTESTMB,
                    PBLENDMD,
                    PBLENDMQ,
                    RANGEPS,
                    RANGEPD,
                    LOAD8,
                    LOAD32,
                    LOAD64,
                    STORE8,
                    STORE32,
                    STORE64,
                    STORED,
                    STOREQ,
                    GATHERQPS,
                    GATHERQPD,
                    SCATTERQPS,
                    SCATTERQPD,
                    BROADCASTD,
                    BROADCASTQ,
                    BROADCASTRD,
                    BROADCASTRQ,
                    EXTRACT256,
                    EXTRACT128,
                    INSERT256,
                    UNPCKHPD,
                    MOVSHDUP,
                    PMOVDB,
                    PMOVDW,
                    PMOVQD);

    static {
        TWO.put(ADDPS, Lane.f32((_, a, b) -> a + b));
        TWO.put(ADDPD, Lane.f64((_, a, b) -> a + b));
        TWO.put(MULPS, Lane.f32((_, a, b) -> a * b));
        TWO.put(MULPD, Lane.f64((_, a, b) -> a * b));
        TWO.put(SUBPS, Lane.f32((_, a, b) -> a - b));
        TWO.put(SUBPD, Lane.f64((_, a, b) -> a - b));
        TWO.put(DIVPS, Lane.f32((_, a, b) -> a / b));
        TWO.put(DIVPD, Lane.f64((_, a, b) -> a / b));
        TWO.put(MINPS, Lane.f32((_, a, b) -> a < b ? a : b));
        TWO.put(MINPD, Lane.f64((_, a, b) -> a < b ? a : b));
        TWO.put(MAXPS, Lane.f32((_, a, b) -> a > b ? a : b));
        TWO.put(MAXPD, Lane.f64((_, a, b) -> a > b ? a : b));
        TWO.put(FMADD132PS, Lane.f32((o, a, b) -> Math.fma(o, b, a)));
        TWO.put(FMADD132PD, Lane.f64((o, a, b) -> Math.fma(o, b, a)));
        TWO.put(FMADD213PS, Lane.f32((o, a, b) -> Math.fma(a, o, b)));
        TWO.put(FMADD213PD, Lane.f64((o, a, b) -> Math.fma(a, o, b)));
        TWO.put(FMADD231PS, Lane.f32((o, a, b) -> Math.fma(a, b, o)));
        TWO.put(FMADD231PD, Lane.f64((o, a, b) -> Math.fma(a, b, o)));
        TWO.put(PADDD, Lane.whole(4, (_, a, b) -> a + b));
        TWO.put(PADDQ, Lane.whole(8, (_, a, b) -> a + b));
        TWO.put(PSUBD, Lane.whole(4, (_, a, b) -> a - b));
        TWO.put(PSUBQ, Lane.whole(8, (_, a, b) -> a - b));
        TWO.put(PMULLD, Lane.whole(4, (_, a, b) -> a * b));
        TWO.put(PMULLQ, Lane.whole(8, (_, a, b) -> a * b));
        TWO.put(PMINSD, Lane.whole(4, (_, a, b) -> Math.min(a, b)));
        TWO.put(PMINSQ, Lane.whole(8, (_, a, b) -> Math.min(a, b)));
        TWO.put(PMAXSD, Lane.whole(4, (_, a, b) -> Math.max(a, b)));
        TWO.put(PMAXSQ, Lane.whole(8, (_, a, b) -> Math.max(a, b)));
        TWO.put(PANDD, Lane.whole(4, (_, a, b) -> a & b));
        TWO.put(PANDQ, Lane.whole(8, (_, a, b) -> a & b));
        TWO.put(PORD, Lane.whole(4, (_, a, b) -> a | b));
        TWO.put(PORQ, Lane.whole(8, (_, a, b) -> a | b));
        TWO.put(PXORD, Lane.whole(4, (_, a, b) -> a ^ b));
        TWO.put(PXORQ, Lane.whole(8, (_, a, b) -> a ^ b));
        TWO.put(PSLLVD, Lane.shift(4, (_, a, n) -> n > 31 ? 0 : a << n));
        TWO.put(PSLLVQ, Lane.shift(8, (_, a, n) -> n > 63 ? 0 : a << n));
        TWO.put(PSRAVD, Lane.shift(4, (_, a, n) -> a >> Math.min(n, 31)));
        TWO.put(PSRAVQ, Lane.shift(8, (_, a, n) -> a >> Math.min(n, 63)));
        TWO.put(PSRLVD, Lane.shift(4, (_, a, n) -> n > 31 ? 0 : (a & 0xFFFFFFFFL) >> n));
        TWO.put(PSRLVQ, Lane.shift(8, (_, a, n) -> n > 63 ? 0 : a >>> n));
        ONE.put(
                SQRTPS,
                Lane.convert(
                        4,
                        4,
                        Numbers.POSITIVE,
                        x -> Float.floatToIntBits((float) Math.sqrt(Lane.f(x)))));
        ONE.put(
                SQRTPD,
                Lane.convert(
                        8,
                        8,
                        Numbers.POSITIVE,
                        x -> Double.doubleToLongBits(Math.sqrt(Lane.d(x)))));
        ONE.put(PABSD, Lane.whole(4, (_, _, x) -> Math.abs(x)));
        ONE.put(PABSQ, Lane.whole(8, (_, _, x) -> Math.abs(x)));
        ONE.put(MOVAPS, Lane.whole(4, (_, _, x) -> x));
        ONE.put(PMOVZXBD, Lane.convert(1, 4, Numbers.INTEGERS, x -> x & 0xFF));
        ONE.put(PMOVSXBD, Lane.convert(1, 4, Numbers.INTEGERS, x -> x));
        ONE.put(PMOVZXWD, Lane.convert(2, 4, Numbers.INTEGERS, x -> x & 0xFFFF));
        ONE.put(PMOVSXDQ, Lane.convert(4, 8, Numbers.INTEGERS, x -> x));
        ONE.put(CVTDQ2PS, Lane.convert(4, 4, Numbers.INTEGERS, x -> Float.floatToIntBits((int) x)));
        ONE.put(CVTQQ2PS, Lane.convert(8, 4, Numbers.INTEGERS, x -> Float.floatToIntBits(x)));
        ONE.put(CVTDQ2PD, Lane.convert(4, 8, Numbers.INTEGERS, x -> Double.doubleToLongBits(x)));
        ONE.put(CVTQQ2PD, Lane.convert(8, 8, Numbers.INTEGERS, x -> Double.doubleToLongBits(x)));
        ONE.put(
                CVTPS2PD,
                Lane.convert(4, 8, Numbers.FLOATS, x -> Double.doubleToLongBits(Lane.f(x))));
        ONE.put(
                CVTPD2PS,
                Lane.convert(8, 4, Numbers.FLOATS, x -> Float.floatToIntBits((float) Lane.d(x))));
        ONE.put(CVTTPS2DQ, Lane.convert(4, 4, Numbers.FLOATS, x -> (int) Lane.f(x)));
        ONE.put(CVTTPD2DQ, Lane.convert(8, 4, Numbers.FLOATS, x -> (int) Lane.d(x)));
        ONE.put(CVTTPS2QQ, Lane.convert(4, 8, Numbers.FLOATS, x -> (long) Lane.f(x)));
        ONE.put(CVTTPD2QQ, Lane.convert(8, 8, Numbers.FLOATS, x -> (long) Lane.d(x)));
    }

    @Test
    void everyInstructionIsTested() {
        Set<Instruction> tested = EnumSet.copyOf(TWO.keySet());
        tested.addAll(ONE.keySet());
        tested.addAll(OTHERS);
        assertEquals(EnumSet.allOf(Instruction.class), tested);
    }

    /// Destination, first source, last source: low and high registers in all places.
    private static final int[][] REGISTERS = {{0, 1, 2}, {9, 18, 27}, {31, 7, 16}, {20, 12, 8}};

    // places in memory
    private static final int OLD = 0;
    private static final int FIRST = 64;
    private static final int LAST = 128;
    private static final int OUT = 192;

    private static void load(Assembler a, int register, int from) {
        a.vector(MOVAPS, 64, register, Memory.at(RDI, from));
    }

    private static void store(Assembler a, int register, int to) {
        a.vector(STORE64, 64, register, Memory.at(RDI, to));
    }

    /// The last operand in each form there is; the second of a pair says whether its first element stands for all.
    private record Form(String name, boolean broadcast, Consumer<Assembler> before, Source last) {}

    @FunctionalInterface
    private interface Source {
        Operand of(Assembler a, int register, byte[] value);
    }

    private static List<Form> forms(int element) {
        List<Form> out = new ArrayList<>();
        out.add(new Form("register", false, _ -> {}, (_, r, _) -> Operand.register(r)));
        for (int base : new int[] {RDI, RSI, R8, R12, R13}) {
            Consumer<Assembler> move = a -> a.move(base, RDI);
            out.add(new Form("base " + base, false, move, (_, _, _) -> Memory.at(base, LAST)));
            for (int index : base == R8 || base == RSI ? new int[] {RAX, R9, R14} : new int[0]) {
                for (int scale : new int[] {1, 2, 4, 8}) {
                    out.add(
                            new Form(
                                    "base %d + %d*%d".formatted(base, index, scale),
                                    false,
                                    a -> {
                                        a.move(base, RDI);
                                        a.moveNumber(index, 8);
                                    },
                                    (_, _, _) -> new Memory(base, index, scale, LAST - 8 * scale)));
                }
            }
        }
        out.add(
                new Form(
                        "constant",
                        false,
                        _ -> {},
                        (a, _, v) -> new Operand.Constant(a.constant(v), false)));
        if (element >= 4) {
            out.add(
                    new Form(
                            "one constant",
                            true,
                            _ -> {},
                            (a, _, v) ->
                                    new Operand.Constant(
                                            a.constant(Arrays.copyOf(v, element)), true)));
        }
        return out;
    }

    static List<Instruction> ofLanes() {
        List<Instruction> out = new ArrayList<>(TWO.keySet());
        out.addAll(ONE.keySet());
        return out;
    }

    /// One execution of an instruction.
    ///
    /// @param r destination, first and last source
    /// @param length of vectors in bytes
    /// @param mask which lanes are computed
    /// @param masked whether the mask is used at all
    /// @param zero whether lanes outside become zero, or stay
    private record Case(Form form, int[] r, int length, int mask, boolean masked, boolean zero) {}

    private static List<Case> cases(Random random, int element) {
        List<Case> out = new ArrayList<>();
        for (Form f : forms(element)) {
            for (int[] r : REGISTERS) {
                for (int length : new int[] {16, 32, 64}) {
                    boolean masked = random.nextBoolean();
                    boolean zero = masked && random.nextBoolean();
                    int mask = masked ? random.nextInt() : -1;
                    out.add(new Case(f, r, length, mask, masked, zero));
                }
            }
        }
        return out;
    }

    @ParameterizedTest
    @MethodSource("ofLanes")
    void lanes(Instruction i) {
        boolean two = TWO.containsKey(i);
        Lane lane = two ? TWO.get(i) : ONE.get(i);
        Random random = new Random(i.ordinal());
        byte[] old = lane.draw(random, false);
        byte[] first = lane.draw(random, false);
        byte[] last = lane.draw(random, true);
        List<Case> cases = cases(random, WHOLE.contains(i) ? 0 : lane.in());
        byte[] memory = new byte[OUT + 64 * cases.size()];
        System.arraycopy(old, 0, memory, OLD, 64);
        System.arraycopy(first, 0, memory, FIRST, 64);
        System.arraycopy(last, 0, memory, LAST, 64);
        byte[] got =
                Program.run(
                        memory,
                        a -> {
                            for (int k = 0; k < cases.size(); k++) {
                                write(a, i, two, cases.get(k), last);
                                store(a, cases.get(k).r[0], OUT + 64 * k);
                            }
                        });
        for (int k = 0; k < cases.size(); k++) {
            Case c = cases.get(k);
            assertArrayEquals(
                    expected(lane, c, old, first, last),
                    Arrays.copyOfRange(got, OUT + 64 * k, OUT + 64 * k + 64),
                    () -> i + " " + c);
        }
    }

    private static void write(Assembler a, Instruction i, boolean two, Case c, byte[] last) {
        c.form.before.accept(a);
        load(a, c.r[0], OLD);
        load(a, c.r[1], FIRST);
        load(a, c.r[2], LAST);
        a.moveNumber(R11, c.mask);
        a.maskFromGeneral(5, R11);
        Operand operand = c.form.last.of(a, c.r[2], last);
        a.vector(i, c.length, c.r[0], two ? c.r[1] : 0, operand, c.masked ? 5 : 0, c.zero);
    }

    private static byte[] expected(Lane lane, Case c, byte[] old, byte[] first, byte[] last) {
        byte[] out = new byte[64]; // zero beyond the lanes
        for (int k = 0; k < c.length / Math.max(lane.in(), lane.out()); k++) {
            int at = k * lane.out();
            long before = Lane.read(old, at, lane.out());
            long a = Lane.read(first, at, lane.out());
            long b = Lane.read(last, c.form.broadcast ? 0 : k * lane.in(), lane.in());
            boolean computed = (c.mask >> k & 1) == 1;
            long value = computed ? lane.meaning().of(before, a, b) : c.zero ? 0 : before;
            Lane.write(out, at, lane.out(), value);
        }
        return out;
    }

    // --------------------------------------------------------------------------------------------
    // moving lanes

    private static final byte[] DATA = new byte[256];

    static {
        new Random(1).nextBytes(DATA);
    }

    /// Memory after instructions on random data: 128 bytes in, the rest 0 before.
    private static byte[] after(Consumer<Assembler> body) {
        return Program.run(Arrays.copyOf(Arrays.copyOf(DATA, 128), 1024), body);
    }

    private static long element(byte[] from, int start, int k, int size) {
        return Lane.read(from, start + k * size, size);
    }

    /// Loads and stores of each element size, with masks: what is outside is zero, or not written.
    @Test
    void loadsAndStores() {
        Instruction[] loads = {LOAD8, LOAD32, LOAD64};
        Instruction[] stores = {STORE8, STORE32, STORE64};
        int[] sizes = {1, 4, 8};
        for (int s = 0; s < 3; s++) {
            Instruction load = loads[s];
            Instruction store = stores[s];
            int size = sizes[s];
            long mask = 0xA5F00F5AC33C9669L;
            byte[] got =
                    after(a -> {
                        a.moveNumber(RAX, mask);
                        a.maskFromGeneral(3, RAX);
                        a.vector(load, 64, 25, 0, Memory.at(RDI, 3), 3, true);
                        store(a, 25, 128);
                        a.vector(load, 32, 6, Memory.at(RDI, 5));
                        a.vector(store, 32, 6, 0, Memory.at(RDI, 257), 3, false);
                    });
            for (int k = 0; k < 64 / size; k++) {
                boolean in = (mask >> k & 1) == 1;
                assertEquals(
                        in ? element(DATA, 3, k, size) : 0, element(got, 128, k, size), load + "");
                assertEquals(
                        in && k < 32 / size ? element(DATA, 5, k, size) : 0,
                        element(got, 257, k, size),
                        store + "");
            }
        }
    }

    /// The first element, and elements with their upper bits cut off.
    @Test
    void narrowStores() {
        Instruction[] stores = {PMOVDB, PMOVDW, PMOVQD};
        int[] from = {4, 4, 8};
        int[] to = {1, 2, 4};
        for (int s = 0; s < 3; s++) {
            int i = s;
            byte[] got =
                    after(a -> {
                        load(a, 19, 0);
                        a.vector(stores[i], 64, 19, Memory.at(RDI, 128));
                        a.vector(STORED, 16, 19, Memory.at(RDI, 256));
                        a.vector(STOREQ, 16, 19, Memory.at(RDI, 320));
                    });
            for (int k = 0; k < 64 / to[s]; k++) {
                long expected = k < 64 / from[s] ? element(DATA, 0, k, from[s]) : 0;
                byte[] cut = new byte[8];
                Lane.write(cut, 0, to[s], expected);
                assertEquals(Lane.read(cut, 0, to[s]), element(got, 128, k, to[s]), stores[s] + "");
            }
            assertEquals(element(DATA, 0, 0, 4) & 0xFFFFFFFFL, element(got, 256, 0, 8));
            assertEquals(element(DATA, 0, 0, 8), element(got, 320, 0, 8));
        }
    }

    @Test
    void broadcasts() {
        byte[] got =
                after(a -> {
                    a.vector(BROADCASTD, 64, 17, Memory.at(RDI, 8));
                    store(a, 17, 128);
                    a.vector(BROADCASTQ, 64, 18, Memory.at(RDI, 16));
                    store(a, 18, 192);
                    a.moveNumber(R10, 0x123456789ABCDEFL);
                    a.vector(BROADCASTRD, 64, 29, Operand.register(R10));
                    store(a, 29, 256);
                    a.vector(BROADCASTRQ, 32, 4, Operand.register(R10));
                    store(a, 4, 320);
                });
        for (int k = 0; k < 16; k++) {
            assertEquals(element(DATA, 8, 0, 4), element(got, 128, k, 4));
            assertEquals(element(DATA, 16, 0, 8), element(got, 192, k / 2, 8));
            assertEquals((int) 0x123456789ABCDEFL, element(got, 256, k, 4));
            assertEquals(k < 8 ? 0x123456789ABCDEFL : 0, element(got, 320, k / 2, 8));
        }
    }

    @Test
    void partsOfVectors() {
        byte[] got =
                after(a -> {
                    load(a, 21, 0);
                    load(a, 5, 64);
                    a.vector(EXTRACT256, 64, 21, 0, Operand.register(30), 1);
                    store(a, 30, 128);
                    a.vector(EXTRACT128, 32, 21, 0, Operand.register(14), 1);
                    store(a, 14, 192);
                    a.vector(INSERT256, 64, 28, 21, Operand.register(5), 1);
                    store(a, 28, 256);
                    a.vector(UNPCKHPD, 64, 13, 21, Operand.register(5));
                    store(a, 13, 320);
                    a.vector(MOVSHDUP, 64, 26, Operand.register(21));
                    store(a, 26, 384);
                });
        for (int k = 0; k < 8; k++) {
            assertEquals(k < 4 ? element(DATA, 0, 4 + k, 8) : 0, element(got, 128, k, 8));
            assertEquals(k < 2 ? element(DATA, 0, 2 + k, 8) : 0, element(got, 192, k, 8));
            assertEquals(element(DATA, k < 4 ? 0 : 64 - 32, k, 8), element(got, 256, k, 8));
            assertEquals(element(DATA, k % 2 * 64, k | 1, 8), element(got, 320, k, 8));
        }
        for (int k = 0; k < 16; k++) {
            assertEquals(element(DATA, 0, k | 1, 4), element(got, 384, k, 4));
        }
    }

    /// Lanes at distances from an address, in either direction.
    @Test
    void gathersAndScatters() {
        long[] places = {8, 56, 24, 0, 40, 16, 48, 32};
        for (int size : new int[] {4, 8}) {
            byte[] got =
                    after(a -> {
                        byte[] bytes = new byte[64];
                        for (int k = 0; k < 8; k++) {
                            Lane.write(bytes, 8 * k, 8, places[k]);
                        }
                        a.vector(MOVAPS, 64, 27, new Operand.Constant(a.constant(bytes), false));
                        a.move(R9, RDI);
                        a.moveNumber(RAX, 0xB7);
                        a.maskFromGeneral(2, RAX);
                        a.vector(PXORD, 64, 22, 22, Operand.register(22));
                        Operand from = new Operand.Lanes(R9, 27, 0);
                        a.vector(size == 4 ? GATHERQPS : GATHERQPD, 64, 22, 0, from, 2, false);
                        store(a, 22, 128);
                        a.maskFromGeneral(2, RAX);
                        Operand to = new Operand.Lanes(R9, 27, 256);
                        load(a, 3, 64);
                        a.vector(size == 4 ? SCATTERQPS : SCATTERQPD, 64, 3, 0, to, 2, false);
                    });
            for (int k = 0; k < 8; k++) {
                boolean in = (0xB7 >> k & 1) == 1;
                long read = Lane.read(DATA, (int) places[k], size);
                assertEquals(in ? read : 0, element(got, 128, k, size));
                assertEquals(
                        in ? element(DATA, 64, k, size) : 0,
                        Lane.read(got, 256 + (int) places[k], size));
            }
        }
    }

    // -----------------------------------------------------------------------------------------
    // masks

    @Test
    void comparisonsAndBlends() {
        Lane f = TWO.get(ADDPS);
        Lane d = TWO.get(ADDPD);
        Random random = new Random(6);
        byte[] memory = new byte[1024];
        System.arraycopy(f.draw(random, false), 0, memory, 0, 64);
        System.arraycopy(f.draw(random, false), 0, memory, 64, 64);
        System.arraycopy(d.draw(random, false), 0, memory, 128, 64);
        System.arraycopy(d.draw(random, false), 0, memory, 192, 64);
        System.arraycopy(memory, 4, memory, 68, 8); // some are equal
        System.arraycopy(memory, 136, memory, 200, 16);
        Instruction[] compares = {CMPPS, PCMPD, CMPPD, PCMPQ};
        for (int number : new int[] {0, 1, 2, 4, 5, 6}) { // =, <, ≤ and their opposites
            byte[] got =
                    Program.run(
                            memory,
                            a -> {
                                for (int i = 0; i < 4; i++) {
                                    load(a, 24, i / 2 * 128);
                                    load(a, 10, i / 2 * 128 + 64);
                                    Operand last = Operand.register(10);
                                    a.vector(compares[i], 64, 6, 24, last, number);
                                    a.maskStore(Memory.at(RDI, 256 + 8 * i), 6);
                                    a.vector(
                                            i < 2 ? PBLENDMD : PBLENDMQ,
                                            64,
                                            11,
                                            24,
                                            last,
                                            6,
                                            false);
                                    store(a, 11, 512 + 64 * i);
                                }
                                load(a, 24, 0);
                                a.vector(PTESTMB, 64, 7, 24, Memory.at(RDI, 64));
                                a.maskStore(Memory.at(RDI, 320), 7);
                            });
            for (int i = 0; i < 4; i++) {
                int size = i < 2 ? 4 : 8;
                for (int k = 0; k < 64 / size; k++) {
                    long a = element(memory, i / 2 * 128, k, size);
                    long b = element(memory, i / 2 * 128 + 64, k, size);
                    int order =
                            switch (i) {
                                case 0 -> Float.compare(Lane.f(a), Lane.f(b));
                                case 2 -> Double.compare(Lane.d(a), Lane.d(b));
                                default -> Long.compare(a, b);
                            };
                    boolean base =
                            switch (number % 4) {
                                case 0 -> order == 0;
                                case 1 -> order < 0;
                                default -> order <= 0;
                            };
                    boolean expected = base != number >= 4;
                    long mask = Lane.read(got, 256 + 8 * i, 8);
                    assertEquals(expected, (mask >> k & 1) == 1, compares[i] + " " + number);
                    assertEquals(expected ? b : a, element(got, 512 + 64 * i, k, size));
                }
            }
            long tested = Lane.read(got, 320, 8);
            for (int k = 0; k < 64; k++) {
                assertEquals((memory[k] & memory[64 + k]) != 0, (tested >> k & 1) == 1);
            }
        }
    }

    /// `min` and `max` by the manual's numbers 4 and 5.
    @Test
    void ranges() {
        byte[] memory = new byte[512];
        System.arraycopy(TWO.get(ADDPS).draw(new Random(1), false), 0, memory, 0, 64);
        System.arraycopy(TWO.get(ADDPD).draw(new Random(2), false), 0, memory, 64, 64);
        for (int number : new int[] {4, 5}) {
            byte[] got =
                    Program.run(
                            memory,
                            a -> {
                                a.vector(PXORD, 64, 1, 1, Operand.register(1));
                                a.vector(RANGEPS, 64, 31, 1, Memory.at(RDI, 0), number);
                                store(a, 31, 128);
                                a.vector(RANGEPD, 64, 15, 1, Memory.at(RDI, 64), number);
                                store(a, 15, 192);
                            });
            for (int k = 0; k < 16; k++) {
                float x = Lane.f(element(memory, 0, k, 4));
                float y = Lane.f(element(got, 128, k, 4));
                assertEquals(number == 4 ? Math.min(0, x) : Math.max(0, x), y);
            }
            for (int k = 0; k < 8; k++) {
                double x = Lane.d(element(memory, 64, k, 8));
                double y = Lane.d(element(got, 192, k, 8));
                assertEquals(number == 4 ? Math.min(0, x) : Math.max(0, x), y);
            }
        }
    }

    @Test
    void masks() {
        long x = Lane.read(DATA, 0, 8);
        long y = Lane.read(DATA, 8, 8);
        byte[] got =
                after(a -> {
                    a.maskLoad(1, Memory.at(RDI, 0));
                    a.move(R13, RDI);
                    a.maskLoad(7, Memory.at(R13, 8));
                    int at = 128;
                    for (Mask op : Mask.values()) {
                        a.mask(op, 3, 1, 7);
                        a.maskStore(Memory.at(RDI, at), 3);
                        at += 8;
                    }
                    a.maskNot(4, 7);
                    a.generalFromMask(R9, 4);
                    a.store(Memory.at(RDI, 200), R9, 8);
                    a.maskLoad(2, Operand.register(1));
                    a.maskStore(Memory.at(RDI, 208), 2);
                    a.moveNumber(RAX, 0);
                    a.maskFromGeneral(5, RAX);
                    for (int m : new int[] {5, 7}) { // whether all bits of both are 0
                        int set = a.newLabel();
                        a.moveNumber(RCX, 1);
                        a.maskTest(m, m);
                        a.jump(Condition.EQUAL, set);
                        a.moveNumber(RCX, 0);
                        a.bind(set);
                        a.store(Memory.at(RDI, 216 + m), RCX, 1);
                    }
                });
        assertEquals(x & y, Lane.read(got, 128, 8));
        assertEquals(x | y, Lane.read(got, 136, 8));
        assertEquals(x ^ y, Lane.read(got, 144, 8));
        assertEquals(~y, Lane.read(got, 200, 8));
        assertEquals(x, Lane.read(got, 208, 8));
        assertEquals(1, got[216 + 5]);
        assertEquals(0, got[216 + 7]);
    }
}
