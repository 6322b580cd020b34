package dev.nacre.bench.onnxruntime;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.nacre.bench.protocol.Digest;
import dev.nacre.bench.protocol.Workload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/// A model with its inputs and, if results are large, memory for them.
final class Session implements Workload {
    static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

    private final OrtSession session;
    private final Map<String, OnnxTensor> inputs;
    private final Map<String, OnnxTensor> outputs;

    private Session(OrtSession session, Map<String, OnnxTensor> in, Map<String, OnnxTensor> out) {
        this.session = session;
        this.inputs = in;
        this.outputs = out;
    }

    static Session of(OnnxModel model, Map<String, OnnxTensor> inputs)
            throws IOException, OrtException {
        return of(model, inputs, Map.of());
    }

    static Session of(
            OnnxModel model, Map<String, OnnxTensor> inputs, Map<String, OnnxTensor> outputs)
            throws IOException, OrtException {
        Path file = Files.createTempFile("nacre-bench", ".onnx");
        try (OrtSession.SessionOptions o = new OrtSession.SessionOptions()) {
            model.write(file);
            o.setIntraOpNumThreads(Integer.getInteger("bench.threads", 1));
            o.setInterOpNumThreads(1);
            o.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            return new Session(ENVIRONMENT.createSession(file.toString(), o), inputs, outputs);
        } finally {
            Files.delete(file);
        }
    }

    static OnnxTensor tensor(float[] values, long... shape) throws OrtException {
        FloatBuffer b =
                ByteBuffer.allocateDirect(4 * values.length)
                        .order(ByteOrder.nativeOrder())
                        .asFloatBuffer();
        return OnnxTensor.createTensor(ENVIRONMENT, b.put(values).flip(), shape);
    }

    static OnnxTensor tensor(long[] values, long... shape) throws OrtException {
        LongBuffer b =
                ByteBuffer.allocateDirect(8 * values.length)
                        .order(ByteOrder.nativeOrder())
                        .asLongBuffer();
        return OnnxTensor.createTensor(ENVIRONMENT, b.put(values).flip(), shape);
    }

    static int count(long... shape) {
        return Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
    }

    @Override
    public void step() throws OrtException {
        run().close();
    }

    private OrtSession.Result run() throws OrtException {
        return outputs.isEmpty() ? session.run(inputs) : session.run(inputs, Set.of(), outputs);
    }

    @Override
    public double[] check() throws OrtException {
        try (OrtSession.Result r = run()) {
            FloatBuffer b = ((OnnxTensor) r.get(0)).getFloatBuffer();
            float[] out = new float[b.remaining()];
            b.get(out);
            return Digest.of(out);
        }
    }
}
