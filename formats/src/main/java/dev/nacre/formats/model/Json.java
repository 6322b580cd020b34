package dev.nacre.formats.model;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.nacre.formats.FormatException;
import dev.nacre.nn.data.Budget;
import dev.nacre.type.NacreException;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A JSON value as it occurs in a model's metadata: no null.
sealed interface Json {
    record Fields(Map<String, Json> members) implements Json {}

    record Items(List<Json> values) implements Json {}

    record Text(String value) implements Json {}

    record Number(BigDecimal value) implements Json {}

    record Truth(boolean value) implements Json {}

    /// What a value takes in memory, its text aside.
    int VALUE_BYTES = 120;

    JsonFactory FACTORY =
            JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxNestingDepth(200)
                                    .maxStringLength(Integer.MAX_VALUE)
                                    .maxNameLength(Integer.MAX_VALUE)
                                    .build())
                    .build();

    static Json of(String value) {
        return new Text(value);
    }

    static Json of(long value) {
        return new Number(BigDecimal.valueOf(value));
    }

    static Json of(double value) {
        boolean none = !Double.isFinite(value) || value == 0 && 1 / value < 0;
        return none ? new Text(Double.toString(value)) : new Number(BigDecimal.valueOf(value));
    }

    static Json of(boolean value) {
        return new Truth(value);
    }

    static Json of(List<Json> values) {
        return new Items(values);
    }

    static Json of(Map<String, Json> members) {
        return new Fields(members);
    }

    /// Reads a text that is one value.
    static Json parse(String text, Budget.Tally tally) {
        tally.claim(2L * text.length(), "its description");
        try (JsonParser p = FACTORY.createParser(text)) {
            p.nextToken();
            Json value = value(p, tally);
            if (p.nextToken() != null) {
                throw new NacreException("there is more after its end");
            }
            return value;
        } catch (JsonProcessingException e) {
            throw new NacreException(
                    FormatException.withoutAdvice(e.getOriginalMessage())
                            + (e.getLocation() == null
                                    ? ""
                                    : " at character " + e.getLocation().getCharOffset()),
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// As deep as the parser lets it be.
    private static Json value(JsonParser p, Budget.Tally tally) throws IOException {
        tally.claim(VALUE_BYTES, "its description");
        return switch (p.currentToken()) {
            case START_OBJECT -> {
                Map<String, Json> members = new LinkedHashMap<>();
                while (p.nextToken() == JsonToken.FIELD_NAME) {
                    String key = p.currentName();
                    p.nextToken();
                    members.put(key, value(p, tally));
                }
                yield new Fields(members);
            }
            case START_ARRAY -> {
                List<Json> values = new ArrayList<>();
                while (p.nextToken() != JsonToken.END_ARRAY) {
                    values.add(value(p, tally));
                }
                yield new Items(values);
            }
            case VALUE_STRING -> new Text(p.getText());
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new Number(p.getDecimalValue());
            case VALUE_TRUE, VALUE_FALSE -> new Truth(p.getBooleanValue());
            case null -> throw new NacreException("it is empty");
            default ->
                    throw new NacreException(
                            "found "
                                    + p.getText()
                                    + " where an object, an array, a text, a number or a truth"
                                    + " value should be");
        };
    }

    default String write() {
        StringWriter out = new StringWriter();
        try (JsonGenerator g = FACTORY.createGenerator(out)) {
            write(g);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toString();
    }

    private void write(JsonGenerator g) throws IOException {
        switch (this) {
            case Fields(Map<String, Json> members) -> {
                g.writeStartObject();
                for (Map.Entry<String, Json> m : members.entrySet()) {
                    g.writeFieldName(m.getKey());
                    m.getValue().write(g);
                }
                g.writeEndObject();
            }
            case Items(List<Json> values) -> {
                g.writeStartArray();
                for (Json v : values) {
                    v.write(g);
                }
                g.writeEndArray();
            }
            case Text(String value) -> g.writeString(value);
            case Number(BigDecimal value) -> g.writeNumber(value);
            case Truth(boolean value) -> g.writeBoolean(value);
        }
    }

    default Map<String, Json> asFields() {
        return this instanceof Fields f ? f.members : mistaken("an object");
    }

    /// A member that must be there.
    default Json member(String key) {
        Json found = asFields().get(key);
        if (found == null) {
            throw new NacreException("there is no '" + key + "', only " + asFields().keySet());
        }
        return found;
    }

    default List<Json> asItems() {
        return this instanceof Items i ? i.values : mistaken("an array");
    }

    default String asText() {
        return this instanceof Text t ? t.value : mistaken("a text");
    }

    /// A number, or one of the texts that stand for those which JSON has not.
    default double asDouble() {
        return switch (this) {
            case Number n -> n.value.doubleValue();
            case Text(String t) when t.equals("NaN") -> Double.NaN;
            case Text(String t) when t.equals("Infinity") -> Double.POSITIVE_INFINITY;
            case Text(String t) when t.equals("-Infinity") -> Double.NEGATIVE_INFINITY;
            case Text(String t) when t.equals("-0.0") -> -0.0;
            default -> mistaken("a number");
        };
    }

    default boolean asTruth() {
        return this instanceof Truth t ? t.value : mistaken("true or false");
    }

    /// A whole number without loss.
    default long asLong() {
        try {
            return this instanceof Number n ? n.value.longValueExact() : mistaken("a whole number");
        } catch (ArithmeticException _) {
            return mistaken("a whole number");
        }
    }

    private <T> T mistaken(String wanted) {
        String text = write();
        throw new NacreException(
                "it must be "
                        + wanted
                        + ", but is "
                        + (text.length() > 40 ? text.substring(0, 40) + "…" : text));
    }
}
