package dev.nacre.formats.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nacre.type.NacreException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}", "[]", "0", "-0.5", "1E+2", "true", "false", "null", "\"\"", "[1,[2,[]],{}]", "{\"a\":{\"b\":[null]}}",
                "\"\\\"\\\\\\n\\t\\u0001é\uD83D\uDE00\\ud800\""
            })
    void printsWhatItReads(String text) {
        assertEquals(text, Json.parse(text).toString());
    }

    @Test
    void readsEscapesAndSpace() {
        assertEquals("/\b\f\n\r\tA\uD83D\uDE00", Json.parse(" \n\"\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\"\t ").asText());
        assertEquals(List.of(1L, -20L), Json.parse("[ 1 , -2e1 ]").items().stream().map(Json::asLong).toList());
    }

    @Test
    void keepsOrder() {
        Map<String, Json> members = new LinkedHashMap<>();
        members.put("z", Json.of(1));
        members.put("a", Json.of(0.1));
        assertEquals("{\"z\":1,\"a\":0.1}", Json.of(members).toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``|expected a value at character 0, but found the end",
                "[1|expected ',' at character 2, but found the end",
                "[1,]|expected a value at character 3, but found ']'",
                "{\"a\":1,}|expected a key in quotes at character 7, but found '}'",
                "{\"a\" 1}|expected ':' at character 5, but found '1'",
                "{\"a\":1,\"a\":2}|the key 'a' is there twice",
                "[1] x|expected the end at character 4, but found 'x'",
                "tru|expected a value at character 0, but found 't'",
                "01|expected the end at character 1, but found '1'",
                "1.|expected a digit at character 2, but found the end",
                "-|expected a digit at character 1, but found the end",
                "NaN|expected a value at character 0, but found 'N'",
                "\"a|expected a character or closing quotes at character 2, but found the end",
                "\"\\x\"|expected an escape such as \\n at character 2, but found 'x'",
                "\"\\u12g4\"|expected four hexadecimal digits at character 5, but found 'g'",
                "1e99999|the number at 0 has too large an exponent"
            })
    void refuses(String text, String message) {
        assertEquals("json: " + message, assertThrows(NacreException.class, () -> Json.parse(text)).getMessage());
    }

    @Test
    void deepNestingIsNoStackOverflow() {
        NacreException e = assertThrows(NacreException.class, () -> Json.parse("[".repeat(1_000_000)));
        assertEquals("json: nested more than 128 deep", e.getMessage());
    }

    @Test
    void wrongKindsAreNamed() {
        Json value = Json.parse("{\"a\":[1.5]}");
        assertEquals("json: there is no 'b', only [a]", message(() -> value.member("b")));
        assertEquals("json: must be a text, but is [1.5]", message(() -> value.member("a").asText()));
        assertEquals("json: must be a whole number, but is 1.5", message(() -> value.member("a").items().getFirst().asLong()));
    }

    private static String message(Runnable code) {
        return assertThrows(NacreException.class, code::run).getMessage();
    }
}
