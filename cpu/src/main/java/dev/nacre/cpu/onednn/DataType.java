package dev.nacre.cpu.onednn;

/// What the elements of a memory are.
public enum DataType {
    F16(1, 2),
    BF16(2, 2),
    F32(3, 4),
    S32(4, 4),
    S8(5, 1),
    U8(6, 1),
    F64(7, 8);

    final int code;
    private final int bytes;

    DataType(int code, int bytes) {
        this.code = code;
        this.bytes = bytes;
    }

    /// Bytes of one element.
    public int bytes() {
        return bytes;
    }

    static DataType of(int code) {
        for (var type : values()) if (type.code == code) return type;
        throw new IllegalArgumentException("oneDNN data type " + code);
    }
}
