package dev.nacre.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TeamTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void everyPartRunsOnce(int size) {
        var team = Teams.of(size);
        assertEquals(size, team.size());
        for (int parts : new int[] {0, 1, 2, 3, 7, 64, 1000}) {
            for (int round = 0; round < 50; round++) {
                var ran = new AtomicIntegerArray(parts);
                team.run(parts, ran::incrementAndGet);
                for (int part = 0; part < parts; part++)
                    assertEquals(1, ran.get(part), "part " + part);
            }
        }
    }

    @Test
    void theCallerSeesWhatThePartsWrote() {
        var team = Teams.of(3);
        var plain = new long[1000];
        for (int round = 1; round <= 2000; round++) {
            long value = round;
            team.run(plain.length, part -> plain[part] = value);
            for (long cell : plain) assertEquals(value, cell);
        }
    }

    @Test
    void membersWorkAtTheSameTime() {
        var meeting = new CyclicBarrier(3);
        Teams.of(3).run(3, part -> meet(meeting));
        assertEquals(0, meeting.getNumberWaiting());
    }

    private static void meet(CyclicBarrier meeting) {
        try {
            meeting.await(20, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aMemberHasItsNumberForItself() {
        var team = Teams.of(4);
        var inside = new AtomicIntegerArray(4);
        for (int round = 0; round < 200; round++) {
            team.run(
                    40,
                    (part, member) -> {
                        assertEquals(1, inside.incrementAndGet(member));
                        Thread.onSpinWait();
                        inside.decrementAndGet(member);
                    });
        }
    }

    @Test
    void anExceptionReachesTheCallerAndTheTeamLivesOn() {
        var team = Teams.of(2);
        for (int bad = 0; bad < 8; bad++) {
            int at = bad;
            var thrown = new IllegalStateException("part " + bad);
            var caught =
                    assertThrows(
                            IllegalStateException.class,
                            () ->
                                    team.run(
                                            8,
                                            part -> {
                                                if (part == at) throw thrown;
                                            }));
            assertSame(thrown, caught);
            var ran = new AtomicInteger();
            team.run(8, part -> ran.incrementAndGet());
            assertEquals(8, ran.get());
        }
        assertThrows(StackOverflowError.class, () -> team.run(2, TeamTest::forever));
        assertThrows(
                AssertionError.class,
                () ->
                        team.run(
                                1,
                                part -> {
                                    throw new AssertionError();
                                }));
    }

    private static void forever(int part) {
        forever(part + 1);
        forever(part + 2);
    }

    /// Wherever in a region, or on the way into one, the caller's stack comes to its end.
    @Test
    void aStackThatOverflowsAnywhereLeavesTheTeamAsItWas() throws InterruptedException {
        var team = new Team(2);
        var overflows = new AtomicInteger();
        for (int round = 0; round < 24; round++) {
            boolean entering = round % 2 == 0;
            long size = (256 << 10) + round / 2 * 4096L;
            var caller =
                    new Thread(null, () -> descend(team, entering, overflows), "overflowing", size);
            caller.start();
            caller.join();
            var meeting = new CyclicBarrier(2);
            var members = ConcurrentHashMap.<Integer>newKeySet();
            team.enter(() ->
                    team.run(
                            2,
                            (part, member) -> {
                                members.add(member);
                                if (!isMet(meeting)) members.add(-1);
                            }));
            assertEquals(Set.of(0, 1), members, "round " + round);
        }
        assertTrue(overflows.get() > 24, overflows + " overflows");
    }

    private static boolean isMet(CyclicBarrier meeting) {
        try {
            meeting.await(2, TimeUnit.SECONDS);
            return true;
        } catch (Exception e) {
            return false;
        }
    }

    /// Calls the team at the bottom of the stack, and from each frame above until it finds room.
    private static void descend(Team team, boolean entering, AtomicInteger overflows) {
        try {
            descend(team, entering, overflows);
        } catch (StackOverflowError e) {
            try {
                if (entering) team.enter(() -> team.run(4, _ -> {}));
                else team.run(4, _ -> {});
            } catch (StackOverflowError deeper) {
                overflows.incrementAndGet();
                throw deeper;
            }
        }
    }

    @Test
    void afterAnExceptionPartsNotBegunAreLeftOut() {
        var ran = new AtomicInteger();
        assertThrows(
                IllegalStateException.class,
                () ->
                        Teams.of(2)
                                .run(
                                        1_000_000,
                                        part -> {
                                            ran.incrementAndGet();
                                            throw new IllegalStateException();
                                        }));
        assertTrue(ran.get() <= 2, ran + " parts ran");
    }

    /// One of two callers has the team, but the other has the second processor.
    @Test
    void otherCallersKeepTheirProcessors() throws InterruptedException {
        var team = Teams.of(2);
        var inside = new CountDownLatch(1);
        var leave = new CountDownLatch(1);
        var other =
                Thread.ofPlatform()
                        .start(() ->
                                team.enter(() -> {
                                    inside.countDown();
                                    await(leave);
                                }));
        team.enter(() -> {
            await(inside);
            var me = Thread.currentThread();
            var elsewhere = new AtomicInteger();
            team.run(
                    100,
                    part -> {
                        if (Thread.currentThread() != me) elsewhere.incrementAndGet();
                    });
            assertEquals(0, elsewhere.get());
        });
        leave.countDown();
        other.join();
        var meeting = new CyclicBarrier(2);
        team.enter(() -> team.run(2, part -> meet(meeting)));
    }

    @Test
    void nestedRunsAreInline() {
        var team = Teams.of(3);
        var wrong = new AtomicInteger();
        var ran = new AtomicInteger();
        team.run(
                9,
                part -> {
                    var me = Thread.currentThread();
                    team.run(
                            5,
                            (inner, member) -> {
                                ran.incrementAndGet();
                                if (Thread.currentThread() != me || member != 0)
                                    wrong.incrementAndGet();
                            });
                });
        assertEquals(45, ran.get());
        assertEquals(0, wrong.get());
    }

    @Test
    void whoEntersKeepsTheTeam() throws InterruptedException {
        var team = Teams.of(2);
        var entered = new CountDownLatch(1);
        var done = new CountDownLatch(1);
        var owner =
                Thread.ofPlatform()
                        .start(() ->
                                team.enter(() -> {
                                    entered.countDown();
                                    await(done);
                                    var meeting = new CyclicBarrier(2);
                                    team.run(2, part -> meet(meeting)); // needs both members
                                    team.enter(() -> team.run(2, part -> meet(meeting)));
                                }));
        await(entered);
        var threads = ConcurrentHashMap.newKeySet();
        team.run(10, part -> threads.add(Thread.currentThread()));
        assertEquals(java.util.Set.of(Thread.currentThread()), threads);
        done.countDown();
        owner.join();
        var meeting = new CyclicBarrier(2);
        team.run(2, part -> meet(meeting)); // free again
    }

    @Test
    void anExceptionFromAPlanFreesTheTeam() {
        var team = Teams.of(2);
        assertThrows(
                IllegalArgumentException.class,
                () ->
                        team.enter(() -> {
                            throw new IllegalArgumentException();
                        }));
        var meeting = new CyclicBarrier(2);
        team.run(2, part -> meet(meeting));
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(20, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void manyCallersAtOnce() throws InterruptedException {
        var team = Teams.of(2);
        var failures = new AtomicInteger();
        var callers = new ArrayList<Thread>();
        for (int caller = 0; caller < 16; caller++) {
            var builder = caller % 2 == 0 ? Thread.ofPlatform() : Thread.ofVirtual();
            callers.add(
                    builder.start(() -> {
                        for (int round = 0; round < 500; round++) {
                            var sum = new AtomicInteger();
                            team.run(10, part -> sum.addAndGet(part));
                            team.enter(() -> team.run(10, part -> sum.addAndGet(part)));
                            if (sum.get() != 90) failures.incrementAndGet();
                        }
                    }));
        }
        for (var caller : callers) caller.join();
        assertEquals(0, failures.get());
    }

    @Test
    void sleepingMembersWakeUp() throws InterruptedException {
        var team = Teams.of(6);
        for (int round = 0; round < 20; round++) {
            Thread.sleep(3); // longer than they stay awake
            var meeting = new CyclicBarrier(6);
            team.run(6, part -> meet(meeting));
        }
    }

    @Test
    void tenThousandRegionsAllocateNothing() {
        var team = Teams.of(3);
        var memory = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        var cells = new int[64 * 32];
        Team.Work work = part -> cells[part * 32]++;
        Team.MemberWork other = (part, member) -> cells[part * 32] += member;
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 10 && least > 1000; round++) {
            long before = memory.getCurrentThreadAllocatedBytes();
            for (int region = 0; region < 10_000; region++) {
                team.run(64, work);
                team.run(64, other);
            }
            least = Math.min(least, memory.getCurrentThreadAllocatedBytes() - before);
        }
        assertTrue(least <= 1000, least + " bytes");
        assertNotEquals(0, cells[0]);
    }

    @Test
    void theTeamHasAtLeastTheCaller() {
        assertTrue(Team.get().size() >= 1);
        assertSame(Team.get(), Team.get());
        assertFalse(Team.get().toString().isEmpty());
    }

    /// Threads end when nothing comes, and come back; also where the next region begins just then.
    @Test
    void threadsEndWhenIdle() throws InterruptedException {
        var threads = ConcurrentHashMap.<Thread>newKeySet();
        long idle = 20_000_000;
        var team = new Team(3, idle);
        var meeting = new CyclicBarrier(3);
        for (int round = 0; round < 3; round++) {
            threads.clear();
            team.run(
                    3,
                    _ -> {
                        threads.add(Thread.currentThread());
                        meet(meeting); // all three are there
                    });
            threads.remove(Thread.currentThread());
            assertEquals(2, threads.size());
            for (var t : threads) t.join(20_000);
            assertTrue(threads.stream().noneMatch(Thread::isAlive), threads.toString());
        }
        var ran = new AtomicInteger();
        for (int round = 0; round < 100; round++) {
            team.run(3, _ -> ran.incrementAndGet());
            TimeUnit.NANOSECONDS.sleep(idle + (round - 50) * idle / 200);
        }
        assertEquals(300, ran.get());
        team.run(3, _ -> meet(meeting));
    }
}
