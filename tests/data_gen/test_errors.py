"""What a user is told: one line that every terminal can show."""

import pytest

from data_gen.errors import UserError, printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("daisy, 90° × φ", "daisy, 90° × φ"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31m", "\\x1b[31m"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\udce9"),
    ],
)
def test_what_cannot_be_printed_is_escaped(text, expected):
    assert printable(text) == expected
    printable(text).encode()


def test_a_message_is_one_line_that_can_be_encoded():
    error = UserError("/data/\udcff/1.png: expected a picture, got:\n  broken\r\nfile")
    assert str(error) == "/data/\\udcff/1.png: expected a picture, got: broken file"
    str(error).encode()
