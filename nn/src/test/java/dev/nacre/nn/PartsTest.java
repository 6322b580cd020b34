package dev.nacre.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Function;
import dev.nacre.Rng;
import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.nn.optim.Adam;
import dev.nacre.nn.optim.Optimizer;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.lang.invoke.ConstantCallSite;
import java.lang.invoke.MethodHandles;
import java.lang.ref.WeakReference;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.Spliterators;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Gatherers;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// A variable in a module is found under a name that lasts, or refused by the name of its place, whatever holds it.
class PartsTest {
    /// Whatever holds a variable.
    private record Holder<T>(T part) implements Module {}

    private record Wrapping(Optional<Optional<Variable>> part) implements Module {}

    private record Plain(Variable w) {}

    private record Box<T>(T inside) {}

    private static class Parent {
        private final Variable w;

        Parent(Variable w) {
            this.w = w;
        }
    }

    private static final class Child extends Parent {
        Child(Variable w) {
            super(w);
        }
    }

    private static final class ChildModule extends Parent implements Module {
        ChildModule(Variable w) {
            super(w);
        }
    }

    private static final class OwnList extends ArrayList<Variable> implements Module {
        private static final long serialVersionUID = 1;

        OwnList(Variable w) {
            super(List.of(w));
        }
    }

    private static final class OwnSupplier implements Supplier<Tensor> {
        private final Tensor t;

        OwnSupplier(Tensor t) {
            this.t = t;
        }

        @Override
        public Tensor get() {
            return t;
        }
    }

    private static final class OwnLocal extends ThreadLocal<Variable> implements Module {
        OwnLocal(Variable w) {
            set(w);
        }
    }

    private static final class Static implements Module {
        static List<Variable> shared = List.of();

        Static(Variable w) {
            shared = List.of(w);
        }
    }

    private interface Scaling {
        Tensor of(Tensor x);
    }

    private static class OnShelf implements Module {
        static Object any;
        static List<Object> list;
        static Supplier<?> supplier;
        static Parent parent;
        static Map<String, Parent> map;
        static Parent[] array;
        static Scaling scaling;
    }

    /// A static field set, for one test.
    private static Row shared(String what, Consumer<Variable> put) {
        return new Row(
                what,
                w -> {
                    put.accept(w);
                    return new OnShelf();
                });
    }

    private static void clearShelf() {
        OnShelf.any = null;
        OnShelf.list = null;
        OnShelf.supplier = null;
        OnShelf.parent = null;
        OnShelf.map = null;
        OnShelf.array = null;
        OnShelf.scaling = null;
    }

    private interface Constants {
        Plain[] SHARED = new Plain[1];
    }

    private record ByInterface() implements Module, Constants {
        ByInterface(Variable w) {
            this();
            SHARED[0] = new Plain(w);
        }
    }

    private static final class Outer {
        private final Variable w;

        Outer(Variable w) {
            this.w = w;
        }

        private final class Inner implements Module {
            @Override
            public Tensor forward(Tensor x) {
                return x.mul(w);
            }
        }

        private final class Middle {
            private final class Innermost implements Module {
                @Override
                public Tensor forward(Tensor x) {
                    return x.mul(w);
                }
            }
        }

        Tensor scaled(Tensor x) {
            return x.mul(w);
        }
    }

    private enum Side {
        LEFT,
        RIGHT
    }

    private enum Keeper {
        ONE;

        private Variable w;
    }

    private static Keeper keeping(Variable w) {
        Keeper.ONE.w = w;
        return Keeper.ONE;
    }

    private record Enums(Keeper part) implements Module {}

    private enum Lists {
        ONE;

        private final List<Variable> all = new ArrayList<>();

        static Lists keeping(Variable w) {
            ONE.all.add(w);
            return ONE;
        }
    }

    private record Enums2(Lists part) implements Module {}

    private enum Bodies {
        ONE {
            private Object kept;

            @Override
            void keep(Object o) {
                kept = o;
            }

            @Override
            public String toString() {
                return "" + kept;
            }
        };

        abstract void keep(Object o);

        static Bodies keeping(Variable w) {
            ONE.keep(w);
            return ONE;
        }
    }

    private record Enums3(Bodies part) implements Module {}

    private enum Shared {
        ONE;

        private static Optional<Variable> kept = Optional.empty();

        static Shared keeping(Variable w) {
            kept = Optional.of(w);
            return ONE;
        }
    }

    private record Enums4(Shared part) implements Module {}

    private static final class Beside extends ArrayList<Variable> {
        private static final long serialVersionUID = 1;
        private final transient Variable w;

        Beside(Variable element, Variable w) {
            super(List.of(element));
            this.w = w;
        }
    }

    private static final class BesideMap extends TreeMap<String, Integer> {
        private static final long serialVersionUID = 1;
        private final transient Variable w;

        BesideMap(Variable w) {
            super(Map.of("a", 1));
            this.w = w;
        }
    }

    private static final class BesideReference extends AtomicReference<String> {
        private static final long serialVersionUID = 1;
        private final transient Variable w;

        BesideReference(Variable w) {
            super("a");
            this.w = w;
        }
    }

    private record OwnEntry(Variable w) implements Map.Entry<String, Variable> {
        @Override
        public String getKey() {
            return "a";
        }

        @Override
        public Variable getValue() {
            return w;
        }

        @Override
        public Variable setValue(Variable value) {
            throw new UnsupportedOperationException();
        }
    }

    private static final class OwnNumber extends Number {
        private static final long serialVersionUID = 1;
        private final transient Variable w;

        OwnNumber(Variable w) {
            this.w = w;
        }

        @Override
        public int intValue() {
            return (int) doubleValue();
        }

        @Override
        public long longValue() {
            return (long) doubleValue();
        }

        @Override
        public float floatValue() {
            return (float) doubleValue();
        }

        @Override
        public double doubleValue() {
            return w.sum().item();
        }
    }

    private record Numbers(Number part) implements Module {}

    private static <C extends Collection<Object>> C inItself(C c) {
        c.add(c);
        return c;
    }

    private static Object mapInItself(Variable w) {
        Map<String, Object> m = new HashMap<>(Map.of("a", w));
        m.put("b", m);
        return new Holder<>(m);
    }

    private static Object arrayInItself(Variable w) {
        Object[] a = {w, null};
        a[1] = a;
        return new Holder<>(a);
    }

    private static Object circle(Variable w) {
        AtomicReference<Object> first = new AtomicReference<>();
        first.set(List.of(w, new AtomicReference<Object>(first)));
        return new Holder<>(first);
    }

    private static final class Ring {
        private final Variable w;
        private final Optional<Ring> next = Optional.of(this);

        Ring(Variable w) {
            this.w = w;
        }
    }

    private static Object boxes(Variable w) {
        Object all = w;
        for (int i = 0; i < 100_000; i++) {
            all = new Box<>(all);
        }
        return new Holder<>(all);
    }

    private record Row(
            String what, java.util.function.Function<Variable, Object> model, String... expected) {}

    private static Row found(
            String what, java.util.function.Function<Variable, Object> part, String... keys) {
        return new Row(what, w -> new Holder<>(part.apply(w)), keys);
    }

    private static Row refused(String what, java.util.function.Function<Variable, Object> part) {
        return new Row(what, w -> new Holder<>(part.apply(w)));
    }

    private static Variable other() {
        return Variable.of("other", Tensor.ones(2));
    }

    /// Expected are the keys; none where it is refused.
    private static List<Row> rows() {
        return List.of(
                found("variable", w -> w, "part"),
                found("list", w -> List.of("x", w), "part.1"),
                found("copy-on-write list", w -> new CopyOnWriteArrayList<>(List.of(w)), "part.0"),
                found("deque", w -> new ArrayDeque<>(List.of(other(), w)), "part.0", "part.1"),
                found("linked set", w -> new LinkedHashSet<>(List.of(w)), "part.0"),
                found("reversed", w -> List.of(other(), w).reversed(), "part.0", "part.1"),
                found("array", w -> new Variable[] {w}, "part.0"),
                found("array of arrays", w -> new Object[][] {{}, {3, w}}, "part.1.1"),
                found(
                        "values of a linked map",
                        w -> linked(Map.of("a", w)).sequencedValues(),
                        "part.0"),
                found("optional", w -> Optional.of(Optional.of(w)), "part"),
                new Row("typed optional", w -> new Wrapping(Optional.of(Optional.of(w))), "part"),
                found("atomic reference", AtomicReference::new, "part"),
                found("record", Plain::new, "part.w"),
                found("record in a record", w -> new Box<>(new Plain(w)), "part.inside.w"),
                found("object", Parent::new, "part.w"),
                found("inherited private field", Child::new, "part.w"),
                new Row("inherited private field of a module", ChildModule::new, "w"),
                new Row("a module that is a list", OwnList::new, "0"),
                found("own list with a field", w -> new Beside(other(), w), "part.w", "part.0"),
                found("own map with a field", BesideMap::new, "part.w"),
                found("own entry", OwnEntry::new, "part.w"),
                found("own reference with a field", BesideReference::new, "part.w"),
                found("own number", OwnNumber::new, "part.w"),
                new Row("own number as a number", w -> new Numbers(new OwnNumber(w)), "part.w"),
                found("own supplier", OwnSupplier::new, "part.t"),
                found("anonymous class", PartsTest::anonymous, "part.w"),
                found("local class", PartsTest::local, "part.w"),
                found("map", w -> Map.of("a", w), "part.a"),
                found(
                        "whole numbers",
                        w -> new HashMap<>(Map.of(10, w, 9, other())),
                        "part.9",
                        "part.10"),
                found("characters", w -> Map.of('c', w), "part.c"),
                found("truth", w -> Map.of(true, w), "part.true"),
                found("enum map", w -> new EnumMap<>(Map.of(Side.RIGHT, w)), "part.RIGHT"),
                found(
                        "tree map",
                        w -> new TreeMap<>(Map.of("b", w, "a", other())),
                        "part.a",
                        "part.b"),
                found("a lambda beside", w -> List.of(w, scaling(w)), "part.0"),
                found("a set beside", w -> List.of(w, Set.of(w)), "part.0"),
                refused("set", Set::of),
                refused("hash set", w -> new HashSet<>(List.of(w))),
                refused("set of modules", w -> Set.of(new Plain(w), Activation.RELU)),
                refused("priority queue", w -> new PriorityQueue<>(List.of(new Named(w)))),
                refused("queue", w -> new ConcurrentLinkedQueue<>(List.of(w))),
                refused("values of a hash map", w -> new HashMap<>(Map.of("a", w)).values()),
                refused("collection", w -> Collections.unmodifiableCollection(List.of(w))),
                refused("keys 1 and \"1\"", w -> Map.of(1, w, "1", other())),
                refused("keys 1 and 1L", w -> linked(Map.of(1, w, 1L, other()))),
                refused("empty key", w -> Map.of("", w)),
                refused("null key", w -> Collections.singletonMap(null, w)),
                refused("key 0.5", w -> Map.of(0.5, w)),
                refused("object keys", w -> Map.of(new Object(), w)),
                refused("variable as a key", w -> Map.of(w, "x")),
                refused("map entry", w -> Map.entry("a", w)),
                refused("lambda", PartsTest::scaling),
                refused("bound method", w -> (UnaryOperator<Tensor>) w::mul),
                refused(
                        "bound method of an object",
                        w -> (UnaryOperator<Tensor>) new Outer(w)::scaled),
                refused("composed functions", w -> scaling(w).andThen(Tensor::relu)),
                refused("supplier", w -> (Supplier<Tensor>) () -> w),
                refused("callable", w -> (Callable<Object>) () -> List.of(w)),
                refused("thread-local", w -> ThreadLocal.withInitial(() -> w)),
                refused("own thread-local", OwnLocal::new),
                refused("weak reference", WeakReference::new),
                refused("atomic array", w -> new AtomicReferenceArray<>(new Variable[] {w})),
                refused("future", CompletableFuture::completedFuture),
                refused("iterator", w -> List.of(w).iterator()),
                refused("stream", Stream::of),
                refused("iterable", w -> (Iterable<Variable>) () -> List.of(w).iterator()),
                refused("function", w -> Function.of((Tensor x) -> x.mul(w))),
                refused("optimizer", w -> Adam.of(List.of(w))),
                refused("enum constant", PartsTest::keeping),
                new Row("enum", w -> new Enums(keeping(w))),
                new Row("list in an enum", w -> new Enums2(Lists.keeping(w))),
                new Row("body of an enum constant", w -> new Enums3(Bodies.keeping(w))),
                new Row("static field of an enum", w -> new Enums4(Shared.keeping(w))),
                new Row("list in itself", w -> new Holder<>(inItself(new ArrayList<>(List.of(w))))),
                new Row(
                        "deque in itself",
                        w -> new Holder<>(inItself(new ArrayDeque<>(List.of(w))))),
                new Row("map in itself", PartsTest::mapInItself),
                new Row("array in itself", PartsTest::arrayInItself),
                new Row("references in a circle", PartsTest::circle),
                new Row("object in itself", w -> new Holder<>(new Ring(w))),
                new Row("100,000 boxes", PartsTest::boxes),
                new Row("static field", Static::new),
                new Row("constant of an interface", ByInterface::new),
                new Row("inner class", w -> new Outer(w).new Inner()),
                new Row(
                        "inner class of an inner class",
                        w -> new Outer(w).new Middle().new Innermost()),
                shared("static object", w -> OnShelf.any = w),
                shared("static list of objects", w -> OnShelf.list = List.of(w)),
                shared("static supplier", w -> OnShelf.supplier = () -> w),
                shared("static part", w -> OnShelf.parent = new Parent(w)),
                shared("static map of parts", w -> OnShelf.map = Map.of("a", new Parent(w))),
                shared("static array of parts", w -> OnShelf.array = new Parent[] {new Parent(w)}),
                shared("static function", w -> OnShelf.scaling = x -> x.mul(w)));
    }

    /// Views and iterators of the JDK, most of whose classes are not generic themselves.
    private static Stream<Row> walks() {
        Map<String, java.util.function.Function<Variable, Object>> all = new LinkedHashMap<>();
        all.put("iterator", w -> listOf(w).iterator());
        all.put("list iterator", w -> listOf(w).listIterator());
        all.put("spliterator", w -> listOf(w).spliterator());
        all.put("iterator of a deque", w -> new ArrayDeque<>(listOf(w)).iterator());
        all.put(
                "iterator of a view",
                w -> Collections.unmodifiableCollection(listOf(w)).iterator());
        all.put("enumeration", w -> Collections.enumeration(listOf(w)));
        all.put("elements", w -> new java.util.Vector<>(listOf(w)).elements());
        all.put("iterator of a spliterator", w -> Spliterators.iterator(listOf(w).spliterator()));
        all.put("iterator of a stream", w -> Stream.of(w).iterator());
        all.put("gathered stream", w -> Stream.of(w).gather(Gatherers.windowFixed(1)));
        for (Map<String, Integer> m :
                List.of(
                        new HashMap<String, Integer>(),
                        new LinkedHashMap<String, Integer>(),
                        new TreeMap<String, Integer>())) {
            String name = m.getClass().getSimpleName();
            all.put("values of " + name, w -> mapOf(m, w).values().iterator());
            all.put("entries of " + name, w -> mapOf(m, w).entrySet().iterator());
            all.put("keys of " + name, w -> mapOf(m, w).keySet().iterator());
        }
        all.put("constant", w -> new ConstantCallSite(MethodHandles.constant(Variable.class, w)));
        return all.entrySet().stream().map(e -> refused(e.getKey(), e.getValue()));
    }

    private static List<Variable> listOf(Variable w) {
        return new ArrayList<>(List.of(w));
    }

    /// A new map of the class of another.
    private static Map<Object, Object> mapOf(Map<?, ?> like, Variable w) {
        Map<Object, Object> out =
                switch (like) {
                    case TreeMap<?, ?> _ -> new TreeMap<>();
                    case LinkedHashMap<?, ?> _ -> new LinkedHashMap<>();
                    default -> new HashMap<>();
                };
        out.put("a", w);
        return out;
    }

    private record Named(Variable w) implements Comparable<Named> {
        @Override
        public int compareTo(Named o) {
            return w.name().compareTo(o.w.name());
        }
    }

    private static <K, V> LinkedHashMap<K, V> linked(Map<K, V> m) {
        return new LinkedHashMap<>(m);
    }

    private static UnaryOperator<Tensor> scaling(Variable w) {
        return x -> x.mul(w);
    }

    private static Object anonymous(Variable w) {
        return new Module() {
            @Override
            public Tensor forward(Tensor x) {
                return x.mul(w);
            }
        };
    }

    private static Object local(Variable w) {
        class Local {
            Tensor scaled(Tensor x) {
                return x.mul(w);
            }
        }
        return new Local();
    }

    @TestFactory
    Stream<DynamicTest> foundOrRefused() {
        return Stream.concat(rows().stream(), walks())
                .map(r ->
                        DynamicTest.dynamicTest(
                                r.what,
                                () -> {
                                    Variable w = Variable.of("w", Tensor.ones(2));
                                    Object model = r.model.apply(w);
                                    if (r.expected.length > 0) {
                                        Map<String, Variable> state = Tree.of(model).state();
                                        assertEquals(
                                                List.of(r.expected), List.copyOf(state.keySet()));
                                        assertTrue(state.containsValue(w));
                                        return;
                                    }
                                    String error =
                                            assertThrows(NacreException.class, () -> Tree.of(model))
                                                    .getMessage();
                                    assertTrue(
                                            error.matches(
                                                    "(?s)tree: (((component|field) `\\w+` of"
                                                            + " \\w+|Inner(most)?|the superclass of \\w+) is"
                                                            + " |\\S+ ('\\S+' contains itself|lies more"
                                                            + " than)).*hint: .*NotPart.*"),
                                            error);
                                    clearShelf();
                                    Static.shared = List.of();
                                    Constants.SHARED[0] = null;
                                    Keeper.ONE.w = null;
                                    Lists.ONE.all.clear();
                                    Bodies.ONE.keep("");
                                    Shared.kept = Optional.empty();
                                }));
    }

    /// What holds no variable is configuration, and nothing is said of it.
    @Test
    void configuration() {
        List<Object> parts =
                List.of(
                        "text",
                        3,
                        2.5,
                        'c',
                        DType.F16,
                        dev.nacre.type.Shape.of(2),
                        Tensor.ones(2),
                        new int[] {1},
                        Side.LEFT,
                        String.class,
                        java.nio.file.Path.of("x"),
                        java.time.Duration.ZERO,
                        new java.util.Random(1),
                        new Object(),
                        Set.of("a", 1),
                        Map.of(1, 2, "1", 3),
                        Map.of(new Object(), 0.5),
                        Map.entry(1, 2),
                        Map.of(new Box<>(1), List.of(new Box<>(2))),
                        (UnaryOperator<Tensor>) Tensor::relu,
                        (UnaryOperator<Tensor>) x -> x.mul(0.5),
                        UnaryOperator.<Tensor>identity(),
                        factor(0.5),
                        new AtomicReference<>("x"),
                        Optional.of(Set.of()),
                        Set.of(Activation.RELU, Activation.GELU),
                        new WeakReference<>("x"),
                        java.util.logging.Logger.getLogger("x"));
        for (Object part : parts) {
            assertEquals(Map.of(), Tree.of(new Holder<>(part)).state(), part.toString());
        }
    }

    private static final class Logging implements Module {
        static final System.Logger LOG = System.getLogger("x");
        static final Object LOCK = new Object();
        static final Map<String, Object> CACHE = new HashMap<>(Map.of("a", List.of(1, "b")));
        static final Supplier<Object> MAKE = Object::new;
        static final Iterator<String> NAMES = List.of("a").iterator();
        static final dev.nacre.type.Shape SHAPE = dev.nacre.type.Shape.of(2);
        static final Logging ONLY = new Logging();
    }

    @Test
    void whatIsSharedAndNoPart() {
        assertEquals(Map.of(), Tree.of(Logging.ONLY).state());
    }

    private static UnaryOperator<Tensor> factor(double f) {
        return x -> x.mul(f);
    }

    private record Student(Linear body, @NotPart Module teacher, @NotPart Optimizer optimizer)
            implements Module {}

    private static final class Node implements Module {
        @NotPart Module owner = this;
        @NotPart static final Variable SHARED = Variable.zeros("shared", 1);
        Variable w = Variable.zeros("w", 1);
    }

    @Test
    void whatIsMarkedIsNoPart() {
        Linear body = Linear.of(2, 2, Rng.seed(0));
        Student s = new Student(body, Linear.of(2, 2, Rng.seed(0)), Adam.of(body.parameters()));
        assertEquals(List.of("body.weight", "body.bias"), List.copyOf(s.state().keySet()));
        assertEquals(List.of("w"), List.copyOf(new Node().state().keySet()));
    }

    /// A dropout that nobody finds would never drop.
    @Test
    void modulesThatDifferBetweenTheModesCountAsVariablesDo() {
        Dropout d = Dropout.of(0.5, Rng.seed(0));
        Holder<UnaryOperator<Tensor>> net = new Holder<>(x -> d.forward(x, Mode.TRAIN));
        assertEquals(
                "tree: component `part` of Holder is a lambda, a function that captures it: module"
                        + " Dropout in it would not be found\n"
                        + "  hint: make it a component of its own, too, or mark it with @NotPart if it"
                        + " is no part",
                assertThrows(NacreException.class, net::state).getMessage());
    }

    @Test
    void messages() {
        Variable w = Variable.of("w", Tensor.ones(2));
        Map<Object, String> expected = new LinkedHashMap<>();
        expected.put(
                new HashSet<>(List.of(w)),
                "tree: component `part` of Holder is a HashSet, whose elements have no order:"
                        + " parameter w f32[2] in it would not be found\n"
                        + "  hint: use a List or a LinkedHashSet, or mark it with @NotPart if it is no"
                        + " part");
        expected.put(
                linked(Map.of(1, w, "1", w)),
                "tree: component `part` of Holder is a LinkedHashMap, of whose keys two are named"
                        + " '1': parameter w f32[2] in it would not be found\n"
                        + "  hint: use keys of one type, or mark it with @NotPart if it is no part");
        expected.put(
                ThreadLocal.withInitial(() -> w),
                "tree: component `part` of Holder is a SuppliedThreadLocal, into which nobody can"
                        + " look\n"
                        + "  hint: hold its parts directly, or mark it with @NotPart if none of them is"
                        + " a part");
        expected.forEach((part, message) ->
                assertEquals(
                        message,
                        assertThrows(NacreException.class, () -> Tree.of(new Holder<>(part)))
                                .getMessage()));
        assertEquals(
                "tree: Inner is an inner class and uses the Outer round it: parameter w f32[2] in"
                        + " it would not be found\n"
                        + "  hint: make it static and give it what it uses as components, or mark it"
                        + " with @NotPart if it is no part",
                assertThrows(NacreException.class, () -> Tree.of(new Outer(w).new Inner()))
                        .getMessage());
    }

    /// Keras's `to_snake_case`, from its sources (keras/src/utils/naming.py).
    private static String keras(String name) {
        return name.replaceAll("(.)([A-Z][a-z]+)", "$1_$2")
                .replaceAll("([a-z])([A-Z])", "$1_$2")
                .toLowerCase(java.util.Locale.ROOT);
    }

    @Test
    void names() {
        List<String> words = List.of("q", "K", "Norm", "MLP", "2", "1x1", "D", "out", "Head", "a");
        Iterator<Long> draws =
                java.util.stream.LongStream.of(
                                Rng.seed(5).integers(words.size(), 4000).toLongArray())
                        .iterator();
        Collection<String> names = new ArrayList<>(List.of("qKNorm", "numHeads", "conv2D", "W"));
        for (int i = 0; i < 1000; i++) {
            names.add(
                    "x"
                            + part(words, draws)
                            + part(words, draws)
                            + part(words, draws)
                            + part(words, draws));
        }
        for (String n : names) {
            assertEquals(keras(n), Slot.snakeCase(n), n);
        }
        assertEquals("q_k_norm", Slot.snakeCase("qKNorm"));
        assertEquals("fc_out", Slot.snakeCase("fc_Out"));
    }

    private static String part(List<String> words, Iterator<Long> draws) {
        return words.get((int) (long) draws.next());
    }

    private record Tied(Embedding in, Linear out) implements Module {}

    @Test
    void tiedWeightsWithTwoValues() {
        Embedding in = Embedding.of(3, 2, Rng.seed(0));
        Tied net = new Tied(in, new Linear(in.weight(), Optional.empty()));
        float[] before = in.weight().toFloatArray();
        assertEquals(
                "load: the state does not fit Tied: 1 tied\n"
                        + "  tied  out.weight  f32[3, 2]  must equal 'in.weight', the same variable of"
                        + " the model, but has other values",
                assertThrows(
                                NacreException.class,
                                () ->
                                        net.load(
                                                Map.of(
                                                        "in.weight",
                                                        Tensor.ones(3, 2),
                                                        "out.weight",
                                                        Tensor.zeros(3, 2))))
                        .getMessage());
        org.junit.jupiter.api.Assertions.assertArrayEquals(before, in.weight().toFloatArray());
        net.load(
                Map.of("in.weight", Tensor.ones(3, 2), "out.weight", Tensor.ones(DType.F64, 3, 2)));
        assertEquals(6, in.weight().sum().item());
    }

    private record Outermost(Tied net) implements Module {}

    /// The keys of an optimizer's state are those of the module that gave the parameters, whoever else names them before or after.
    @Test
    void optimizerStateKeepsItsKeys() {
        Embedding in = Embedding.of(3, 2, Rng.seed(0));
        Tied net = new Tied(in, new Linear(in.weight(), Optional.of(Variable.zeros("bias", 3))));
        new Outermost(net).parameters();
        List<String> expected =
                List.of(
                        "step",
                        "learning_rate",
                        "exp_avg.in.weight",
                        "exp_avg_sq.in.weight",
                        "exp_avg.out.bias",
                        "exp_avg_sq.out.bias");
        Optimizer o = Adam.of(net.parameters());
        assertEquals(expected, List.copyOf(o.state().keySet()));
        new Outermost(net).parameters();
        in.weight().rename("x");
        assertEquals(expected, List.copyOf(o.state().keySet()));
        Optimizer split = Optimizer.ofMatricesAndVectors(Adam.of(1), Adam.of(1), net.parameters());
        assertTrue(split.state().containsKey("1.exp_avg.out.bias"), split.state().toString());
        Optimizer loose = Adam.of(List.of(Variable.zeros("w", 1), Variable.zeros("w", 1)));
        assertTrue(loose.state().containsKey("exp_avg.w.2"), loose.state().keySet().toString());
    }
}
