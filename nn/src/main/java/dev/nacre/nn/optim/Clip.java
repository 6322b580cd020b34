package dev.nacre.nn.optim;

import dev.nacre.Tensor;
import dev.nacre.Variable;
import dev.nacre.type.DType;
import dev.nacre.type.NacreException;
import java.util.List;

/// Limits on gradients, applied between `backward()` and the optimizer's step, and part of the same plan.
public final class Clip {
    private Clip() {}

    /// Scales all gradients by one factor so that their common Euclidean norm is at most `limit`: by `min(1, limit / (norm + 1e-6))`, as PyTorch (Pascanu et al. 2013).
    ///
    /// @return the norm before
    public static Tensor byNorm(List<Variable> parameters, double limit) {
        requirePositive(limit);
        DType widest = DType.F32;
        for (Variable p : parameters) {
            widest = p.grad().isPresent() && p.dtype() == DType.F64 ? DType.F64 : widest;
        }
        Tensor total = Tensor.zeros(widest);
        for (Variable p : parameters) {
            if (p.grad().isPresent()) {
                total = total.add(p.grad().get().cast(widest).square().sum());
            }
        }
        Tensor norm = total.sqrt();
        Tensor factor = norm.add(1e-6).reciprocal().mul(limit).minimum(1);
        parameters.forEach(p ->
                p.grad()
                        .ifPresent(g -> {
                            DType own = g.dtype().arithmetic();
                            Tensor scaled = g.cast(own).mul(factor.cast(own));
                            p.setGrad(scaled.cast(g.dtype()));
                        }));
        return norm;
    }

    /// Limits each element of all gradients to ±`limit`.
    public static void byValue(List<Variable> parameters, double limit) {
        requirePositive(limit);
        parameters.forEach(
                p -> p.grad().ifPresent(g -> p.setGrad(g.maximum(-limit).minimum(limit))));
    }

    private static void requirePositive(double limit) {
        if (!(limit > 0)) {
            throw new NacreException("clip: the limit must be above 0, but is " + limit);
        }
    }
}
