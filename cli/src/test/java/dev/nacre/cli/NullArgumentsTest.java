package dev.nacre.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nacre.Tensor;
import dev.nacre.models.ResNet;
import dev.nacre.nn.Linear;
import dev.nacre.type.ValueException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Array;
import java.lang.reflect.Executable;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Null for any argument of anything that users call is an error that names the argument. The build sees to that (`.mvn/Linked.java`), so classes that have not gone through it are not looked at.
class NullArgumentsTest {
    private static final List<Class<?>> MODULES =
            List.of(
                    Tensor.class,
                    Linear.class,
                    ResNet.class,
                    dev.nacre.formats.FormatException.class);

    private static final Set<String> FAMILIES =
            Set.of("Expression", "Elementwise", "Movement", "Reductions", "Linear", "Neural");

    private final List<String> wrong = new ArrayList<>();
    private int asked;

    @Test
    void nullIsNamed() throws Exception {
        List<Class<?>> classes = new ArrayList<>();
        for (Class<?> c : MODULES) {
            for (String name : names(c)) {
                Class<?> found = Class.forName(name, false, c.getClassLoader());
                if (isCalled(found)) {
                    classes.add(found);
                }
            }
        }
        for (Class<?> c : classes) {
            for (Executable e : c.getDeclaredConstructors()) {
                ask(c, e);
            }
            for (Method m : c.getDeclaredMethods()) {
                ask(c, m);
            }
        }
        assertEquals("", String.join("\n", wrong));
        assertTrue(asked > 1000, asked + " arguments");
    }

    /// The classes of a module.
    private static List<String> names(Class<?> of) throws Exception {
        Path root = Path.of(of.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isDirectory(root)) {
            assumeTrue(
                    Files.exists(root.resolve("dev/nacre/ir/Unary$$0.class")) || of != Tensor.class,
                    "the classes are not linked");
            return names(root);
        }
        try (FileSystem jar =
                FileSystems.newFileSystem(URI.create("jar:" + root.toUri()), Map.of())) {
            return names(jar.getPath("/"));
        }
    }

    private static List<String> names(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.map(f -> root.relativize(f).toString().replace('\\', '/'))
                    .filter(f -> f.endsWith(".class") && f.startsWith("dev/nacre/"))
                    .map(f -> f.substring(0, f.length() - 6).replace('/', '.'))
                    .sorted()
                    .toList();
        }
    }

    private static boolean isCalled(Class<?> c) {
        String p = c.getPackageName();
        boolean of =
                p.equals("dev.nacre.ir")
                        ? FAMILIES.contains(c.getSimpleName())
                        : p.matches("dev\\.nacre|dev\\.nacre\\.(type|(nn|formats|models)(\\..*)?)");
        for (Class<?> x = c; x != null; x = x.getEnclosingClass()) {
            of &= Modifier.isPublic(x.getModifiers());
        }
        return of && c != dev.nacre.type.Problem.class && !Throwable.class.isAssignableFrom(c);
    }

    private void ask(Class<?> c, Executable e) throws Exception {
        boolean plain =
                Modifier.isPublic(e.getModifiers())
                        && !Modifier.isAbstract(e.getModifiers())
                        && !e.isSynthetic()
                        && !(e instanceof Method m && m.getName().equals("equals") && c.isRecord())
                        && !e.toString().endsWith(".equals(java.lang.Object)");
        if (!plain || c.isEnum() && e.getName().equals("valueOf")) {
            return;
        }
        Parameter[] parameters = e.getParameters();
        for (int k = 0; k < parameters.length; k++) {
            if (!parameters[k].getType().isPrimitive()) {
                ask(c, e, k);
            }
        }
    }

    /// Gives null as one argument, after others that are something.
    private void ask(Class<?> c, Executable e, int k) throws Exception {
        Object[] arguments = new Object[e.getParameterCount()];
        for (int i = 0; i < arguments.length; i++) {
            Class<?> t = e.getParameterTypes()[i];
            if (i < k || t.isPrimitive()) {
                arguments[i] = something(t);
            }
        }
        asked++;
        String name = e.getParameters()[k].getName();
        try {
            call(c, e, arguments);
            wrong.add(e + ": takes null as " + name);
        } catch (InvocationTargetException x) {
            String message = String.valueOf(x.getCause().getMessage());
            if (!(x.getCause() instanceof ValueException)
                    || !message.endsWith(": " + name + " must not be null")) {
                wrong.add(e + ": " + name + ": " + x.getCause());
            }
        }
    }

    private static void call(Class<?> c, Executable e, Object[] arguments) throws Exception {
        if (e instanceof Method m) {
            if (Modifier.isStatic(m.getModifiers())) {
                m.invoke(null, arguments);
            } else if (c.isInterface()) {
                Object o = something(c);
                try {
                    if (Proxy.isProxyClass(o.getClass())) {
                        InvocationHandler.invokeDefault(o, m, arguments);
                    } else {
                        m.invoke(o, arguments);
                    }
                } catch (InvocationTargetException x) {
                    throw x;
                } catch (Throwable x) {
                    throw new InvocationTargetException(x);
                }
            } else {
                m.invoke(something(c), arguments);
            }
        } else if (!Modifier.isAbstract(c.getModifiers())) {
            ((java.lang.reflect.Constructor<?>) e).newInstance(arguments);
        } else {
            throw new InvocationTargetException(new IllegalStateException("abstract"));
        }
    }

    /// Some object of a type; it need not have been made properly, for nobody gets to use it.
    private static Object something(Class<?> t) throws Exception {
        if (t.isPrimitive()) {
            return Array.get(Array.newInstance(t, 1), 0);
        }
        if (t.isArray()) {
            return Array.newInstance(t.componentType(), 0);
        }
        if (t.isEnum()) {
            return t.getEnumConstants()[0];
        }
        List<Object> known =
                List.of(
                        "",
                        List.of(),
                        Map.of(),
                        Set.of(),
                        Optional.empty(),
                        Path.of(""),
                        InputStream.nullInputStream(),
                        OutputStream.nullOutputStream(),
                        Object.class);
        for (Object o : known) {
            if (t.isInstance(o)) {
                return o;
            }
        }
        if (t.isSealed() && (t.isInterface() || Modifier.isAbstract(t.getModifiers()))) {
            return something(t.getPermittedSubclasses()[0]);
        }
        if (t.isInterface()) {
            return Proxy.newProxyInstance(
                    t.getClassLoader(), new Class<?>[] {t}, (_, _, _) -> null);
        }
        Class<?> unsafe = Class.forName("sun.misc.Unsafe");
        var field = unsafe.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        return unsafe.getMethod("allocateInstance", Class.class).invoke(field.get(null), t);
    }
}
