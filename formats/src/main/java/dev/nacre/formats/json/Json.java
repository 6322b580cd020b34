package dev.nacre.formats.json;

import dev.nacre.type.NacreException;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A JSON value (RFC 8259). Printing gives its text, without spaces between values.
public sealed interface Json {
    record Object(Map<String, Json> members) implements Json {
        public Object {
            members = Collections.unmodifiableMap(new LinkedHashMap<>(members));
        }

        @Override
        public String toString() {
            return Writer.write(this);
        }
    }

    record Array(List<Json> items) implements Json {
        public Array {
            items = List.copyOf(items);
        }

        @Override
        public String toString() {
            return Writer.write(this);
        }
    }

    record Text(String value) implements Json {
        @Override
        public String toString() {
            return Writer.write(this);
        }
    }

    record Number(BigDecimal value) implements Json {
        @Override
        public String toString() {
            return Writer.write(this);
        }
    }

    record Bool(boolean value) implements Json {
        @Override
        public String toString() {
            return Writer.write(this);
        }
    }

    record Null() implements Json {
        @Override
        public String toString() {
            return Writer.write(this);
        }
    }

    /// Reads a text that is one value.
    ///
    /// @throws NacreException if it is not, with the place
    static Json parse(String text) {
        return new Parser(text).document();
    }

    static Json of(String value) {
        return new Text(value);
    }

    static Json of(long value) {
        return new Number(BigDecimal.valueOf(value));
    }

    /// A finite number.
    static Json of(double value) {
        return new Number(BigDecimal.valueOf(value));
    }

    static Json of(List<? extends Json> items) {
        return new Array(List.copyOf(items));
    }

    static Json of(Map<String, ? extends Json> members) {
        return new Object(new LinkedHashMap<>(members));
    }

    /// The members of an object.
    default Map<String, Json> members() {
        return this instanceof Object o ? o.members() : mistaken("an object");
    }

    /// A member that must be there.
    default Json member(String key) {
        Json found = members().get(key);
        if (found == null) {
            throw new NacreException("json: there is no '" + key + "', only " + members().keySet());
        }
        return found;
    }

    /// The items of an array.
    default List<Json> items() {
        return this instanceof Array a ? a.items() : mistaken("an array");
    }

    default String asText() {
        return this instanceof Text t ? t.value() : mistaken("a text");
    }

    default double asDouble() {
        return this instanceof Number n ? n.value().doubleValue() : mistaken("a number");
    }

    /// A whole number without loss.
    default long asLong() {
        try {
            return this instanceof Number n ? n.value().longValueExact() : mistaken("a whole number");
        } catch (ArithmeticException _) {
            return mistaken("a whole number");
        }
    }

    default boolean asBoolean() {
        return this instanceof Bool b ? b.value() : mistaken("true or false");
    }

    private <T> T mistaken(String wanted) {
        String text = toString();
        throw new NacreException("json: must be " + wanted + ", but is " + (text.length() > 40 ? text.substring(0, 40) + "…" : text));
    }
}
