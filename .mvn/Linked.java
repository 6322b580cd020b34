import static java.lang.classfile.ClassFile.ACC_FINAL;
import static java.lang.classfile.ClassFile.ACC_PRIVATE;
import static java.lang.classfile.ClassFile.ACC_PUBLIC;
import static java.lang.classfile.ClassFile.ACC_STATIC;
import static java.lang.classfile.ClassFile.ACC_SUPER;
import static java.lang.classfile.ClassFile.ACC_SYNTHETIC;
import static java.lang.constant.ConstantDescs.CD_Object;
import static java.lang.constant.ConstantDescs.CD_String;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_byte;
import static java.lang.constant.ConstantDescs.CD_double;
import static java.lang.constant.ConstantDescs.CD_float;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_short;
import static java.lang.constant.ConstantDescs.CD_void;
import static java.lang.constant.ConstantDescs.MTD_void;

import java.io.File;
import java.io.IOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassElement;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.FieldModel;
import java.lang.classfile.Label;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.attribute.NestHostAttribute;
import java.lang.classfile.attribute.NestMembersAttribute;
import java.lang.classfile.attribute.RecordAttribute;
import java.lang.classfile.attribute.SourceFileAttribute;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LineNumber;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDesc;
import java.lang.constant.DirectMethodHandleDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodType;
import java.lang.reflect.AccessFlag;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// `java Linked.java FOLDER [CLASSPATH]`: links the dynamic calls of the classes in a folder, in place.
///
/// What the compiler leaves to the first run, a young JVM pays for: it writes, loads and compiles a class for each lambda and each switch over types, and a tree of method handles for each method of a
/// record. Here they become plain code once, when the library is built (docs/decisions/059):
///
/// - a lambda is an object of a class `Outer$$n`; those of a class share one for each interface and kinds of what they capture, but for [packages][#STEPS] where only those of a static initializer do
///   that capture nothing, such as the functions of a table;
/// - a switch over types is a method of its class;
/// - `equals`, `hashCode` and `toString` of a record are written out.
///
/// And public methods of what users call begin with a look at their arguments: null is an error that names the method and the argument (docs/decisions/074).
///
/// Classes that were linked before are left as they are, and so are dynamic calls that a newer compiler makes for something else; with `-Dstrict=true` these are an error.
final class Linked {
    private static final boolean STRICT = Boolean.getBoolean("strict");

    private static final String LAMBDA = "java.lang.invoke.LambdaMetafactory.metafactory";
    private static final String TYPES = "java.lang.runtime.SwitchBootstraps.typeSwitch";
    private static final String ENUMS = "java.lang.runtime.SwitchBootstraps.enumSwitch";
    private static final String RECORD = "java.lang.runtime.ObjectMethods.bootstrap";
    private static final ClassDesc ENUM = ClassDesc.of("java.lang.Enum");
    private static final ClassDesc RECORDS = ClassDesc.of("java.lang.Record");
    private static final MethodTypeDesc EQUALS = MethodTypeDesc.of(CD_boolean, CD_Object);

    /// Packages with code that runs in each step of a training. What lambdas capture there lies in records, whose final fields the JVM trusts never to change, as it trusts those of the classes of its own making.
    private static final Set<String> STEPS = Set.of("dev.nacre", "dev.nacre.cpu");

    private static final Map<ClassDesc, ClassDesc> BOXES = boxes();

    /// The packages that users call, and of [another][#FUNCTIONS] the functions of tensors.
    private static final Pattern CALLED =
            Pattern.compile("dev\\.nacre(\\.type|\\.(nn|formats|models)(\\..*)?)?");

    private static final String FUNCTIONS = "dev.nacre.ir";
    private static final Set<String> FAMILIES =
            Set.of("Expression", "Elementwise", "Movement", "Reductions", "Linear", "Neural");

    private static final ClassDesc PROBLEM = ClassDesc.of("dev.nacre.type.Problem");
    private static final ClassDesc LIST = ClassDesc.of("java.util.List");

    private final Path root;
    private final ClassFile classes;

    private Linked(Path root, ClassFile classes) {
        this.root = root;
        this.classes = classes;
    }

    public static void main(String[] args) throws IOException {
        Path root = Path.of(args[0]);
        if (!Files.isDirectory(root)) {
            return; // a module without classes
        }
        try (URLClassLoader loader = new URLClassLoader(urls(args))) {
            var hierarchy = ClassHierarchyResolver.ofClassLoading(loader);
            new Linked(
                            root,
                            ClassFile.of(
                                    ClassFile.ClassHierarchyResolverOption.of(hierarchy.cached())))
                    .run();
        }
    }

    private static URL[] urls(String[] args) throws IOException {
        List<URL> out = new ArrayList<>();
        for (String a : args) {
            for (String entry : a.split(File.pathSeparator)) {
                out.add(Path.of(entry).toUri().toURL());
            }
        }
        return out.toArray(URL[]::new);
    }

    private static String name(ClassDesc c) {
        String d = c.descriptorString();
        return d.substring(1, d.length() - 1);
    }

    private void run() throws IOException {
        for (Path p : files()) {
            new Rewriting(classes.parse(p)).run(p);
        }
        Map<ClassDesc, Set<ClassDesc>> nests = new TreeMap<>((a, b) -> name(a).compareTo(name(b)));
        for (Path p : files()) {
            ClassModel m = classes.parse(p);
            m.findAttribute(Attributes.nestHost())
                    .ifPresent(h ->
                            nests.computeIfAbsent(
                                            h.nestHost().asSymbol(), _ -> new LinkedHashSet<>())
                                    .add(m.thisClass().asSymbol()));
        }
        for (var nest : nests.entrySet()) {
            Path host = file(nest.getKey());
            if (Files.exists(host)) {
                join(host, nest.getValue());
            } else { // its source is gone, and the compiler does not know of what was made here
                for (ClassDesc member : nest.getValue()) {
                    Files.delete(file(member));
                }
            }
        }
    }

    private Path file(ClassDesc c) {
        return root.resolve(name(c) + ".class");
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> s = Files.walk(root)) {
            return s.filter(p ->
                            p.toString().endsWith(".class") && !p.endsWith("module-info.class"))
                    .sorted()
                    .toList();
        }
    }

    /// Tells a class which others may use what is private in it.
    private void join(Path host, Set<ClassDesc> members) throws IOException {
        ClassModel m = classes.parse(host);
        Set<ClassDesc> before = new LinkedHashSet<>();
        m.findAttribute(Attributes.nestMembers())
                .ifPresent(a -> a.nestMembers().forEach(c -> before.add(c.asSymbol())));
        if (!before.equals(members)) {
            var after = NestMembersAttribute.ofSymbols(List.copyOf(members));
            Files.write(
                    host,
                    classes.transformClass(
                            m,
                            ClassTransform.dropping(e -> e instanceof NestMembersAttribute)
                                    .andThen(ClassTransform.endHandler(b -> b.with(after)))));
        }
    }

    /// One class.
    private final class Rewriting {
        private final ClassModel model;
        private final ClassDesc self;
        private final List<Functions> functions = new ArrayList<>();
        private final List<InvokeDynamicInstruction> switches = new ArrayList<>();
        private final boolean looks;
        private boolean changed;
        private boolean looked;

        Rewriting(ClassModel model) {
            this.model = model;
            this.self = model.thisClass().asSymbol();
            this.looks = isCalled() && !hasLooks();
        }

        /// An exception takes what it is given: whoever throws it has something worse to tell.
        private boolean isCalled() {
            boolean of =
                    self.packageName().equals(FUNCTIONS)
                            ? FAMILIES.contains(self.displayName())
                            : CALLED.matcher(self.packageName()).matches();
            boolean tells = self.equals(PROBLEM) || self.displayName().endsWith("Exception");
            return of && isPublic() && !tells;
        }

        private boolean isPublic() {
            return model.flags().has(AccessFlag.PUBLIC)
                    && model.findAttribute(Attributes.innerClasses()).stream()
                            .flatMap(a -> a.classes().stream())
                            .filter(c -> c.innerClass().asSymbol().equals(self))
                            .allMatch(c -> c.has(AccessFlag.PUBLIC));
        }

        /// Whether it has been here before.
        private boolean hasLooks() {
            return model.methods().stream()
                    .flatMap(m -> m.code().stream())
                    .flatMap(c -> c.elementStream())
                    .anyMatch(e ->
                            e instanceof InvokeInstruction i
                                    && i.owner().asSymbol().equals(PROBLEM)
                                    && i.name().equalsString("given"));
        }

        void run(Path file) throws IOException {
            byte[] linked =
                    classes.transformClass(
                            model,
                            ((ClassTransform) this::rewrite)
                                    .andThen(ClassTransform.endHandler(this::addSwitches)));
            if (changed) {
                deleteMade(file);
            }
            if (changed || looked) {
                Files.write(file, linked);
                for (Functions f : functions) {
                    Files.write(file(f.self), f.bytes(classes));
                }
            }
        }

        /// What was made for the class before it was compiled again.
        private void deleteMade(Path file) throws IOException {
            String name = file.getFileName().toString().replace(".class", "$$");
            try (var made = Files.newDirectoryStream(file.getParent(), name + "*.class")) {
                for (Path p : made) {
                    Files.delete(p);
                }
            }
        }

        private void rewrite(ClassBuilder c, ClassElement e) {
            if (e instanceof MethodModel m) {
                boolean initializes = m.methodName().equalsString("<clinit>");
                CodeTransform linking = (b, i) -> link(b, i, initializes);
                MethodTransform whole = MethodTransform.transformingCode(linking);
                c.transformMethod(
                        m,
                        looks && takesNoNull(m)
                                ? MethodTransform.transformingCode(new Look(m)).andThen(whole)
                                : whole);
            } else {
                c.with(e);
            }
        }

        /// Whatever is public, but for `equals`.
        private static boolean takesNoNull(MethodModel m) {
            return m.flags().has(AccessFlag.PUBLIC)
                    && !m.flags().has(AccessFlag.SYNTHETIC)
                    && !(m.methodName().equalsString("equals")
                            && m.methodTypeSymbol().equals(EQUALS));
        }

        /// Looks at what a method is given before anything else.
        private final class Look implements CodeTransform {
            private final MethodModel method;
            private final MethodTypeDesc type;

            Look(MethodModel method) {
                this.method = method;
                this.type = method.methodTypeSymbol();
            }

            @Override
            public void atStart(CodeBuilder b) {
                boolean first = true;
                for (int k = 0; k < type.parameterCount(); k++) {
                    ClassDesc t = type.parameterType(k);
                    if (t.isPrimitive()) {
                        continue;
                    }
                    if (first) {
                        line(b);
                        first = false;
                        looked = true;
                    }
                    MethodTypeDesc given = MethodTypeDesc.of(CD_void, kind(t), CD_String);
                    b.aload(b.parameterSlot(k))
                            .loadConstant(methodName() + ": " + parameter(k))
                            .invokestatic(PROBLEM, "given", given);
                }
            }

            @Override
            public void accept(CodeBuilder b, CodeElement e) {
                b.with(e);
            }

            /// The method's first line, so that the trace has one.
            private void line(CodeBuilder b) {
                method.code().stream()
                        .flatMap(c -> c.elementStream())
                        .flatMap(e -> e instanceof LineNumber n ? Stream.of(n.line()) : Stream.of())
                        .findFirst()
                        .ifPresent(b::lineNumber);
            }

            /// Elements of arrays and lists are looked at, too.
            private static ClassDesc kind(ClassDesc t) {
                if (t.isArray() && t.componentType().isClassOrInterface()) {
                    return CD_Object.arrayType();
                }
                return t.equals(LIST) ? LIST : CD_Object;
            }

            private String methodName() {
                String name = method.methodName().stringValue();
                return name.equals("<init>")
                        ? simpleName()
                        : self.packageName().equals(FUNCTIONS) ? name : simpleName() + "." + name;
            }

            private String parameter(int k) {
                return method.findAttribute(Attributes.methodParameters())
                        .filter(a -> k < a.parameters().size())
                        .flatMap(a -> a.parameters().get(k).name())
                        .map(Object::toString)
                        .orElse("argument " + (k + 1));
            }
        }

        private void link(CodeBuilder b, CodeElement e, boolean initializes) {
            if (!(e instanceof InvokeDynamicInstruction i)) {
                b.with(e);
                return;
            }
            DirectMethodHandleDesc m = i.bootstrapMethod();
            String bootstrap = name(m.owner()).replace('/', '.') + "." + m.methodName();
            if (bootstrap.equals(LAMBDA)) {
                lambda(b, i, initializes);
            } else if ((bootstrap.equals(TYPES) || bootstrap.equals(ENUMS))
                    && i.bootstrapArgs().stream().allMatch(this::isLabel)) {
                boolean isInterface = model.flags().has(AccessFlag.INTERFACE);
                b.invokestatic(self, switchName(switches.size()), i.typeSymbol(), isInterface);
                switches.add(i);
            } else if (bootstrap.equals(RECORD)) {
                recordMethod(b, i.name().stringValue());
            } else if (STRICT) {
                throw new IllegalStateException(name(self) + ": " + i + " cannot be linked");
            } else {
                b.with(i);
                return;
            }
            changed = true;
        }

        /// Numbers among types also match characters and shorter numbers, by rules of their own: such a switch is left as it is.
        private boolean isLabel(ConstantDesc label) {
            return label instanceof ClassDesc || label instanceof String;
        }

        private void lambda(CodeBuilder b, InvokeDynamicInstruction i, boolean initializes) {
            boolean inSteps = STEPS.contains(self.packageName());
            Function f = new Function(i, inSteps);
            Functions of = null;
            if (!inSteps || initializes && !f.captures()) {
                of = functions.stream().filter(x -> x.takes(f)).findFirst().orElse(null);
            }
            if (of == null) {
                boolean shared = !inSteps || initializes;
                of =
                        new Functions(
                                ClassDesc.ofInternalName(name(self) + "$$" + functions.size()),
                                model,
                                shared);
                functions.add(of);
            }
            of.all.add(f);
            int number = of.all.size() - 1;
            if (f.captures()) {
                b.invokestatic(of.self, Functions.maker(number), f.type);
            } else {
                b.getstatic(of.self, Functions.field(number), f.type.returnType());
            }
        }

        private String switchName(int k) {
            return "switch$" + k;
        }

        private void addSwitches(ClassBuilder c) {
            for (int k = 0; k < switches.size(); k++) {
                InvokeDynamicInstruction i = switches.get(k);
                c.withMethodBody(
                        switchName(k),
                        i.typeSymbol(),
                        ACC_PRIVATE | ACC_STATIC | ACC_SYNTHETIC,
                        b -> switchBody(b, i));
            }
        }

        /// The number of the first label, from a given one on, that a value has; −1 for null; the number of labels if there is none.
        private void switchBody(CodeBuilder b, InvokeDynamicInstruction i) {
            List<ConstantDesc> labels = i.bootstrapArgs();
            boolean ofEnum = i.bootstrapMethod().methodName().equals("enumSwitch");
            Label something = b.newLabel();
            b.aload(0).ifnonnull(something).iconst_m1().ireturn().labelBinding(something);
            for (int k = 0; k < labels.size(); k++) {
                Label next = b.newLabel();
                b.iload(1).loadConstant(k).if_icmpgt(next);
                switch (labels.get(k)) {
                    case ClassDesc type -> b.aload(0).instanceOf(type);
                    case String s -> {
                        b.loadConstant(s).aload(0);
                        if (ofEnum) {
                            b.invokevirtual(ENUM, "name", MethodTypeDesc.of(CD_String));
                        }
                        b.invokevirtual(CD_Object, "equals", EQUALS);
                    }
                    default -> throw new IllegalStateException();
                }
                b.ifeq(next).loadConstant(k).ireturn().labelBinding(next);
            }
            b.loadConstant(labels.size()).ireturn();
        }

        /// Its arguments, the record and for `equals` another object, are on the stack and in the method's first variables.
        private void recordMethod(CodeBuilder b, String method) {
            List<FieldModel> fields =
                    model.findAttribute(Attributes.record()).orElseThrow().components().stream()
                            .map(r -> field(r.name().stringValue()))
                            .toList();
            switch (method) {
                case "hashCode" -> recordHash(b.pop(), fields);
                case "equals" -> recordEquals(b.pop2(), fields);
                case "toString" -> recordString(b.pop(), fields);
                default -> throw new IllegalStateException(method);
            }
        }

        private FieldModel field(String name) {
            return model.fields().stream()
                    .filter(f -> f.fieldName().equalsString(name))
                    .findFirst()
                    .orElseThrow();
        }

        private CodeBuilder load(CodeBuilder b, FieldModel f) {
            return b.getfield(self, f.fieldName().stringValue(), f.fieldTypeSymbol());
        }

        private void recordHash(CodeBuilder b, List<FieldModel> fields) {
            b.iconst_0();
            for (FieldModel f : fields) {
                ClassDesc t = f.fieldTypeSymbol();
                load(b.bipush(31).imul().aload(0), f);
                ClassDesc of = t.isPrimitive() ? BOXES.get(t) : ClassDesc.of("java.util.Objects");
                ClassDesc value = t.isPrimitive() ? t : CD_Object;
                b.invokestatic(of, "hashCode", MethodTypeDesc.of(CD_int, value)).iadd();
            }
        }

        private void recordEquals(CodeBuilder b, List<FieldModel> fields) {
            Label yes = b.newLabel();
            Label no = b.newLabel();
            Label end = b.newLabel();
            b.aload(0).aload(1).if_acmpeq(yes).aload(1).instanceOf(self).ifeq(no);
            for (FieldModel f : fields) {
                ClassDesc t = f.fieldTypeSymbol();
                load(b.aload(0), f);
                load(b.aload(1).checkcast(self), f);
                if (!t.isPrimitive()) {
                    b.invokestatic(
                                    ClassDesc.of("java.util.Objects"),
                                    "equals",
                                    MethodTypeDesc.of(CD_boolean, CD_Object, CD_Object))
                            .ifeq(no);
                } else if (t.equals(CD_float) || t.equals(CD_double) || t.equals(CD_long)) {
                    b.invokestatic(BOXES.get(t), "compare", MethodTypeDesc.of(CD_int, t, t))
                            .ifne(no);
                } else {
                    b.if_icmpne(no);
                }
            }
            b.labelBinding(yes).iconst_1().goto_(end);
            b.labelBinding(no).iconst_0().labelBinding(end);
        }

        private void recordString(CodeBuilder b, List<FieldModel> fields) {
            ClassDesc text = ClassDesc.of("java.lang.StringBuilder");
            b.new_(text).dup().invokespecial(text, "<init>", MTD_void);
            String before = simpleName() + "[";
            for (FieldModel f : fields) {
                ClassDesc t = f.fieldTypeSymbol();
                ClassDesc shown = !t.isPrimitive() ? CD_Object : isNarrow(t) ? CD_int : t;
                b.loadConstant(before + f.fieldName() + "=")
                        .invokevirtual(text, "append", MethodTypeDesc.of(text, CD_String));
                load(b.aload(0), f).invokevirtual(text, "append", MethodTypeDesc.of(text, shown));
                before = ", ";
            }
            b.loadConstant(fields.isEmpty() ? before + "]" : "]")
                    .invokevirtual(text, "append", MethodTypeDesc.of(text, CD_String))
                    .invokevirtual(text, "toString", MethodTypeDesc.of(CD_String));
        }

        private static boolean isNarrow(ClassDesc t) {
            return t.equals(CD_byte) || t.equals(CD_short);
        }

        private String simpleName() {
            return model.findAttribute(Attributes.innerClasses()).stream()
                    .flatMap(a -> a.classes().stream())
                    .filter(c -> c.innerClass().asSymbol().equals(self))
                    .flatMap(c -> c.innerName().stream())
                    .map(Object::toString)
                    .findFirst()
                    .orElse(self.displayName());
        }
    }

    /// What a dynamic call makes a function of an interface from.
    private static final class Function {
        /// From what is captured to the interface.
        final MethodTypeDesc type;

        /// As what that is kept.
        final List<ClassDesc> kept;

        final boolean inSteps;

        final String method;
        final MethodTypeDesc erased;
        final MethodTypeDesc called;
        final DirectMethodHandleDesc target;

        Function(InvokeDynamicInstruction i, boolean inSteps) {
            this.inSteps = inSteps;
            type = i.typeSymbol();
            kept =
                    type.parameterList().stream()
                            .map(t -> inSteps || t.isPrimitive() ? t : CD_Object)
                            .toList();
            method = i.name().stringValue();
            erased = (MethodTypeDesc) i.bootstrapArgs().get(0);
            target = (DirectMethodHandleDesc) i.bootstrapArgs().get(1);
            called = (MethodTypeDesc) i.bootstrapArgs().get(2);
        }

        boolean captures() {
            return type.parameterCount() > 0;
        }

        boolean isLike(Function f) {
            return type.returnType().equals(f.type.returnType())
                    && kept.equals(f.kept)
                    && method.equals(f.method)
                    && erased.equals(f.erased);
        }

        /// Calls the target with what is captured and the arguments, and returns.
        void body(CodeBuilder b, ClassDesc self) {
            boolean makes = target.kind() == DirectMethodHandleDesc.Kind.CONSTRUCTOR;
            if (makes) {
                b.new_(target.owner()).dup();
            }
            int at = 0;
            for (int k = 0; k < kept.size(); k++, at++) {
                b.aload(0).getfield(self, Functions.captured(k), kept.get(k));
                ClassDesc known = type.parameterType(k);
                convert(b, kept.get(k), known, target.invocationType().parameterType(at));
            }
            for (int k = 0; k < erased.parameterCount(); k++, at++) {
                ClassDesc t = erased.parameterType(k);
                b.loadLocal(TypeKind.from(t), b.parameterSlot(k));
                convert(b, t, called.parameterType(k), target.invocationType().parameterType(at));
            }
            call(b);
            ClassDesc result = makes ? target.owner() : target.invocationType().returnType();
            if (!erased.returnType().equals(CD_void)) {
                convert(b, result, called.returnType(), erased.returnType());
            } else if (!result.equals(CD_void)) {
                if (TypeKind.from(result).slotSize() == 2) {
                    b.pop2();
                } else {
                    b.pop();
                }
            }
            b.return_(TypeKind.from(erased.returnType()));
        }

        private void call(CodeBuilder b) {
            ClassDesc owner = target.owner();
            String name = target.methodName();
            MethodTypeDesc t = MethodTypeDesc.ofDescriptor(target.lookupDescriptor());
            switch (target.kind()) {
                case STATIC -> b.invokestatic(owner, name, t);
                case INTERFACE_STATIC -> b.invokestatic(owner, name, t, true);
                case VIRTUAL, SPECIAL -> b.invokevirtual(owner, name, t);
                case INTERFACE_VIRTUAL, INTERFACE_SPECIAL -> b.invokeinterface(owner, name, t);
                case CONSTRUCTOR -> b.invokespecial(owner, "<init>", t.changeReturnType(CD_void));
                default -> throw new IllegalStateException(target.toString());
            }
        }
    }

    /// A class of functions.
    private static final class Functions {
        private static final String NUMBER = "number";

        final ClassDesc self;
        final List<Function> all = new ArrayList<>();
        private final ClassModel outer;
        private final boolean shared;

        Functions(ClassDesc self, ClassModel outer, boolean shared) {
            this.self = self;
            this.outer = outer;
            this.shared = shared;
        }

        /// Whether this is the class for another function.
        boolean takes(Function f) {
            return shared && all.getFirst().isLike(f);
        }

        /// Where the k-th one is that captures nothing.
        static String field(int k) {
            return "FUNCTION" + k;
        }

        /// What makes the k-th one of what it captures.
        static String maker(int k) {
            return "of" + k;
        }

        static String captured(int k) {
            return "captured" + k;
        }

        byte[] bytes(ClassFile classes) {
            return classes.build(self, this::build);
        }

        private void build(ClassBuilder c) {
            Function first = all.getFirst();
            c.withFlags(ACC_FINAL | ACC_SUPER | ACC_SYNTHETIC);
            if (isRecord()) {
                c.withSuperclass(RECORDS).with(RecordAttribute.of());
                identity(c);
            }
            c.withVersion(outer.majorVersion(), outer.minorVersion());
            c.withInterfaceSymbols(first.type.returnType());
            c.with(
                    NestHostAttribute.of(
                            outer.findAttribute(Attributes.nestHost())
                                    .map(h -> h.nestHost().asSymbol())
                                    .orElse(outer.thisClass().asSymbol())));
            outer.findAttribute(Attributes.sourceFile())
                    .ifPresent(s -> c.with(SourceFileAttribute.of(s.sourceFile().stringValue())));
            List<ClassDesc> kept = new ArrayList<>(first.kept);
            if (all.size() > 1) {
                kept.addFirst(CD_int);
            }
            MethodTypeDesc init = MethodTypeDesc.of(CD_void, kept);
            constructor(c, init);
            if (first.captures()) {
                for (int k = 0; k < all.size(); k++) {
                    int number = k;
                    c.withMethodBody(
                            maker(k), all.get(k).type, ACC_STATIC, b -> make(b, number, init));
                }
            } else {
                constants(c, init);
            }
            c.withMethodBody(first.method, first.erased, ACC_PUBLIC, this::method);
        }

        /// Makes the k-th one of what it captures.
        private void make(CodeBuilder b, int k, MethodTypeDesc init) {
            MethodTypeDesc type = all.get(k).type;
            created(b, k);
            for (int i = 0; i < type.parameterCount(); i++) {
                b.loadLocal(TypeKind.from(type.parameterType(i)), b.parameterSlot(i));
            }
            b.invokespecial(self, "<init>", init).areturn();
        }

        private void created(CodeBuilder b, int k) {
            b.new_(self).dup();
            if (all.size() > 1) {
                b.loadConstant(k);
            }
        }

        private boolean isRecord() {
            return all.getFirst().captures() && all.getFirst().inSteps;
        }

        /// A function is equal to itself alone.
        private static void identity(ClassBuilder c) {
            ClassDesc system = ClassDesc.of("java.lang.System");
            ClassDesc objects = ClassDesc.of("java.util.Objects");
            MethodTypeDesc hash = MethodTypeDesc.of(CD_int, CD_Object);
            MethodTypeDesc text = MethodTypeDesc.of(CD_String, CD_Object);
            c.withMethodBody(
                    "equals",
                    EQUALS,
                    ACC_PUBLIC,
                    b ->
                            b.aload(0)
                                    .aload(1)
                                    .ifThenElse(
                                            Opcode.IF_ACMPEQ,
                                            CodeBuilder::iconst_1,
                                            CodeBuilder::iconst_0)
                                    .ireturn());
            c.withMethodBody(
                    "hashCode",
                    MethodTypeDesc.of(CD_int),
                    ACC_PUBLIC,
                    b -> b.aload(0).invokestatic(system, "identityHashCode", hash).ireturn());
            c.withMethodBody(
                    "toString",
                    MethodTypeDesc.of(CD_String),
                    ACC_PUBLIC,
                    b -> b.aload(0).invokestatic(objects, "toIdentityString", text).areturn());
        }

        private void constructor(ClassBuilder c, MethodTypeDesc init) {
            int first = all.size() > 1 ? 1 : 0;
            List<String> names = new ArrayList<>();
            for (int k = 0; k < init.parameterCount(); k++) {
                names.add(k < first ? NUMBER : captured(k - first));
                c.withField(names.get(k), init.parameterType(k), ACC_PRIVATE | ACC_FINAL);
            }
            c.withMethodBody(
                    "<init>",
                    init,
                    ACC_PRIVATE,
                    b -> {
                        ClassDesc above = isRecord() ? RECORDS : CD_Object;
                        b.aload(0).invokespecial(above, "<init>", MTD_void);
                        for (int k = 0; k < init.parameterCount(); k++) {
                            ClassDesc t = init.parameterType(k);
                            b.aload(0).loadLocal(TypeKind.from(t), b.parameterSlot(k));
                            b.putfield(self, names.get(k), t);
                        }
                        b.return_();
                    });
        }

        private void constants(ClassBuilder c, MethodTypeDesc init) {
            ClassDesc type = all.getFirst().type.returnType();
            for (int k = 0; k < all.size(); k++) {
                c.withField(field(k), type, ACC_STATIC | ACC_FINAL);
            }
            c.withMethodBody(
                    "<clinit>",
                    MTD_void,
                    ACC_STATIC,
                    b -> {
                        for (int k = 0; k < all.size(); k++) {
                            created(b, k);
                            b.invokespecial(self, "<init>", init);
                            b.putstatic(self, field(k), type);
                        }
                        b.return_();
                    });
        }

        private void method(CodeBuilder b) {
            if (all.size() > 1) {
                List<SwitchCase> others = new ArrayList<>();
                for (int k = 1; k < all.size(); k++) {
                    others.add(SwitchCase.of(k, b.newLabel()));
                }
                Label first = b.newLabel();
                b.aload(0).getfield(self, NUMBER, CD_int);
                b.tableswitch(1, all.size() - 1, first, others);
                for (SwitchCase s : others) {
                    b.labelBinding(s.target());
                    all.get(s.caseValue()).body(b, self);
                }
                b.labelBinding(first);
            }
            all.getFirst().body(b, self);
        }
    }

    private static Map<ClassDesc, ClassDesc> boxes() {
        Map<ClassDesc, ClassDesc> out = new HashMap<>();
        for (Class<?> box :
                List.of(
                        Boolean.class,
                        Byte.class,
                        Short.class,
                        Character.class,
                        Integer.class,
                        Long.class,
                        Float.class,
                        Double.class)) {
            Class<?> plain = MethodType.methodType(box).unwrap().returnType();
            out.put(
                    ClassDesc.ofDescriptor(plain.descriptorString()),
                    ClassDesc.ofDescriptor(box.descriptorString()));
        }
        return out;
    }

    /// The value on the stack, of type `from` and known to be `known`, as `to`: cast, boxed, unboxed or widened.
    private static void convert(CodeBuilder b, ClassDesc from, ClassDesc known, ClassDesc to) {
        if (from.equals(to)) {
            return;
        }
        if (from.isPrimitive() && to.isPrimitive()) {
            b.conversion(TypeKind.from(from), TypeKind.from(to));
        } else if (from.isPrimitive()) {
            ClassDesc box = BOXES.get(from);
            b.invokestatic(box, "valueOf", MethodTypeDesc.of(box, from));
        } else if (to.isPrimitive()) {
            ClassDesc box = BOXES.containsValue(known) ? known : BOXES.get(to);
            ClassDesc plain =
                    BOXES.entrySet().stream()
                            .filter(e -> e.getValue().equals(box))
                            .findFirst()
                            .orElseThrow()
                            .getKey();
            b.checkcast(box);
            b.invokevirtual(box, plain.displayName() + "Value", MethodTypeDesc.of(plain));
            convert(b, plain, plain, to);
        } else if (!to.equals(CD_Object)) {
            b.checkcast(to);
        }
    }
}
