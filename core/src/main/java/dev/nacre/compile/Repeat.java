package dev.nacre.compile;

import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// A loop over kernels: the body runs once per step, each time with its own table of addresses. What the table points at moves on from step to step: elements of sequences,
/// rows of results; a state is read where the step before has written it.
///
/// @param body kernels over the inner table
/// @param slots how each entry of the inner table is found
/// @param in what is read; slots count these first, then `out`
/// @param out what is written: results, states, and memory for the body's intermediate values; a state is read too
/// @param steps how many steps there are at most
/// @param halt how the loop ends early, if it may
public record Repeat(
        List<Kernel> body,
        List<Slot> slots,
        List<View> in,
        List<View> out,
        long steps,
        Optional<Halt> halt)
        implements Kernel {

    /// An entry of the inner table: at step s the address of element `first + (s mod period)·step` of a view, counted from the view's first element.
    ///
    /// @param view number of the view among `in` and `out`
    public record Slot(int view, long first, long step, long period) {}

    /// How a loop ends early: after a step that leaves a byte other than 0 in its flag.
    ///
    /// @param flag the inner table's entry of the flag
    /// @param rests results whose rows of steps that were not made become zero
    /// @param lasts states that are copied to their own place
    public record Halt(int flag, List<Rest> rests, List<Last> lasts) {}

    /// A dense view of one row per step, in the order of steps or backwards.
    ///
    /// @param view number of the view among `in` and `out`
    public record Rest(int view, boolean backwards) {}

    /// The state that the inner table's entry `slot` would point at next goes to a dense view.
    ///
    /// @param view number of the view among `in` and `out`
    public record Last(int slot, int view) {}

    public View view(int number) {
        return number < in.size() ? in.get(number) : out.get(number - in.size());
    }

    /// Whether an entry of the inner table is an operand that stays the same.
    public boolean isFixed(int slot) {
        return slot < slots.size() - 1
                && slots.get(slot).step == 0
                && slots.get(slot).view < in.size();
    }

    /// Fills the inner table for a step.
    public void locate(long step, long[] addresses, long[] inner) {
        for (int i = 0; i < inner.length; i++) {
            Slot s = slots.get(i);
            View v = view(s.view);
            long element = v.offset() + s.first + step % s.period * s.step;
            inner[i] = addresses[v.buffer()] + element * v.dtype().bytes();
        }
    }

    @Override
    public List<View> reads() {
        return Stream.concat(in.stream(), out.stream()).toList();
    }

    @Override
    public List<View> writes() {
        return out;
    }

    @Override
    public Repeat map(UnaryOperator<View> f) {
        return new Repeat(
                body,
                slots,
                in.stream().map(f).toList(),
                out.stream().map(f).toList(),
                steps,
                halt);
    }

    @Override
    public String name() {
        return "scan";
    }
}
