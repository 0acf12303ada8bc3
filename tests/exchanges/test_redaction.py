"""Texts from outside: no credential, nothing that steers a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.redaction import redact, visible, visible_lines

KEY = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"GET /x?signature={KEY}&a=1", "GET /x?signature=***&a=1"),
        ("listenKey: 'short', b", "listenKey: '***', b"),
        (f"POST 0x{KEY}", "POST ***"),
        ("X-API-KEY: abc", "X-API-KEY: ***"),
        ("Authorization=Bearer", "Authorization=***"),
        ("PASSWORD=x passwd=y", "PASSWORD=*** passwd=***"),
        ("the api is fine", "the api is fine"),
        ("order 12345 of BTCUSDT at 60000.5", "order 12345 of BTCUSDT at 60000.5"),
    ],
)
def test_what_looks_like_a_credential_is_starred(text, shown):
    assert redact(text) == shown


STEERING = ["\x1b[2J", "\x07", "\r", "\n", "\x00", "\x9b31m", "\u202e", "\u2066", "\u2028", "\ud800", "\ufeff", "\t"]


@pytest.mark.parametrize("sign", STEERING, ids=ascii)
def test_what_steers_a_terminal_becomes_a_question_mark(sign):
    assert visible(f"a{sign}b").startswith("a?")
    assert sign[0] not in visible(f"a{sign}b")


def test_letters_of_every_language_stay():
    text = "Preis 5 € für 比特币 ok 😀 [red]x[/red] <b>"
    assert visible(text) == text


def test_lines_may_stay_lines():
    assert visible_lines("one\ntwo\x1b[31m\n") == "one\ntwo?[31m\n"


@given(st.text())
def test_any_text_becomes_one_line_that_can_be_encoded(text):
    shown = visible(text)
    assert len(shown) == len(text)
    assert shown.encode().decode() == shown
    assert len(shown.splitlines()) <= 1
