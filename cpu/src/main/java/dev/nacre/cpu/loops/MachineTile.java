package dev.nacre.cpu.loops;

import dev.nacre.compile.Program.Access;
import dev.nacre.compile.Stack;
import dev.nacre.cpu.x86.Machine;
import java.util.List;

/// A program's machine code, one piece for each step.
///
/// @param callsOut whether some of it calls back into Java
record MachineTile(List<Machine.Code> steps, boolean callsOut) implements Tile {
    static MachineTile of(Schedule schedule, List<Access> accesses, VectorForm form) {
        var steps = new java.util.ArrayList<Machine.Code>();
        boolean callsOut = false;
        for (int i = 0; i < schedule.steps().size(); i++) {
            var written = MachineStep.write(schedule, i, accesses, form);
            callsOut |= written.callsOut();
            steps.add(Machine.Code.of(written.code()));
        }
        return new MachineTile(List.copyOf(steps), callsOut);
    }

    @Override
    public void run(long frame) {
        if (!callsOut) for (int i = 0; i < steps.size(); i++) steps.get(i).runBriefly(frame);
        else if (Room.isThereForCallOut()) callOut(frame);
        else
            Stack.elsewhere(() -> {
                callOut(frame);
                return frame;
            });
    }

    private void callOut(long frame) {
        for (int i = 0; i < steps.size(); i++) steps.get(i).run(frame);
        CallOut.check();
    }
}
