package dev.nacre.formats.json;

import dev.nacre.type.NacreException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Reads one value from text, strictly.
final class Parser {
    /// Deeper files are taken for broken, before the stack is spent on them.
    private static final int MAX_DEPTH = 128;

    /// Longer numbers are taken for broken: nothing needs them, and some take long to convert.
    private static final int MAX_DIGITS = 400;

    private final String text;
    private int at;
    private int depth;

    Parser(String text) {
        this.text = text;
    }

    Json document() {
        Json value = value();
        space();
        if (at < text.length()) {
            throw wrong("the end");
        }
        return value;
    }

    private Json value() {
        space();
        return switch (peek()) {
            case '{' -> object();
            case '[' -> array();
            case '"' -> new Json.Text(string());
            case 't' -> word("true", new Json.Bool(true));
            case 'f' -> word("false", new Json.Bool(false));
            case 'n' -> word("null", new Json.Null());
            default -> number();
        };
    }

    private Json object() {
        enter();
        Map<String, Json> members = new LinkedHashMap<>();
        for (boolean first = true; !closes('}'); first = false) {
            if (!first) {
                expect(',');
                space();
            }
            if (peek() != '"') {
                throw wrong("a key in quotes");
            }
            String key = string();
            space();
            expect(':');
            if (members.put(key, value()) != null) {
                throw new NacreException("json: the key '" + key + "' is there twice");
            }
        }
        return new Json.Object(members);
    }

    private Json array() {
        enter();
        List<Json> items = new ArrayList<>();
        for (boolean first = true; !closes(']'); first = false) {
            if (!first) {
                expect(',');
            }
            items.add(value());
        }
        return new Json.Array(items);
    }

    private void enter() {
        at++;
        if (++depth > MAX_DEPTH) {
            throw new NacreException("json: nested more than " + MAX_DEPTH + " deep");
        }
    }

    private boolean closes(char bracket) {
        space();
        if (peek() != bracket) {
            return false;
        }
        at++;
        depth--;
        return true;
    }

    private String string() {
        expect('"');
        StringBuilder out = new StringBuilder();
        while (true) {
            char c = peek();
            if (c < ' ') {
                throw wrong("a character or closing quotes");
            }
            at++;
            if (c == '"') {
                return out.toString();
            }
            out.append(c == '\\' ? escaped() : c);
        }
    }

    private char escaped() {
        char c = peek();
        at++;
        return switch (c) {
            case '"', '\\', '/' -> c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> unicode();
            default -> {
                at--;
                throw wrong("an escape such as \\n");
            }
        };
    }

    private char unicode() {
        int code = 0;
        for (int i = 0; i < 4; i++, at++) {
            char c = peek();
            int digit = c < 128 ? Character.digit(c, 16) : -1;
            if (digit < 0) {
                throw wrong("four hexadecimal digits");
            }
            code = 16 * code + digit;
        }
        return (char) code;
    }

    private Json word(String word, Json value) {
        if (!text.startsWith(word, at)) {
            throw wrong("a value");
        }
        at += word.length();
        return value;
    }

    private Json number() {
        int start = at;
        if (peek() == '-') {
            at++;
        }
        if (peek() == '0') {
            at++;
        } else {
            digits();
        }
        if (peek() == '.') {
            at++;
            digits();
        }
        if (peek() == 'e' || peek() == 'E') {
            at++;
            if (peek() == '+' || peek() == '-') {
                at++;
            }
            int exponent = at;
            digits();
            if (at - exponent > 4) {
                throw new NacreException("json: the number at " + start + " has too large an exponent");
            }
        }
        if (at - start > MAX_DIGITS) {
            throw new NacreException("json: the number at " + start + " has more than " + MAX_DIGITS + " digits");
        }
        return new Json.Number(new BigDecimal(text.substring(start, at)));
    }

    private void digits() {
        if (!isDigit(peek())) {
            throw wrong(at > 0 && "-.eE+".indexOf(text.charAt(at - 1)) >= 0 ? "a digit" : "a value");
        }
        while (isDigit(peek())) {
            at++;
        }
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private void space() {
        while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private void expect(char c) {
        if (peek() != c) {
            throw wrong("'" + c + "'");
        }
        at++;
    }

    /// The next character; 0 at the end.
    private char peek() {
        return at < text.length() ? text.charAt(at) : 0;
    }

    private NacreException wrong(String wanted) {
        String found = at < text.length() ? "'" + text.charAt(at) + "'" : "the end";
        return new NacreException("json: expected " + wanted + " at character " + at + ", but found " + found);
    }
}
