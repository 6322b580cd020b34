package dev.nacre.type;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class TypeTest {

    // ----------------------------------------------------------------------------------------------- promotion

    /// A common type holds every value of both integers, and never leaves the higher category.
    @Test
    void promotionRules() {
        for (DType a : DType.values()) {
            assertEquals(a, DType.promote(a, a));
            for (DType b : DType.values()) {
                DType c = DType.promote(a, b);
                assertEquals(c, DType.promote(b, a), "the order does not matter");
                assertEquals(a.kind().compareTo(b.kind()) > 0 ? a.kind() : b.kind(), c.kind());
                if (a.kind() == b.kind()) {
                    assertTrue(c.bytes() >= Math.max(a.bytes(), b.bytes()));
                    for (DType t : new DType[] {a, b}) {
                        for (double v :
                                new double[] {-128, -1, 0, 1, 127, 255, 1.0078125, 65504, 3.0e38}) {
                            assertEquals(t.round(v), c.round(t.round(v)), t + " in " + c);
                        }
                    }
                } else {
                    assertTrue(c == a || c == b, "categories do not mix");
                }
            }
        }
    }

    @Test
    void promotionOfEqualWidths() {
        assertEquals(DType.I32, DType.promote(DType.U8, DType.I8));
        assertEquals(DType.F32, DType.promote(DType.F16, DType.BF16));
        assertEquals(DType.F16, DType.promote(DType.I64, DType.F16));
    }

    // -------------------------------------------------------------------------------------------------- shapes

    /// NumPy's rule, axis by axis from the last.
    @Test
    void broadcasting() {
        assertEquals(Optional.of(Shape.of(2, 3)), Shape.broadcast(Shape.of(2, 3), Shape.of(3)));
        assertEquals(Optional.of(Shape.of(2, 3)), Shape.broadcast(Shape.of(2, 1), Shape.of(1, 3)));
        assertEquals(Optional.of(Shape.of(2, 3)), Shape.broadcast(Shape.SCALAR, Shape.of(2, 3)));
        assertEquals(Optional.of(Shape.of(0, 3)), Shape.broadcast(Shape.of(0, 1), Shape.of(1, 3)));
        assertEquals(Optional.of(Shape.of(0)), Shape.broadcast(Shape.of(0), Shape.of(1)));
        assertEquals(Optional.empty(), Shape.broadcast(Shape.of(0), Shape.of(2)));
        assertEquals(Optional.empty(), Shape.broadcast(Shape.of(2, 3), Shape.of(2)));
        long u = Shape.unknown();
        assertEquals(Optional.of(Shape.of(u, 3)), Shape.broadcast(Shape.of(u, 1), Shape.of(1, 3)));
        assertEquals(Optional.of(Shape.of(u)), Shape.broadcast(Shape.of(u), Shape.of(u)));
        // assumed equal, and checked when a function is called
        assertEquals(
                Optional.of(Shape.of(u)), Shape.broadcast(Shape.of(u), Shape.of(Shape.unknown())));
        assertEquals(Optional.empty(), Shape.broadcast(Shape.of(u), Shape.of(3)));
    }

    @Test
    void countsAndStrides() {
        assertEquals(1, Shape.SCALAR.count());
        assertEquals(0, Shape.of(2, 0, 3).count());
        assertEquals(0, Shape.of(Long.MAX_VALUE, 2, 0).count());
        assertEquals(24, Shape.of(2, 3, 4).count());
        assertEquals(12, Shape.of(2, 3, 4).rowMajorStrides()[0]);
        assertEquals(1, Shape.of(2, 3, 4).rowMajorStrides()[2]);
        assertThrows(ShapeException.class, () -> Shape.of(1L << 32, 1L << 32).count());
        assertThrows(ShapeException.class, () -> Shape.of(Shape.unknown()).count());
    }

    @Test
    void unknownSizesAreThemselvesOnly() {
        long u = Shape.unknown();
        long v = Shape.unknown();
        assertNotEquals(u, v);
        assertNotEquals(Shape.ANY, u);
        assertTrue(Shape.of(u, 6).sameCount(Shape.of(2, u, 3)));
        assertFalse(Shape.of(u, 6).sameCount(Shape.of(v, 6)));
        assertFalse(Shape.of(u, u).sameCount(Shape.of(u)));
        assertFalse(Shape.of(u).isKnown());
        assertEquals("[?, 6]", Shape.of(u, 6).toString());
    }

    @Test
    void axes() {
        assertEquals(Axes.of("x", 3, 0, 2), Axes.sortedOrAll("x", 3, -1, 0));
        assertEquals(Axes.range(0, 3), Axes.sortedOrAll("x", 3));
        assertEquals(Axes.of("x", 3, 1, 2, 0), Axes.of("x", 3, 2, 0, 1).inverse());
        assertEquals(Shape.of(3), Shape.of(2, 3, 4).without(Axes.of("x", 3, 2, 0)));
        assertEquals(Shape.of(2, 9, 4), Shape.of(2, 3, 4).with(-2, 9));
        assertEquals(Shape.of(2, 3, 1), Shape.of(2, 3).insert(2, 1));
        assertThrows(ShapeException.class, () -> Axes.of("x", 2, 2));
        assertThrows(ShapeException.class, () -> Axes.of("x", 2, 1, -1));
    }

    @Test
    void bytes() {
        assertEquals(4 * 6, TensorType.of(DType.F32, 2, 3).bytes());
        assertEquals("bf16[2, 3]", TensorType.of(DType.BF16, 2, 3).toString());
        assertEquals("bool[]", TensorType.of(DType.BOOL).toString());
    }
}
