package dev.nacre.cpu;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class MissingTest {
    /// The names that oneDNN gives.
    @Test
    void processorsWithBf16() {
        for (String name :
                List.of(
                        "Intel AVX-512 with Intel DL Boost and bfloat16 support",
                        "cpu_isa_avx512_core_bf16",
                        "cpu_isa_avx512_core_amx",
                        "cpu_isa_avx10_1_512_amx_fp16",
                        "cpu_isa_avx512_core_fp16",
                        "cpu_isa_avx2_vnni_2")) {
            assertTrue(Missing.hasBf16(name), name);
        }
        for (String name :
                List.of(
                        "cpu_isa_avx2",
                        "cpu_isa_avx512_core",
                        "cpu_isa_avx512_core_vnni",
                        "cpu_isa_sse41")) {
            assertFalse(Missing.hasBf16(name), name);
        }
    }
}
