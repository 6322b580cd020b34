package dev.nacre.bench.tensorflow;

import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Workload;
import java.util.List;
import java.util.Map;
import org.tensorflow.Operand;
import org.tensorflow.Result;
import org.tensorflow.Session;
import org.tensorflow.ndarray.buffer.DataBuffers;
import org.tensorflow.types.TFloat32;
import org.tensorflow.types.family.TType;

/// Results of a graph for fixed inputs.
record Fetch(Session session, Map<Operand<?>, TType> inputs, List<Operand<?>> results)
        implements Workload {
    private Result run() {
        Session.Runner r = session.runner();
        inputs.forEach(r::feed);
        results.forEach(r::fetch);
        return r.run();
    }

    @Override
    public void step() {
        run().close();
    }

    @Override
    public double[] check() {
        try (Result r = run()) {
            float[][] out = new float[results.size()][];
            for (int i = 0; i < out.length; i++) {
                TFloat32 t = (TFloat32) r.get(i);
                out[i] = new float[(int) t.size()];
                t.copyTo(DataBuffers.of(out[i]));
            }
            return Digest.of(out);
        }
    }
}
