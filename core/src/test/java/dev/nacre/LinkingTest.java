package dev.nacre;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeModel;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The build's last step, `.mvn/Linked.java`: linked classes do what they did.
class LinkingTest {
    /// A method for each thing that is linked in a way of its own; each returns what tells whether it was done right.
    private static final String SAMPLE =
            """
            import java.util.*;
            import java.util.function.*;

            class Sample {
                record Point(int x, double y, float z, long w, String name, int[] list) {}
                record Narrow(byte b, short s, char c, boolean t) {}
                record Empty() {}
                sealed interface Shape permits Circle, Square, Odd {}
                record Circle(double r) implements Shape {}
                record Square(long a) implements Shape {}
                enum Odd implements Shape { A, B }
                interface Three { double of(int a, long b, Object c); }
                interface Many { default String name() { return "many" + of(2); } int of(int x); }
                static int calls;
                private int state = 3;

                private int own(int x) { return x + state; }
                private static String joined(Object a, long b, double c) { return a + "/" + b + "/" + c; }

                static class Table {
                    static final List<IntUnaryOperator> ALL =
                            List.of(x -> x + 1, x -> x * 2, x -> -x, Math::abs, Integer::bitCount);
                }
                static Object table() {
                    return Table.ALL.stream().map(f -> f.applyAsInt(-5)).toList();
                }
                static Object constants() { return Constants.RESULT; }
                static class Constants {
                    static final Object RESULT;
                    static {
                        IntBinaryOperator a = (x, y) -> x - y;
                        IntBinaryOperator b = Math::max;
                        IntBinaryOperator c = Integer::sum;
                        Supplier<Object> d = ArrayList::new;
                        RESULT = List.of(a.applyAsInt(7, 2), b.applyAsInt(7, 2), c.applyAsInt(7, 2), d.get());
                    }
                }
                static Object captures() { return Captures.RESULT; }
                static class Captures {
                    static final Object RESULT;
                    static {
                        byte b = 1; short s = 2; char c = 'c'; boolean t = true; int i = 3; long l = 1L << 40;
                        float f = 0.5f; double d = -0.0; String x = "x"; int[] a = {4};
                        Supplier<Object> g = () -> List.of(b, s, c, t, i, l, f, d, x, a[0]);
                        RESULT = g.get();
                    }
                }
                Object instance() {
                    IntUnaryOperator own = this::own;
                    Supplier<Integer> field = () -> state++;
                    return List.of(own.applyAsInt(4), field.get(), own.applyAsInt(4));
                }
                static Object boxes() { return Boxes.RESULT; }
                static class Boxes {
                    static final Object RESULT;
                    static {
                        Function<Integer, Integer> a = x -> x + 1;
                        ToIntFunction<Integer> b = x -> x;
                        IntFunction<Long> c = x -> (long) x;
                        ToDoubleFunction<Integer> d = Integer::intValue;
                        Function<Integer, Object> e = Integer::doubleValue;
                        Three f = Sample::joinedLength;
                        BinaryOperator<Long> g = Math::max;
                        RESULT = List.of(a.apply(1), b.applyAsInt(2), c.apply(3), d.applyAsDouble(4), e.apply(5),
                                f.of(1, 2, "3"), g.apply(1L, 9L));
                    }
                }
                private static float joinedLength(long a, double b, Object c) { return joined(c, a, b).length(); }
                static Object shared() { return new Shared("s", 2).all().stream().map(Supplier::get).toList(); }
                record Shared(String s, int n) {
                    List<Supplier<Object>> all() {
                        List<Integer> list = List.of(1);
                        int k = n + 1;
                        Supplier<Object> first = () -> s + n;
                        return List.of(first, () -> list.get(0), s::length, list::size, () -> k, () -> k * 2);
                    }
                }
                static Object voids() { return Voids.RESULT; }
                static class Voids {
                    static final Object RESULT;
                    static {
                        List<Object> out = new ArrayList<>();
                        Consumer<Object> a = out::add;
                        LongConsumer b = x -> calls += (int) x;
                        Runnable c = () -> out.add("run");
                        Consumer<Long> d = Long::valueOf;
                        a.accept("a"); b.accept(5); c.run(); d.accept(6L);
                        RESULT = List.of(out, calls);
                    }
                }
                static Object references() { return References.RESULT; }
                static class References {
                    static final Object RESULT;
                    static {
                        Function<Object, String> a = Object::toString;
                        Function<String, Integer> b = String::length;
                        BiFunction<List<Object>, Object, Boolean> c = List::contains;
                        IntFunction<String[]> d = String[]::new;
                        Function<String, StringBuilder> e = StringBuilder::new;
                        Comparator<String> f = Comparator.<String, Integer>comparing(x -> x.length()).reversed();
                        Many g = x -> x * 2;
                        UnaryOperator<int[]> h = int[]::clone;
                        RESULT = List.of(a.apply(1), b.apply("abc"), c.apply(List.of(1), 1), d.apply(2).length,
                                e.apply("s").toString(), f.compare("a", "bb"), g.name(), h.apply(new int[] {8})[0]);
                    }
                }
                static Object nested() { return Nested.RESULT; }
                static class Nested {
                    static final Object RESULT;
                    static {
                        Function<Integer, Supplier<Integer>> f = x -> () -> x * 2;
                        Object inner = new Object() {
                            final Supplier<String> s = () -> "in " + getClass().isAnonymousClass();
                            @Override public String toString() { return s.get(); }
                        };
                        RESULT = List.of(f.apply(4).get(), inner.toString());
                    }
                }
                static Object switches() {
                    List<Object> out = new ArrayList<>();
                    Object[] all = {new Circle(2), new Square(5), Odd.A, Odd.B, null, "s", "other", 7, 8, 9L, new int[] {3}};
                    for (Object o : all) {
                        out.add(switch (o) {
                            case null -> "null";
                            case Circle(double r) when r > 3 -> "large";
                            case Circle c -> "circle" + c.r();
                            case Square(long a) -> a;
                            case Odd e when e == Odd.B -> "b";
                            case Odd e -> e;
                            case String s when s.length() == 1 -> "one";
                            case String s -> s;
                            case Integer i when i == 7 -> "seven";
                            case Integer i -> i + 1;
                            case int[] a -> a[0];
                            default -> "default";
                        });
                    }
                    for (String s : new String[] {"a", "b", "c"}) {
                        out.add(switch (s) { case "a" -> 1; case String t when t.equals("b") -> 2; case String t -> 3; });
                    }
                    for (Odd e : Odd.values()) {
                        out.add(switch (e) { case A -> 0; case Odd o when o.ordinal() > 5 -> 1; case Odd o -> o; });
                    }
                    return out;
                }
                static Object numbers() {
                    List<Object> out = new ArrayList<>();
                    for (Integer i : new Integer[] {1, 2, 3}) {
                        out.add(switch (i) { case 1 -> "1"; case Integer j when j == 2 -> "2"; case Integer j -> j; });
                    }
                    for (Character c : new Character[] {'a', 'b', 'c'}) {
                        out.add(switch (c) { case 'a' -> "1"; case Character d when d == 'b' -> "2"; case Character d -> d; });
                    }
                    for (Byte b : new Byte[] {1, 2, 3}) {
                        out.add(switch (b) { case 1 -> "1"; case Byte d when d == 2 -> "2"; case Byte d -> d; });
                    }
                    return out;
                }
                static Object records() {
                    int[] list = {1};
                    List<Object> all = new ArrayList<>();
                    for (double y : new double[] {0.0, -0.0, Double.NaN, 1}) {
                        for (float z : new float[] {-0f, 0f, Float.NaN}) {
                            all.add(new Point(1, y, z, 1L << 33, null, null));
                            all.add(new Point(2, y, z, 1, "n", null));
                        }
                    }
                    all.add(new Narrow((byte) -1, (short) -2, 'n', true));
                    all.add(new Narrow((byte) -1, (short) -2, 'n', false));
                    all.add(new Empty());
                    all.add(new Circle(Double.NaN));
                    all.add("text");
                    List<Object> out = new ArrayList<>();
                    for (Object a : all) {
                        out.add(a.hashCode() + " " + a);
                        for (Object b : all) { out.add(a.equals(b)); }
                        out.add(a.equals(null));
                    }
                    out.add(new Point(1, 2, 3, 4, "x", list).equals(new Point(1, 2, 3, 4, "x", list)));
                    out.add(new Point(1, 2, 3, 4, "x", list).equals(new Point(1, 2, 3, 4, "x", new int[] {1})));
                    return out;
                }
            }
            """;

    @TempDir static Path folder;

    private static Path linked;

    @BeforeAll
    static void link() throws Exception {
        Path tool = Files.createDirectory(folder.resolve("tool"));
        Path plain = Files.createDirectory(folder.resolve("plain"));
        linked = Files.createDirectory(folder.resolve("linked"));
        Path source = folder.resolve("Sample.java");
        Files.writeString(source, SAMPLE);
        compile(tool, Path.of("..", ".mvn", "Linked.java"));
        compile(plain, source);
        compile(linked, source);
        run(tool);
    }

    private static void compile(Path to, Path source) {
        var errors = new java.io.ByteArrayOutputStream();
        int status =
                ToolProvider.getSystemJavaCompiler()
                        .run(
                                null,
                                null,
                                errors,
                                "-d",
                                to.toString(),
                                "-XDstringConcat=inline",
                                "-parameters",
                                "-nowarn",
                                source.toString());
        assertEquals(0, status, errors::toString);
    }

    private static void run(Path tool) throws Exception {
        run(tool, linked);
    }

    private static void run(Path tool, Path classes) throws Exception {
        try (var loader = new URLClassLoader(new URL[] {tool.toUri().toURL()})) {
            var main = loader.loadClass("Linked").getDeclaredMethod("main", String[].class);
            main.setAccessible(true);
            main.invoke(null, (Object) new String[] {classes.toString()});
        }
    }

    /// What each method of the sample returns, as text.
    private static Map<String, String> results(Path classes) throws Exception {
        Map<String, String> out = new LinkedHashMap<>();
        try (var loader = new URLClassLoader(new URL[] {classes.toUri().toURL()})) {
            Class<?> sample = loader.loadClass("Sample");
            var constructor = sample.getDeclaredConstructor();
            constructor.setAccessible(true);
            for (var m : sample.getDeclaredMethods()) {
                if (m.getReturnType() == Object.class
                        && m.getParameterCount() == 0
                        && !m.isSynthetic()) {
                    m.setAccessible(true);
                    out.put(m.getName(), String.valueOf(m.invoke(constructor.newInstance())));
                }
            }
        }
        return out;
    }

    private static Map<String, byte[]> bytes(Path classes) throws IOException {
        Map<String, byte[]> out = new LinkedHashMap<>();
        try (Stream<Path> files = Files.list(classes)) {
            for (Path p : files.sorted().toList()) {
                out.put(p.getFileName().toString(), Files.readAllBytes(p));
            }
        }
        return out;
    }

    @Test
    void linkedClassesDoWhatTheyDid() throws Exception {
        Map<String, String> expected = results(folder.resolve("plain"));
        assertEquals(12, expected.size(), expected::toString);
        assertEquals(expected, results(linked));
    }

    /// But for switches over boxed numbers and characters, of which Nacre has none.
    @Test
    void everythingIsLinked() throws IOException {
        assertEquals(Set.of("numbers"), withDynamicCalls(linked));
    }

    /// The JVM trusts final fields of records, and a function is still equal to itself alone.
    @Test
    void whatLambdasOfStepsCaptureLiesInRecords() throws Exception {
        Path source = folder.resolve("Step.java");
        Files.writeString(
                source,
                """
                package dev.nacre.cpu;

                import java.util.List;
                import java.util.function.Supplier;

                class Step {
                    static final Supplier<Object> FIRST = () -> "first";

                    static List<Supplier<Object>> all(String a, long b) {
                        return List.of(FIRST, () -> "second", () -> a + b, () -> a + b, () -> a);
                    }
                }
                """);
        Path steps = Files.createDirectory(folder.resolve("steps"));
        compile(steps, source);
        run(folder.resolve("tool"), steps);
        assertEquals(Set.of(), withDynamicCalls(steps.resolve("dev/nacre/cpu")));
        try (var loader = new URLClassLoader(new URL[] {steps.toUri().toURL()})) {
            var method =
                    loader.loadClass("dev.nacre.cpu.Step")
                            .getDeclaredMethod("all", String.class, long.class);
            method.setAccessible(true);
            var some = (List<?>) method.invoke(null, "a", 1L);
            var others = (List<?>) method.invoke(null, "a", 1L);
            List<Object> values = new ArrayList<>();
            for (Object f : some) {
                values.add(((Supplier<?>) f).get());
            }
            assertEquals(List.of("first", "second", "a1", "a1", "a"), values);
            assertEquals(
                    List.of(false, false, true, true, true),
                    some.stream().map(f -> f.getClass().isRecord()).toList());
            for (Object f : some.subList(2, 5)) {
                assertEquals(1, some.stream().filter(f::equals).count());
                assertFalse(others.contains(f));
                assertEquals(System.identityHashCode(f), f.hashCode());
                assertTrue(f.toString().startsWith("dev.nacre.cpu.Step$$"), f::toString);
            }
        }
    }

    /// Public methods of what users call look at their arguments first, and do what they did.
    @Test
    void argumentsAreLookedAt() throws Exception {
        Path source = folder.resolve("Called.java");
        Files.writeString(
                source,
                """
                package dev.nacre.nn;

                import java.util.*;

                public class Called {
                    public record Layer(Object weight, int n, String... names) {}
                    public interface Twice {
                        default String twice(String s) { return s + s; }
                        static String once(long n, String s) { return n + s; }
                    }
                    enum Hidden { A; public String text(Object o) { return "" + o; } }
                    private final String s;
                    public Called(long n, String s) { this(s); }
                    private Called(String s) { this.s = s; }
                    public int loop(int[] xs, List<Object> more) {
                        do { for (int x : xs) { if (x < 0) { return x; } } xs = new int[] {-more.size()}; } while (xs[0] < 0);
                        return xs[0];
                    }
                    String inner(Object o) { return s + o; }
                    @Override public boolean equals(Object o) { return o == null; }
                    @Override public int hashCode() { return 0; }
                    public static Object all() {
                        List<Object> out = new ArrayList<>();
                        Called c = new Called(1, "s");
                        out.add(List.of(c.loop(new int[0], List.of(1, 2)), c.inner(null), c.equals(null), Hidden.A.text(null),
                                new Twice() {}.twice("x"), Twice.once(2, "y"), new Layer(1, 2, "a", "b").names().length));
                        for (Runnable r : List.<Runnable>of(
                                () -> new Called(1, null),
                                () -> c.loop(null, List.of()),
                                () -> c.loop(new int[] {1}, null),
                                () -> c.loop(new int[] {1}, Arrays.asList(1, null)),
                                () -> new Twice() {}.twice(null),
                                () -> Twice.once(1, null),
                                () -> new Layer(null, 1),
                                () -> new Layer(1, 2, (String[]) null),
                                () -> new Layer(1, 2, "a", null))) {
                            try { r.run(); out.add("nothing"); } catch (RuntimeException e) {
                                out.add(e.getClass().getSimpleName() + " " + e.getMessage());
                            }
                        }
                        return out;
                    }
                }
                """);
        Path called = Files.createDirectory(folder.resolve("called"));
        compile(called, source);
        run(folder.resolve("tool"), called);
        Map<String, byte[]> once = bytes(called.resolve("dev/nacre/nn"));
        run(folder.resolve("tool"), called);
        Map<String, byte[]> twice = bytes(called.resolve("dev/nacre/nn"));
        once.forEach((name, file) -> assertArrayEquals(file, twice.get(name), name));
        try (var loader =
                new URLClassLoader(
                        new URL[] {called.toUri().toURL()}, LinkingTest.class.getClassLoader())) {
            var results =
                    (List<?>) loader.loadClass("dev.nacre.nn.Called").getMethod("all").invoke(null);
            assertEquals(List.of(-2, "snull", true, "null", "xx", "2y", 2), results.getFirst());
            assertEquals(
                    Stream.of(
                                    "Called: s",
                                    "Called.loop: xs",
                                    "Called.loop: more",
                                    "Called.loop: more[1]",
                                    "Twice.twice: s",
                                    "Twice.once: s",
                                    "Layer: weight",
                                    "Layer: names",
                                    "Layer: names[1]")
                            .map(what -> "ValueException " + what + " must not be null")
                            .toList(),
                    results.subList(1, results.size()));
        }
    }

    /// Elsewhere lambdas of one class, one interface and like captures share a class.
    @Test
    void lambdasShareClasses() throws Exception {
        try (Stream<Path> files = Files.list(linked)) {
            assertEquals(
                    2, // what it captures is kept as objects, or as a number
                    files.filter(p -> p.getFileName().toString().startsWith("Sample$Shared$$"))
                            .count());
        }
    }

    /// The names of the methods that leave something to the first run.
    private static Set<String> withDynamicCalls(Path classes) throws IOException {
        Set<String> out = new TreeSet<>();
        for (byte[] file : bytes(classes).values()) {
            for (var method : ClassFile.of().parse(file).methods()) {
                for (var e : method.code().map(CodeModel::elementList).orElse(List.of())) {
                    if (e instanceof InvokeDynamicInstruction) {
                        out.add(method.methodName().stringValue());
                    }
                }
            }
        }
        return out;
    }

    @Test
    void functionsOfATableShareAClass() throws IOException {
        assertEquals(
                List.of("Sample$Table$$0.class"),
                bytes(linked).keySet().stream()
                        .filter(n -> n.startsWith("Sample$Table$$"))
                        .toList());
    }

    @Test
    void linkingAgainChangesNothing() throws Exception {
        Map<String, byte[]> before = bytes(linked);
        run(folder.resolve("tool"));
        Map<String, byte[]> after = bytes(linked);
        assertEquals(before.keySet(), after.keySet());
        before.forEach((name, file) -> assertArrayEquals(file, after.get(name), name));
        assertFalse(before.isEmpty());
    }

    @Test
    void whatWasMadeForAClassGoesWithIt() throws Exception {
        Path fewer = Files.createDirectory(folder.resolve("fewer"));
        for (Map.Entry<String, byte[]> file : bytes(linked).entrySet()) {
            boolean gone = file.getKey().startsWith("Sample") && !file.getKey().contains("$$");
            if (!gone) {
                Files.write(fewer.resolve(file.getKey()), file.getValue());
            }
        }
        run(folder.resolve("tool"), fewer);
        try (Stream<Path> left = Files.list(fewer)) {
            assertEquals(List.of(), left.filter(p -> p.toString().contains("$$")).toList());
        }
    }
}
