package dev.nacre.ir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.autodiff.Reverse;
import dev.nacre.type.DType;
import dev.nacre.type.DTypeException;
import dev.nacre.type.NacreException;
import dev.nacre.type.Shape;
import dev.nacre.type.ShapeException;
import dev.nacre.type.TensorType;
import dev.nacre.type.ValueException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// What a user reads who made a mistake, word for word.
class ErrorTextTest {
    private record Parameter(TensorType type, String origin) implements Source {}

    private static Node f32(String name, long... sizes) {
        return Symbol.node(name, TensorType.of(DType.F32, sizes));
    }

    private static Node i64(String name, long... sizes) {
        return Symbol.node(name, TensorType.of(DType.I64, sizes));
    }

    private static Node i32(String name, long... sizes) {
        return Symbol.node(name, TensorType.of(DType.I32, sizes));
    }

    private static void assertShape(String text, Executable mistake) {
        assertEquals(text, assertThrows(ShapeException.class, mistake).getMessage());
    }

    private static void assertDType(String text, Executable mistake) {
        assertEquals(text, assertThrows(DTypeException.class, mistake).getMessage());
    }

    @Test
    void matmul() {
        Node weight =
                Node.of(
                        new Op.Leaf(
                                new Parameter(
                                        TensorType.of(DType.F32, 100, 10),
                                        "parameter head.weight")));
        assertShape(
                """
                matmul: a.size(-1) must equal b.size(-2), but 784 ≠ 100
                  a  f32[128, 784]  input 'x'
                  b  f32[100, 10]   parameter head.weight
                  hint: b.transpose() is [10, 100]; did the layer before change its width?\
                """,
                () -> f32("x", 128, 784).matmul(weight));
        assertShape(
                """
                matmul: a.size(-1) must equal b.size(-2), but 10 ≠ 100
                  a  f32[128, 10]  result of relu
                  b  f32[100, 10]  parameter head.weight
                  hint: b.transpose() is [10, 100], which fits\
                """,
                () -> f32("x", 128, 10).relu().matmul(weight));
        assertShape(
                """
                matmul: a.size(-1) must equal b.size(0), but 3 ≠ 4
                  a  f32[2, 3]  input 'x'
                  b  f32[4]     input 'y'\
                """,
                () -> f32("x", 2, 3).matmul(f32("y", 4)));
        assertShape(
                """
                matmul: scalars have no matrix product; use mul
                  a  f32[]   input 'x'
                  b  f32[4]  input 'y'\
                """,
                () -> f32("x").matmul(f32("y", 4)));
        assertShape(
                """
                matmul: the leading axes do not broadcast
                  a  f32[2, 3, 4]  input 'x'
                  b  f32[5, 4, 3]  input 'y'\
                """,
                () -> f32("x", 2, 3, 4).matmul(f32("y", 5, 4, 3)));
    }

    @Test
    void broadcasting() {
        assertShape(
                """
                add: shapes do not broadcast: a.size(-1) is 3 and b.size(-1) is 4
                  a  f32[2, 3]  input 'x'
                  b  f32[2, 4]  input 'y'\
                """,
                () -> f32("x", 2, 3).add(f32("y", 2, 4)));
        assertShape(
                """
                sub: shapes do not broadcast: a.size(-2) is 2 and b.size(-2) is ?
                  a  f32[2, 3]  input 'x'
                  b  f32[?, 3]  input 'y'\
                """,
                () -> f32("x", 2, 3).sub(f32("y", Shape.unknown(), 3)));
        assertShape(
                """
                broadcast: [2, 3] does not broadcast to [4, 3]
                  x  f32[2, 3]  input 'x'\
                """,
                () -> f32("x", 2, 3).broadcastTo(4, 3));
        assertShape(
                """
                where: shapes do not broadcast
                  condition  bool[2]    result of gt
                  a          f32[2, 3]  input 'a'
                  b          f32[3]     input 'b'\
                """,
                () -> f32("x", 2).gt(0).where(f32("a", 2, 3), f32("b", 3)));
    }

    @Test
    void where() {
        assertDType(
                """
                where: the condition must be bool
                  condition  f32[2]  input 'c'
                  a          f32[2]  input 'a'
                  b          f32[2]  input 'b'\
                """,
                () -> f32("c", 2).where(f32("a", 2), f32("b", 2)));
    }

    @Test
    void elementTypes() {
        assertDType(
                """
                and: not defined on f32
                  a  f32[2]  input 'x'
                  b  f32[2]  input 'y'\
                """,
                () -> f32("x", 2).and(f32("y", 2)));
        assertDType("not: not defined on f32\n  x  f32[2]  input 'x'", () -> f32("x", 2).not());
        assertDType(
                """
                max: 300 does not fit into u8
                  x  u8[2]  input 'x'
                  hint: cast to a wider type first\
                """,
                () -> Symbol.node("x", TensorType.of(DType.U8, 2)).maximum(300));
        assertDType(
                """
                mean: not defined on i32
                  x  i32[2]  input 'x'
                  hint: cast to f32 first\
                """,
                () -> i32("x", 2).mean());
        assertDType(
                "oneHot: class numbers must be integers, not f32\n  x  f32[2]  input 'x'",
                () -> f32("x", 2).oneHot(3, DType.F32));
    }

    @Test
    void reshape() {
        assertShape(
                "reshape: [2, 3] has 6 elements, but [4, 2] has 8\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).reshape(4, 2));
        assertShape(
                "reshape: [2, 3] does not divide into [4, -1]\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).reshape(4, -1));
        assertShape(
                "reshape: only one size may be -1, not [-1, -1]",
                () -> f32("x", 2, 3).reshape(-1, -1));
        assertShape(
                "reshape: [?, 3] does not divide into [-1, 2]\n  x  f32[?, 3]  input 'x'",
                () -> f32("x", Shape.unknown(), 3).reshape(-1, 2));
    }

    @Test
    void squeeze() {
        assertShape(
                "squeeze: axis 0 has size 2, not 1\n  x  f32[2, 3, 1]  input 'x'",
                () -> f32("x", 2, 3, 1).squeeze(0));
    }

    @Test
    void axes() {
        assertShape("sum: axis 2 is out of range for 2 axes", () -> f32("x", 2, 3).sum(2));
        assertShape("sum: axis -2 is out of range for 1 axis", () -> f32("x", 2).sum(-2));
        assertShape("softmax: axis 0 is out of range for 0 axes", () -> f32("x").softmax(0));
        assertShape("sum: axis -1 is named twice in [1, -1]", () -> f32("x", 2, 3).sum(1, -1));
        assertShape("permute: needs 2 axes, not [0]", () -> f32("x", 2, 3).permute(0));
        assertShape("transpose: axis -2 is out of range for 1 axis", () -> f32("x", 3).transpose());
        assertShape(
                "tril: needs at least 2 axes\n  x  f32[3]  input 'x'", () -> f32("x", 3).tril(0));
    }

    @Test
    void joins() {
        assertShape(
                """
                concat: operand 2 must agree with operand 0 on every axis but 1; operand 3 must agree with operand 0 on every axis but 1
                  0  f32[2, 3]  input 'x'
                  1  f32[2, 4]  input 'y'
                  2  f32[3, 3]  input 'z'
                  3  f32[2]     input 'w'\
                """,
                () ->
                        f32("x", 2, 3)
                                .concat(1, List.of(f32("y", 2, 4), f32("z", 3, 3), f32("w", 2))));
        assertShape(
                """
                stack: operand 1 must have the shape of operand 0
                  0  f32[2, 3]  input 'x'
                  1  f32[2, 4]  input 'y'\
                """,
                () -> f32("x", 2, 3).stackWith(0, List.of(f32("y", 2, 4))));
        assertShape(
                "split: sizes [1, 1] do not add up to 3 of axis 1\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).split(1, 1, 1));
        assertShape(
                "tile: needs one count per axis, 2 for f32[2, 3], not 1",
                () -> f32("x", 2, 3).tile(2));
        assertShape(
                "tile: counts must not be negative, but are [2, -1]",
                () -> f32("x", 2, 3).tile(2, -1));
        assertShape(
                "repeat: the count must not be negative, but is -1",
                () -> f32("x", 2, 3).repeat(-1, 0));
    }

    @Test
    void slices() {
        assertShape("slice: the step must not be 0", () -> f32("x", 2, 3).slice(1, 0, 2, 0));
        assertShape(
                "slice: elements 2 to 3 are not on axis 1 of size 3\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).narrow(1, 2, 2));
        assertShape(
                "slice: the size must not be negative, but is -1\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).narrow(1, 0, -1));
        assertShape(
                "slice: needs one span per axis\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).slice(List.of(Span.all(2))));
        assertShape(
                "select: position 3 is out of range for axis 1 of size 3\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).select(1, 3));
    }

    @Test
    void pads() {
        assertShape(
                "padReflect: axis 1 of size 3 can be continued by 0 to 2 mirrored elements, not by 3 and 0\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).padReflect(1, 3, 0));
        assertShape(
                "padEdge: padding must be at least 0 and axis 1 not empty\n  x  f32[2, 0]  input 'x'",
                () -> f32("x", 2, 0).padEdge(1, 3, 0));
        assertShape(
                "pad: margins must not be negative, but axis 1 has 0 before, 0 after and -1 between\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).pad(List.of(Margin.NONE, new Margin(0, 0, -1)), 0));
    }

    @Test
    void unknownSizes() {
        long open = Shape.unknown();
        assertShape(
                """
                concat: the size of axis 0 must be known, but is given only when the function is called
                  0  f32[?, 3]  input 'x'
                  1  f32[2, 3]  input 'y'\
                """,
                () -> f32("x", open, 3).concat(0, f32("y", 2, 3)));
        String ending =
                ": the size of axis 1 must be known, but is given only when the function is called\n  x  f32[2, ?]  input 'x'";
        assertShape("flip" + ending, () -> f32("x", 2, open).flip());
        assertShape("tile" + ending, () -> f32("x", 2, open).tile(2, 2));
        assertShape("slice" + ending, () -> f32("x", 2, open).slice(1, 0, 2));
        assertShape("slice" + ending, () -> f32("x", 2, open).narrow(1, 0, 2));
        assertShape("pad" + ending, () -> f32("x", 2, open).pad(1, 1, 1, 0));
        assertShape("windows" + ending, () -> f32("x", 2, open).windows(List.of(Window.of(2))));
    }

    @Test
    void convolutions() {
        assertShape(
                """
                conv2d: x has 3 channels, but the kernel expects 1
                  x       f32[1, 3, 8, 8]   input 'x'
                  kernel  f32[16, 1, 3, 3]  input 'k'\
                """,
                () -> f32("x", 1, 3, 8, 8).conv2d(f32("k", 16, 1, 3, 3), 1, 0, 1, 1));
        assertShape(
                """
                conv2d: x must be [batch, channels, size, size]
                  x       f32[1, 3, 8]      input 'x'
                  kernel  f32[16, 1, 3, 3]  input 'k'\
                """,
                () -> f32("x", 1, 3, 8).conv2d(f32("k", 16, 1, 3, 3), 1, 0, 1, 1));
        assertShape(
                """
                conv2d: the kernel reaches 5 but axis 2 has only 4 with padding
                  x       f32[1, 3, 2, 8]   input 'x'
                  kernel  f32[16, 3, 5, 5]  input 'k'\
                """,
                () -> f32("x", 1, 3, 2, 8).conv2d(f32("k", 16, 3, 5, 5), 1, 1, 1, 1));
        assertShape(
                """
                conv2d: x has 4 channels, but the kernel expects 2; 5 output channels are not divisible into 0 groups; \
                kernel size, stride and dilation must be positive
                  x       f32[1, 4, 8, 8]  input 'x'
                  kernel  f32[5, 2, 3, 3]  input 'k'\
                """,
                () -> f32("x", 1, 4, 8, 8).conv2d(f32("k", 5, 2, 3, 3), 0, 1, 1, 0));
        assertDType(
                """
                conv2d: x and kernel must have one floating dtype
                  x       f32[1, 4, 8, 8]  input 'x'
                  kernel  i32[5, 4, 3, 3]  input 'k'
                  hint: kernel.cast(DType.F32)\
                """,
                () -> f32("x", 1, 4, 8, 8).conv2d(i32("k", 5, 4, 3, 3), 1, 1, 1, 1));
        assertShape(
                """
                conv2d: window 1 has size 2, but the kernel 3
                  x       f32[1, 4, 8, 8]  input 'x'
                  kernel  f32[5, 4, 3, 3]  input 'k'\
                """,
                () ->
                        f32("x", 1, 4, 8, 8)
                                .conv(
                                        f32("k", 5, 4, 3, 3),
                                        List.of(Window.of(3), Window.of(2)),
                                        1));
    }

    @Test
    void transposedConvolutions() {
        assertShape(
                """
                convTranspose: x has 4 channels, but the kernel expects 5
                  x       f32[1, 4, 8, 8]  input 'x'
                  kernel  f32[5, 4, 3, 3]  input 'k'\
                """,
                () -> f32("x", 1, 4, 8, 8).convTranspose2d(f32("k", 5, 4, 3, 3), 1, 0, 0, 1));
        assertShape(
                """
                convTranspose: the output padding must be at least 0 and less than 2, but is 2
                  x       f32[1, 4, 8, 8]  input 'x'
                  kernel  f32[4, 2, 3, 3]  input 'k'\
                """,
                () -> f32("x", 1, 4, 8, 8).convTranspose2d(f32("k", 4, 2, 3, 3), 2, 0, 2, 1));
        assertShape(
                """
                convTranspose: padding leaves no output on axis 2
                  x       f32[1, 4, 1, 8]  input 'x'
                  kernel  f32[4, 2, 3, 3]  input 'k'\
                """,
                () -> f32("x", 1, 4, 1, 8).convTranspose2d(f32("k", 4, 2, 3, 3), 1, 2, 0, 1));
    }

    @Test
    void pooling() {
        assertShape(
                "maxPool: a window that reaches 2 does not fit axis 2 of size 1\n  x  f32[1, 4, 1, 8]  input 'x'",
                () -> f32("x", 1, 4, 1, 8).maxPool2d(2, 2, 0));
        assertShape(
                "avgPool: axis 0: size, stride and dilation must be positive, not 2 stride 0\n  x  f32[8]  input 'x'",
                () -> f32("x", 8).avgPool(List.of(Window.of(2).stride(0)), true));
        assertShape(
                "maxPool: axis 0: the padding must be between 0 and half of the window, not 2 pad 2+0\n  x  f32[8]  input 'x'",
                () -> f32("x", 8).maxPool(List.of(Window.of(2).padding(2, 0))));
        assertDType(
                "avgPool: not defined on i32\n  x  i32[1, 4, 8, 8]  input 'x'\n  hint: cast to f32 first",
                () -> i32("x", 1, 4, 8, 8).avgPool2d(2, 2, 0));
        assertShape(
                "avgPool: needs at least 2 axes\n  x  f32[8]  input 'x'",
                () -> f32("x", 8).avgPool2d(2, 2, 0));
        assertShape(
                "windows: a window that reaches 4 does not fit axis 1 of size 3\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).windows(List.of(Window.of(4))));
    }

    @Test
    void indexing() {
        assertDType(
                """
                gather: the index must be i64 or i32
                  x      f32[2, 3]  input 'x'
                  index  f32[2, 3]  input 'i'\
                """,
                () -> f32("x", 2, 3).gather(1, f32("i", 2, 3)));
        assertShape(
                """
                gather: operand and index must agree on every axis but 1
                  x      f32[2, 3]  input 'x'
                  index  i64[3, 3]  input 'i'\
                """,
                () -> f32("x", 2, 3).gather(1, i64("i", 3, 3)));
        assertDType(
                """
                take: the index must be i64 or i32
                  x      f32[2, 3]  input 'x'
                  index  f32[4]     input 'i'\
                """,
                () -> f32("x", 2, 3).take(f32("i", 4), 0));
        assertShape(
                """
                scatter_add: the source must have the index's shape and the base's dtype
                  base    f32[2, 3]  input 'x'
                  index   i64[2, 2]  input 'i'
                  source  f32[2, 3]  input 's'\
                """,
                () -> f32("x", 2, 3).scatterAdd(1, i64("i", 2, 2), f32("s", 2, 3)));
        assertShape(
                "topk: k = 4 is not between 0 and size 3 of axis 1\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).topk(4, 1));
    }

    @Test
    void normalisation() {
        assertDType(
                "softmax: not defined on i32\n  x  i32[2, 3]  input 'x'\n  hint: cast to f32 first",
                () -> i32("x", 2, 3).softmax(1));
        assertDType(
                "logSoftmax: not defined on i32\n  x  i32[2, 3]  input 'x'\n  hint: cast to f32 first",
                () -> i32("x", 2, 3).logSoftmax(1));
        assertShape(
                "layerNorm: the number of axes must be between 1 and 2, but is 3\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).layerNorm(3, 1e-5));
        assertShape(
                "rmsNorm: the number of axes must be between 1 and 2, but is 0\n  x  f32[2, 3]  input 'x'",
                () -> f32("x", 2, 3).rmsNorm(0, 1e-5));
    }

    @Test
    void losses() {
        assertShape(
                """
                crossEntropy: labels must have the logits' shape without the class axis 1
                  logits  f32[2, 3]  input 'x'
                  labels  i64[3]     input 'y'\
                """,
                () -> f32("x", 2, 3).crossEntropy(i64("y", 3), 0));
        assertShape(
                """
                crossEntropy: labels must have the logits' shape without the class axis 1
                  logits  f32[2, 3]  input 'x'
                  labels  i64[2, 3]  input 'y'
                  hint: for probabilities instead of class numbers use crossEntropyWith\
                """,
                () -> f32("x", 2, 3).crossEntropy(i64("y", 2, 3), 0));
        assertDType(
                """
                crossEntropy: class numbers must be integers
                  logits  f32[2, 3]  input 'x'
                  labels  f32[2, 3]  input 'y'
                  hint: for probabilities instead of class numbers use crossEntropyWith\
                """,
                () -> f32("x", 2, 3).crossEntropy(f32("y", 2, 3), 0));
        assertDType(
                """
                crossEntropy: the logits must be floating
                  logits  i32[2, 3]  input 'x'
                  labels  i64[2]     input 'y'\
                """,
                () -> i32("x", 2, 3).crossEntropy(i64("y", 2), 0));
        assertShape(
                """
                crossEntropy: probabilities must have the logits' shape
                  logits         f32[2, 3]  input 'x'
                  probabilities  f32[2]     input 'y'\
                """,
                () -> f32("x", 2, 3).crossEntropyWith(f32("y", 2), 0));
    }

    @Test
    void reductionsOfNothing() {
        assertShape(
                "max: has no value over no elements\n  x  f32[2, 0]  input 'x'",
                () -> f32("x", 2, 0).max(1));
        assertShape(
                "argmin: has no value over no elements\n  x  f32[2, 0]  input 'x'",
                () -> f32("x", 2, 0).argmin(1));
    }

    @Test
    void einsum() {
        Node x = f32("x", 2, 3);
        assertShape("einsum 'ij,jk->ik': names 2 operands, but got 1", () -> x.einsum("ij,jk->ik"));
        assertShape(
                "einsum 'ij,jk->ik': axis j is both 3 and 4",
                () -> x.einsum("ij,jk->ik", f32("y", 4, 2)));
        assertShape(
                "einsum 'ijk->ik': 'ijk' names 3 axes, but operand 0 is f32[2, 3]",
                () -> x.einsum("ijk->ik"));
        assertShape(
                "einsum 'ij->ik': 'k' must occur on the left, and once on the right",
                () -> x.einsum("ij->ik"));
        assertShape(
                "einsum 'ij->ii': 'i' must occur on the left, and once on the right",
                () -> x.einsum("ij->ii"));
        assertShape(
                "einsum '...j->j': axes must be letters, but got '...j'",
                () -> x.einsum("...j->j"));
    }

    @Test
    void rearrange() {
        Node x = f32("x", 2, 3);
        assertShape("rearrange 'a b': needs one '->'", () -> x.rearrange("a b"));
        assertShape(
                "rearrange 'a b c -> c b a': the left side names 3 axes, but x is f32[2, 3]",
                () -> x.rearrange("a b c -> c b a"));
        assertShape(
                "rearrange 'a b -> b': both sides must name the same axes, but [a, b] ≠ [b]",
                () -> x.rearrange("a b -> b"));
        assertShape(
                "rearrange 'a a -> a a': axis a is named twice on one side",
                () -> x.rearrange("a a -> a a"));
        assertShape(
                "rearrange 'a (b c) -> a b c': give the size of b or c",
                () -> x.rearrange("a (b c) -> a b c"));
        assertShape(
                "rearrange 'a (b c) -> a b c': axis 1 of f32[2, 3] does not divide into [b, c]",
                () -> x.rearrange("a (b c) -> a b c", Map.of("b", 2)));
        assertShape(
                "rearrange 'a b -> b a': the size of c is given, but the left side does not name it",
                () -> x.rearrange("a b -> b a", Map.of("c", 2)));
        assertShape(
                "rearrange 'a ... -> ... a': unexpected '.'", () -> x.rearrange("a ... -> ... a"));
    }

    @Test
    void randomness() {
        assertShape(
                "random: the key must be i64[2]\n  key  f32[2]  input 'x'",
                () -> f32("x", 2).randomBits(Shape.of(3)));
        assertEquals(
                "dropout: the probability must be between 0 and 1, but is 1.5",
                assertThrows(ValueException.class, () -> f32("x", 2).dropout(1.5, i32("b", 2)))
                        .getMessage());
        assertDType(
                "dropout: not defined on i32\n  x  i32[2]  input 'x'\n  hint: cast to f32 first",
                () -> i32("x", 2).dropout(0.5, i32("b", 2)));
    }

    @Test
    void counts() {
        assertShape(
                "count: [9223372036854775807, 3] has more elements than a 64-bit number can count",
                () -> Shape.of(Long.MAX_VALUE, 3).count());
        assertShape(
                "count: [?, 3] has a size that is known only when the function is called",
                () -> Shape.of(Shape.unknown(), 3).count());
    }

    @Test
    void operandsOfComposites() {
        Body body = Body.of(List.of(TensorType.of(DType.F32, 2)), in -> List.of(in.get(0).exp()));
        Op op = new Op.Fused(new Pooling(Pooling.Kind.MAX, List.of()), body, 0);
        assertShape(
                "max_pool: operand 0 must be f32[2]\n  0  f32[3]  input 'x'",
                () -> Node.of(op, f32("x", 3)));
        assertShape(
                "max_pool: operands must be 1, not 2", () -> Node.of(op, f32("x", 2), f32("y", 2)));
    }

    private record Wrong(List<Node> gradients) implements Composite {
        @Override
        public String name() {
            return "wrong";
        }

        @Override
        public Optional<List<Node>> differentiate(List<Node> inputs, Node output, Node grad) {
            return Optional.of(gradients);
        }
    }

    private static void differentiate(List<Node> gradients) {
        Node x = f32("x", 2);
        Body body = Body.of(List.of(x.type()), in -> List.of(in.get(0).exp()));
        Node y = Node.of(new Op.Fused(new Wrong(gradients), body, 0), x);
        Reverse.gradients(List.of(y), List.of(y.onesLike()), List.of(x));
    }

    @Test
    void gradientsOfOwnFunctions() {
        assertShape(
                """
                gradient of wrong: the gradient must have the operand's type
                  operand 0  f32[2]  input 'x'
                  gradient   f32[3]  input 'g'\
                """,
                () -> differentiate(List.of(f32("g", 3))));
        assertShape(
                """
                gradient of wrong: one gradient per operand is needed, but there are 0
                  operand 0  f32[2]  input 'x'\
                """,
                () -> differentiate(List.of()));
    }

    /// The first line of the trace is the user's.
    @Test
    void libraryFramesAreTrimmed() {
        NacreException e =
                assertThrows(
                        NacreException.class, () -> f32("x", 2, 3).relu().matmul(f32("y", 4, 5)));
        assertEquals(ErrorTextTest.class.getName(), e.getStackTrace()[0].getClassName());
        assertTrue(e.getStackTrace().length > 1);
    }
}
