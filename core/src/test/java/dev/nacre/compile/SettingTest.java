package dev.nacre.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingTest {
    private static final String NAME = "nacre.test.setting";

    @AfterEach
    void clear() {
        System.clearProperty(NAME);
    }

    @ParameterizedTest
    @CsvSource({
        "'', 7",
        "' ', 7",
        "3, 3",
        "' 3 ', 3",
        "1, 1",
        "10, 10",
        "0, 7",
        "11, 7",
        "-3, 7",
        "3.0, 7",
        "three, 7",
        "99999999999999999999, 7"
    })
    void numbers(String text, long expected) {
        System.setProperty(NAME, text);
        assertEquals(expected, Setting.of(NAME, 1, 10, 7));
    }
}
