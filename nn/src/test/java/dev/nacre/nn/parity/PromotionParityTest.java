package dev.nacre.nn.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nacre.type.DType;
import dev.nacre.type.TensorType;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// The types of results, for all pairs of types and ranks, as libtorch's `result_type` has them.
class PromotionParityTest {
    private static final Map<DType, ScalarType> TYPES =
            Map.of(
                    DType.BOOL, ScalarType.Bool,
                    DType.U8, ScalarType.Byte,
                    DType.I8, ScalarType.Char,
                    DType.I32, ScalarType.Int,
                    DType.I64, ScalarType.Long,
                    DType.F16, ScalarType.Half,
                    DType.BF16, ScalarType.BFloat16,
                    DType.F32, ScalarType.Float,
                    DType.F64, ScalarType.Double);

    @TestFactory
    Stream<DynamicTest> resultTypes() {
        List<DType> types = List.of(DType.values());
        return types.stream()
                .flatMap(a ->
                        types.stream()
                                .map(b ->
                                        DynamicTest.dynamicTest(a + " and " + b, () -> all(a, b))));
    }

    private static void all(DType a, DType b) {
        long[][] shapes = {{}, {1}, {2}};
        for (long[] s : shapes) {
            for (long[] t : shapes) {
                ScalarType theirs = torch.result_type(zeros(a, s), zeros(b, t)).intern();
                if (theirs == ScalarType.Short) {
                    theirs = ScalarType.Int; // the next type that Nacre has
                }
                DType ours = TensorType.promote(TensorType.of(a, s), TensorType.of(b, t));
                assertEquals(
                        theirs,
                        TYPES.get(ours),
                        a + " of rank " + s.length + ", " + b + " of " + t.length);
            }
        }
    }

    private static org.bytedeco.pytorch.Tensor zeros(DType type, long[] sizes) {
        return torch.zeros(sizes, new TensorOptions(TYPES.get(type)));
    }
}
