"""The text of a row of tokens ends with its turn or before a stop string, and has the reason."""

import pytest

from r1v3.generate.decode_reply import decode_reply

STOP_ID = 0


class Letters:
    """A tokenizer whose ids are code points; the stop token decodes to `#`."""

    def decode(self, ids):
        return "".join("#" if each == STOP_ID else chr(each) for each in ids)


def reply(text, *stop):
    ids = [STOP_ID if letter == "#" else ord(letter) for letter in text]
    return decode_reply(Letters(), ids, STOP_ID, stop)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("row", "stop", "expected"),
    [
        ("abc#", (), ("abc", "stop")),
        ("abc", (), ("abc", "length")),
        ("", (), ("", "length")),
        ("#", (), ("", "stop")),
        ("abcENDde", ("END",), ("abc", "stop")),
        ("abcEN", ("END",), ("abcEN", "length")),
        ("a.b!c#", ("!", "."), ("a", "stop")),
    ],
)
def test_a_reply_ends_where_it_says(row, stop, expected):
    assert reply(row, *stop) == expected
