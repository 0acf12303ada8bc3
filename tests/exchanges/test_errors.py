"""The error tree: what may be concluded follows from the class alone, and texts are bounded."""

import pytest

from exchanges import errors
from exchanges.errors import (
    BotError,
    ConfigError,
    ExchangeError,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
    RequestNotSent,
    RequestRefused,
    StreamClosed,
)


def test_every_error_is_a_bot_error():
    raised = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert len(raised) >= 14
    assert all(issubclass(item, BotError) for item in raised)


def test_outcomes_of_a_command_are_told_apart_by_class():
    outcomes = (RequestNotSent, RequestRefused, OutcomeUnknown)
    for one in outcomes:
        assert issubclass(one, ExchangeError)
        assert not any(issubclass(one, other) for other in outcomes if other is not one)


def test_refusals_are_refusals():
    kinds = {kind.__name__ for kind in RequestRefused.__subclasses__() if kind.__module__ == errors.__name__}
    assert kinds == {
        "ClockRefused",
        "AuthenticationRefused",
        "RateLimited",
        "UnknownOrder",
        "InsufficientMargin",
        "WouldCross",
        "ReduceOnlyRefused",
        "RuleViolated",
    }


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ExchangeError("aster", "ping"), "aster ping"),
        (ExchangeError("aster", "ping", "why"), "aster ping: why"),
        (RequestRefused("aster", "order", "no", code="-2019"), "aster order: [-2019] no"),
        (RequestRefused("aster", "order", "no"), "aster order: no"),
        (MalformedMessage("aster", "order", "bad", excerpt="<html>"), "aster order: bad ('<html>')"),
        (MalformedMessage("aster", "order", "bad"), "aster order: bad"),
        (ConfigError(["one", "two"]), "one\ntwo"),
    ],
)
def test_texts_say_where_and_why(error, text):
    assert str(error) == text


def test_details_are_kept():
    limited = RateLimited("aster", "order", "slow down", code="-1003", retry_after_s=7.0)
    assert (limited.code, limited.retry_after_s) == ("-1003", 7.0)
    assert not StreamClosed("aster", "send", "bye").unsent
    assert StreamClosed("aster", "send", "bye", unsent=True).unsent
    assert ConfigError(("one",)).problems == ("one",)


def test_excerpt_is_cut():
    assert len(MalformedMessage("aster", "x", "y", excerpt="z " * 10_000).excerpt) == 200


KEY = "0123456789abcdef" * 5


@pytest.mark.parametrize(
    "error",
    [
        MalformedMessage("aster", "x", "y", excerpt=f"{{'a': '{KEY}'}}"),
        MalformedMessage("aster", "x", "y", excerpt=" " * 180 + KEY),
        OutcomeUnknown("aster", "x", f"cut at {KEY}"),
        RequestRefused("aster", "x", f"listenKey={KEY[:20]} is bad", code="-1"),
        StreamClosed("aster", "x", f"wss://host/ws/{KEY}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_looks_like_a_key_is_in_no_text(error):
    assert KEY[:20] not in f"{error} {error!r} {error.args} {error.text} {getattr(error, 'excerpt', '')}"
