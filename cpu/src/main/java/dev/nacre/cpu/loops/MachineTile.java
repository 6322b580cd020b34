package dev.nacre.cpu.loops;

import dev.nacre.compile.Program.Access;
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
        if (callsOut) Room.forCallOut();
        for (int i = 0; i < steps.size(); i++)
            if (callsOut) steps.get(i).run(frame);
            else steps.get(i).runBriefly(frame);
        if (callsOut) CallOut.check();
    }
}
