package dev.nacre.nn;

import dev.nacre.Tensor;
import dev.nacre.type.Problem;

/// `x` where positive, else `alpha·(eˣ − 1)` (Clevert et al. 2015).
public record ELU(double alpha) implements Module {
    public ELU {
        Problem.in("elu").finite("alpha", alpha).throwValue();
    }

    /// Alpha 1.
    public ELU() {
        this(1);
    }

    @Override
    public Tensor forward(Tensor x) {
        return x.elu(alpha);
    }
}
