package dev.nacre.cpu;

import dev.nacre.compile.Setting;
import dev.nacre.compile.Stack;
import dev.nacre.compile.Turns;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;

/// The one team of threads that everything on the CPU runs on: Java loops, and the pieces of oneDNN's work alike.
///
///     Team.get().run(tiles, tile -> kernel.run(tile));
///
/// The calling thread is a member; the others are daemons that wait for the next region for a moment, then sleep, and end when nothing
/// has come for some seconds (the system property `nacre.idle`, in milliseconds): the next region starts them anew. So whoever drops the class loader that loaded this is not held by its threads. The size is the system property `nacre.threads`; without it, the number of physical cores this process may use.
///
/// **One caller at a time.** Whoever finds the team free has it for one [run][#run(int, Work)], or for as long as
/// [enter][#enter(Runnable)] lasts. A caller that finds it taken is not kept waiting: its parts run on its own thread,
/// one after another. So sixteen threads that infer at once use the cores as sixteen threads, not as sixteen teams. Calls
/// from inside a part run inline for the same reason. And whoever has the team leaves as many of its members alone as there are
/// other callers: those have the cores, and a part given to a member that gets none would be waited for.
///
/// **Nobody waits for a member that is not there.** Parts that a member has not begun are taken by the others, so a
/// machine that is busy with something else slows the team down but does not stall it.
public final class Team {
    /// The parts of one job. Parts run in any order, on any thread, at the same time.
    @FunctionalInterface
    public interface Work {
        /// @param part from 0 to the number of parts, exclusive
        void run(int part);
    }

    /// The parts of one job, for work that needs something of its own for each thread it runs on.
    @FunctionalInterface
    public interface MemberWork {
        /// @param part from 0 to the number of parts, exclusive
        /// @param member who runs it, from 0 to [#size()], exclusive; nobody else in this job has the same number
        void run(int part, int member);
    }

    private static final class Holder {
        static final Team TEAM = new Team(configuredSize());
    }

    private static final VarHandle OWNER = field("owner", Thread.class);
    private static final VarHandle CALLERS = field("callers", int.class);
    private static final VarHandle INSIDE = field("inside", int.class);
    private static final VarHandle CURSOR = MethodHandles.arrayElementVarHandle(int[].class);
    private static final VarHandle STATES = MethodHandles.arrayElementVarHandle(int[].class);

    // What a member does.
    private static final int AWAKE = 0;
    private static final int ASLEEP = 1;
    private static final int GONE = 2; // its thread ends, or there is none yet

    private static final long IDLE_NANOS =
            1_000_000L * Setting.of("nacre.idle", 0, Integer.MAX_VALUE, 5_000);

    /// Members count their parts this many ints apart, so that no two share a cache line.
    private static final int STRIDE = 32;

    /// How often to look again at once, before giving way to whoever else wants the core: about as long as a part takes.
    private static final int SPINS = 5_000;

    private static final long AWAKE_NANOS = 1_000_000;

    /// Of the stack, for what opens and closes a region: a caller that overflows it half-way through would leave the region open, or itself counted among the callers, for ever. Code that has not been
    /// compiled yet needs several times as much, and so has the check.
    private static final int STACK = 1 << 10;

    private static final int CLOSED = Integer.MIN_VALUE;

    /// No number of regions that there could be just now.
    private static final long NONE = Long.MIN_VALUE;

    private final int size;
    private final long idleNanos;
    private final Thread[] threads;
    private final int[] states;
    private volatile Thread owner;
    private volatile int callers; // how many have entered
    private boolean busy; // the owner is inside a region; only the owner looks

    // The region under way. Written before it opens, read by those who have come in.
    private Work work;
    private MemberWork memberWork;
    private int members;
    private int parts;
    private final int[] cursors;
    private volatile Throwable failure;

    private volatile int regions; // how many there have been
    private volatile int inside =
            CLOSED; // how many members besides the owner are in; below zero, nobody may come in

    /// A team of its own, for tests.
    Team(int size) {
        this(size, IDLE_NANOS);
    }

    /// @param idleNanos how long a member waits for work until its thread ends
    Team(int size, long idleNanos) {
        this.idleNanos = idleNanos;
        this.size = size;
        this.cursors = new int[size * STRIDE];
        this.states = new int[size];
        Arrays.fill(states, GONE);
        this.threads = new Thread[size];
    }

    /// The team.
    public static Team get() {
        return Holder.TEAM;
    }

    /// How many threads it has, the caller's included.
    public int size() {
        return size;
    }

    /// Runs `work` for each part from 0 to `parts`, exclusive, and returns when all are done. Each member starts with a
    /// range of neighbouring parts, the same one each time, and helps the others when it is through.
    ///
    /// @throws RuntimeException or Error, the first one that a part threw; parts not yet begun are then left out
    public void run(int parts, Work work) {
        boolean claimed = false;
        if (parts > 1 && free() > 1 && (ours() || (claimed = claim()))) {
            try {
                region(parts, Objects.requireNonNull(work, "work"), null);
            } finally {
                if (claimed) owner = null;
            }
        } else {
            for (int part = 0; part < parts; part++) work.run(part);
        }
    }

    /// As [run][#run(int, Work)], telling each part which member runs it.
    public void run(int parts, MemberWork work) {
        boolean claimed = false;
        if (parts > 1 && free() > 1 && (ours() || (claimed = claim()))) {
            try {
                region(parts, null, Objects.requireNonNull(work, "work"));
            } finally {
                if (claimed) owner = null;
            }
        } else {
            for (int part = 0; part < parts; part++) work.run(part, 0);
        }
    }

    /// Runs `plan` on the calling thread, which has the team for all that time if it was free. Worth it around regions
    /// that belong together, so that another caller does not take the team half-way through.
    public void enter(Runnable plan) {
        if (owner == Thread.currentThread()) { // is in already
            plan.run();
            return;
        }
        Stack.reserve(STACK);
        CALLERS.getAndAdd(this, 1);
        boolean claimed = claim();
        try {
            plan.run();
        } finally {
            if (claimed) owner = null;
            CALLERS.getAndAdd(this, -1);
        }
    }

    /// How many members there are for one caller.
    private int free() {
        return Turns.isAwaited() ? 1 : size - Math.max(0, callers - 1);
    }

    private boolean claim() {
        return owner == null && OWNER.compareAndSet(this, (Thread) null, Thread.currentThread());
    }

    private boolean ours() {
        return owner == Thread.currentThread() && !busy;
    }

    private void region(int parts, Work work, MemberWork memberWork) {
        Stack.reserve(STACK);
        this.work = work;
        this.memberWork = memberWork;
        this.parts = parts;
        this.members = Math.min(parts, Math.max(1, free()));
        this.failure = null;
        for (int member = 0; member < members; member++) cursors[member * STRIDE] = first(member);
        busy = true;
        inside = 0;
        regions++; // only the owner writes it
        wake(0);
        serve(0);
        INSIDE.getAndAdd(this, CLOSED);
        for (int spins = 0; inside != CLOSED; spins++) {
            if (spins < SPINS) Thread.onSpinWait();
            else Thread.yield();
        }
        busy = false;
        this.work = null;
        this.memberWork = null;
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e ->
                    throw new IllegalStateException(e); // thrown past the compiler's back
        }
    }

    private int first(int member) {
        return (int) ((long) member * parts / members);
    }

    /// What one member does in a region. Never throws.
    private void serve(int me) {
        try {
            var work = this.work;
            var memberWork = this.memberWork;
            for (int i = 0, range = me;
                    i < members;
                    i++, range = range + 1 == members ? 0 : range + 1) {
                int end = first(range + 1);
                for (int part;
                        (part = (int) CURSOR.getAndAdd(cursors, range * STRIDE, 1)) < end; ) {
                    if (failure != null) return;
                    if (work != null) work.run(part);
                    else memberWork.run(part, me);
                }
            }
        } catch (Throwable e) {
            if (failure == null) failure = e; // any of several will do
        }
    }

    /// The life of a member that is not the owner.
    private void attend(int me) {
        for (int seen = regions - 1; ; ) {
            long found = await(me, seen);
            if (found == NONE) return;
            seen = (int) found;
            if (me >= members)
                continue; // a glance from outside; a wrong answer only means less help
            wake(me);
            for (int open; (open = inside) >= 0; ) {
                if (!INSIDE.compareAndSet(this, open, open + 1)) continue;
                if (me < members) serve(me);
                INSIDE.getAndAdd(this, -1);
                break;
            }
        }
    }

    /// Returns the number of regions when it is no longer `seen`; [#NONE] when the member is gone.
    private long await(int me, int seen) {
        for (int spins = 0; spins < SPINS; spins++) {
            if (regions != seen) return regions;
            Thread.onSpinWait();
        }
        for (long until = System.nanoTime() + AWAKE_NANOS; System.nanoTime() < until; ) {
            if (regions != seen) return regions;
            Thread.yield();
        }
        STATES.setVolatile(states, me, ASLEEP);
        long since = System.nanoTime();
        while (regions == seen) {
            LockSupport.parkNanos(this, idleNanos);
            if (regions == seen && System.nanoTime() - since >= idleNanos) {
                STATES.setVolatile(states, me, GONE);
                // a region that began meanwhile has seen it asleep, or starts another
                if (regions == seen || !STATES.compareAndSet(states, me, GONE, AWAKE)) return NONE;
            }
        }
        STATES.setVolatile(states, me, AWAKE);
        return regions;
    }

    /// Each member wakes two others, so that waking a large team does not take the owner long.
    private void wake(int me) {
        for (int other = 2 * me + 1; other <= 2 * me + 2 && other < members; other++)
            switch ((int) STATES.getVolatile(states, other)) {
                case ASLEEP -> LockSupport.unpark(threads[other]);
                case GONE -> start(other);
                default -> {}
            }
    }

    /// Where there can be no thread, the others do its parts.
    private void start(int member) {
        if (!STATES.compareAndSet(states, member, GONE, AWAKE)) return;
        try {
            var thread =
                    Thread.ofPlatform()
                            .daemon()
                            .name("nacre-" + member)
                            .inheritInheritableThreadLocals(false)
                            .unstarted(() -> attend(member));
            thread.setContextClassLoader(Team.class.getClassLoader()); // not the caller's
            threads[member] = thread;
            thread.start();
        } catch (Throwable _) { // no room for a thread, or on this one's stack
            STATES.setVolatile(states, member, GONE);
        }
    }

    private static VarHandle field(String name, Class<?> type) {
        try {
            return MethodHandles.lookup().findVarHandle(Team.class, name, type);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static int configuredSize() {
        var cores =
                Math.max(1, Math.min(Runtime.getRuntime().availableProcessors(), physicalCores()));
        return (int) Setting.of("nacre.threads", 1, 1024, cores);
    }

    /// How many cores the processors that this process may run on belong to; two that share a core gain nothing here.
    private static int physicalCores() {
        var topology = "/topology/thread_siblings_list";
        try (var status = Files.lines(Path.of("/proc/self/status"))) {
            var allowed =
                    status.filter(line -> line.startsWith("Cpus_allowed_list:"))
                            .findFirst()
                            .orElse("");
            var cores = new HashSet<String>();
            for (var range : allowed.substring(allowed.indexOf(':') + 1).strip().split(",")) {
                var ends = range.split("-");
                for (int cpu = Integer.parseInt(ends[0]);
                        cpu <= Integer.parseInt(ends[ends.length - 1]);
                        cpu++)
                    cores.add(
                            Files.readString(
                                    Path.of("/sys/devices/system/cpu/cpu" + cpu + topology)));
            }
            return cores.size();
        } catch (IOException | UncheckedIOException | NumberFormatException _) {
            return Integer.MAX_VALUE; // not Linux
        }
    }

    @Override
    public String toString() {
        return size + (size == 1 ? " thread" : " threads");
    }
}
